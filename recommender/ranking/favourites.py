"""The score bonus for favourite artists and genres, and for artists who are like them."""

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.genre_families import includes
from recommender.catalogue.table import TrackTable, is_among
from recommender.catalogue.tracks import Track, artist_key
from recommender.ranking.filters import of_genres
from recommender.taste.preferences import Preferences
from recommender.taste.traits import scaled

ARTIST_WEIGHT = 1.5
"""Bonus in log-odds for a favourite artist: worth three tolerances of distance, so that they are
in nearly every playlist whose mood some of their tracks come near."""

GENRE_WEIGHT = 0.8
"""Bonus in log-odds for a favourite genre: less, since it applies to many tracks."""

NEIGHBOUR_WEIGHT = 0.5
"""Bonus in log-odds for an artist of the same genre who sounds exactly like a favourite."""


def favourite_rows(table: TrackTable, preferences: Preferences) -> NDArray[np.int64]:
    """Return the rows of all tracks by favourite artists, int64 (n,)."""
    artists = [artist_key(name) for name in preferences.favourite_artists]
    return (
        np.flatnonzero(is_among(table.artist_keys, artists)) if artists else np.empty(0, np.int64)
    )


class Favourites:
    """What a listener's favourites add to the score of each track.

    Args:
        table: The catalogue.
        preferences: The listener's settings.
        own: `favourite_rows` of these.
    """

    def __init__(
        self, table: TrackTable, preferences: Preferences, own: NDArray[np.int64]
    ) -> None:
        self._table = table
        self._is_of_genre = of_genres(table, preferences.favourite_genres)
        self._artists = np.unique(table.artist_keys[own])
        self._sounds, self._shares_genre = [], []  # one of each for each artist
        for key in self._artists:
            rows = own[table.artist_keys[own] == key]
            self._sounds.append(scaled(table.features[rows]).mean(axis=0))  # (K,)
            shares_genre = np.zeros(len(table.genres), dtype=np.bool_)
            shares_genre[table.genre_codes[rows]] = True
            shares_genre[0] = False  # no genre is none to share
            self._shares_genre.append(shares_genre)

    def bonus(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the bonus of n tracks, float32 (n,)."""
        table = self._table
        total = (GENRE_WEIGHT * self._is_of_genre(rows)).astype(np.float32)
        if len(self._artists):
            codes = table.genre_codes[rows]  # (n, G)
            likeness = np.zeros(len(rows), dtype=np.float32)
            sounds = scaled(table.features[rows])  # (n, K)
            for sound, shared in zip(self._sounds, self._shares_genre, strict=True):
                near = np.exp(-((sounds - sound) ** 2).mean(axis=1) / 2)
                likeness = np.maximum(likeness, near * shared[codes].any(axis=1))
            is_own = is_among(table.artist_keys[rows], self._artists)
            total += np.where(is_own, ARTIST_WEIGHT, NEIGHBOUR_WEIGHT * likeness)
        return total


def is_by_favourite(track: Track, preferences: Preferences) -> bool:
    """Return whether a track's first artist is a favourite."""
    return artist_key(track.artist) in map(artist_key, preferences.favourite_artists)


def favourite_genre_of(track: Track, preferences: Preferences) -> str | None:
    """Return the favourite genre or family that a track belongs to, if any."""
    for wanted in preferences.favourite_genres:
        if any(includes(wanted, genre) for genre in track.genre.split(", ") if genre):
            return wanted
    return None
