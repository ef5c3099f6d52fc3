"""Similarity between tracks, for varied playlists."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.taste.traits import FEATURE_SCALES


class Likeness:
    """The similarity of each candidate to the most similar track chosen so far.

    Tracks by the same artist have similarity 1, others up to a half by their sound. Genre does not
    count: a playlist keeps to one style for a while on purpose.

    Args:
        table: The catalogue.
        rows: The candidates' rows, int64 (n,).
        chosen: The rows of tracks chosen before.

    Attributes:
        most: float32 (n,), 0..1; 0 if nothing was chosen yet.
    """

    def __init__(
        self, table: TrackTable, rows: NDArray[np.int64], chosen: Iterable[int] = ()
    ) -> None:
        self._table = table
        self._sounds = table.features[rows] / FEATURE_SCALES  # (n, K)
        self._lengths = np.einsum("nk,nk->n", self._sounds, self._sounds)
        self._artists = table.artist_keys[rows]
        self.most = np.zeros(len(rows), dtype=np.float32)
        for row in chosen:
            self.add(row)

    def add(self, row: int) -> None:
        """Add a chosen track."""
        table = self._table
        sound = table.features[row] / FEATURE_SCALES  # (K,)
        squares = self._lengths + sound @ sound - 2 * (self._sounds @ sound)  # (n,)
        alike = np.exp(np.maximum(squares, 0) / -2) / 2  # as `taste.similarity`
        alike[self._artists == table.artist_keys[row]] = 1
        np.maximum(self.most, alike, out=self.most)
