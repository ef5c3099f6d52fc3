"""How well one track follows another: style, tempo, key and loudness.

A playlist hangs together if neighbours are alike in what a listener notices at the change of
tracks. Keys are compared on the circle of fifths, as DJs do with the Camelot wheel.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.genre_families import style_of
from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import FEATURES

_TEMPO, _MODE, _LOUDNESS = map(FEATURES.index, ("tempo_bpm", "mode", "loudness_db"))

_TEMPO_WEIGHT, _KEY_WEIGHT, _LOUDNESS_WEIGHT = 0.4, 0.3, 0.3

_OCTAVE = 0.5
"""Half an octave of tempo is as far as two tempos can be: double tempo feels the same."""

_LOUD_DB = 8.0
"""A change of this many decibels is as bad as any larger one."""

_FAR_KEY = 6
"""The opposite side of the circle of fifths."""


def styles(table: TrackTable) -> NDArray[np.int64]:
    """Return the style of each of the table's genres as a number, int64 (genres,); 0 is none."""
    codes: dict[str, int] = {"": 0}
    return np.array([codes.setdefault(style_of(genre), len(codes)) for genre in table.genres])


class Flow:
    """The cost of following one track with another, 0 (seamless) to 1.

    Args:
        table: The catalogue.
        rows: The candidates, int64 (n,).
    """

    def __init__(self, table: TrackTable, rows: NDArray[np.int64]) -> None:
        features = table.features[rows]
        self._octaves = np.log2(np.maximum(features[:, _TEMPO], 1.0))  # (n,)
        self._loudness = features[:, _LOUDNESS]
        keys = table.keys[rows].astype(np.int64)
        is_minor = features[:, _MODE] < 0.5
        # a minor key stands where its relative major does; 7 steps of a semitone are a fifth
        self._hours = ((keys + 3 * is_minor) * 7) % 12
        self._is_minor = is_minor
        self._is_known = keys >= 0

    def cost(
        self, before: int, after: NDArray[np.int64] | slice = slice(None)
    ) -> NDArray[np.float64]:
        """Return the cost of some candidates after one of them, float64 (n,).

        Args:
            before: Index of the earlier track among the candidates.
            after: Indices of those that might follow; all by default.
        """
        octaves = np.abs(self._octaves[after] - self._octaves[before]) % 1.0
        tempo = np.minimum(octaves, 1.0 - octaves) / _OCTAVE
        hours = np.abs(self._hours[after] - self._hours[before])
        key = np.minimum(hours, 12 - hours) + (self._is_minor[after] != self._is_minor[before])
        is_known = self._is_known[after] & self._is_known[before]
        key = np.where(is_known, np.minimum(key, _FAR_KEY) / _FAR_KEY, 0.5)
        changes = np.abs(self._loudness[after] - self._loudness[before])
        loudness = np.minimum(changes / _LOUD_DB, 1.0)
        cost: NDArray[np.float64] = (
            _TEMPO_WEIGHT * tempo + _KEY_WEIGHT * key + _LOUDNESS_WEIGHT * loudness
        )
        return cost


def smooth_order(table: TrackTable, rows: Sequence[int], after: int | None = None) -> list[int]:
    """Return the order of tracks, as indices into `rows`, in which each follows well.

    It starts with the first track, or with the one that best follows `after`, and always takes the
    best of the rest.

    Args:
        table: The catalogue.
        rows: The tracks.
        after: The row of the track before them, if any.
    """
    if len(rows) <= 1:
        return list(range(len(rows)))
    everything = np.array([*rows, *([] if after is None else [after])], dtype=np.int64)
    flow = Flow(table, everything)
    left = list(range(len(rows)))
    order = [] if after is not None else [left.pop(0)]
    last = len(rows) if after is not None else order[0]
    while left:
        cost = flow.cost(last)
        last = min(left, key=lambda place: float(cost[place]))
        left.remove(last)
        order.append(last)
    return order
