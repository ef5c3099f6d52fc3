"""Turns emotions into playlists: targets, catalogue, ranking, votes, and Spotify.

The entry points are `recommend.recommend` (pure: emotions in, tracks out), `catalogue.catalogue`
(fills and loads the tracks), and `listeners.store` (readings, playlists and votes).
"""
