"""From a reading to a playlist: targets, catalogue, ranking, votes, and Spotify."""
