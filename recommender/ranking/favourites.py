"""The score bonus for favourite artists and genres."""

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable, is_among
from recommender.catalogue.tracks import Track, artist_key, genre_key
from recommender.taste.preferences import Preferences

ARTIST_WEIGHT = 0.4
"""Bonus in log-odds for a favourite artist, as much as from a few likes. It decides between tracks
that fit equally, and is too small to bring in one that does not fit."""

GENRE_WEIGHT = 0.2
"""Bonus in log-odds for a favourite genre: less, since it applies to many tracks."""


def favoured(
    table: TrackTable, rows: NDArray[np.int64], preferences: Preferences
) -> NDArray[np.float32]:
    """Return the score bonus of n tracks, float32 (n,).

    Args:
        table: The catalogue.
        rows: The tracks' rows, int64 (n,).
        preferences: The listener's settings.
    """
    artists = [artist_key(name) for name in preferences.favourite_artists]
    genres = {genre_key(name) for name in preferences.favourite_genres}
    is_favourite = np.array([genre_key(genre) in genres for genre in table.genres])  # (genres,)
    by_artist = ARTIST_WEIGHT * is_among(table.artist_keys[rows], artists)
    by_genre = GENRE_WEIGHT * is_favourite[table.genre_codes[rows]]
    total: NDArray[np.float32] = (by_artist + by_genre).astype(np.float32)
    return total


def is_by_favourite(track: Track, preferences: Preferences) -> bool:
    """Return whether a track's first artist is a favourite."""
    return artist_key(track.artist) in map(artist_key, preferences.favourite_artists)


def is_of_favourite_genre(track: Track, preferences: Preferences) -> bool:
    """Return whether a track's main genre is a favourite."""
    return genre_key(track.genre) in map(genre_key, preferences.favourite_genres)
