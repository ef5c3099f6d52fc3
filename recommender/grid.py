"""A grid of cells over the valence-energy square: what lies near a point, without looking at all.

The rows of a table are sorted by cell, line by line, so that a cell is a range of rows and all
that a search has to remember is where each cell starts.
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

_TRACKS_PER_CELL = 32
"""On average. Smaller cells hug a searched box more closely, but there are more of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the cells of a table of n rows start.

    Args:
        starts: First row of each cell, line by line from low energy to high and in a line from
            low valence to high, and n at the end: int64 (side² + 1,).
    """

    starts: NDArray[np.int64]

    @property
    def side(self) -> int:
        """How many cells there are along each axis."""
        return isqrt(len(self.starts) - 1)

    def rows_near(
        self, points: NDArray[np.float64], reach: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the rows of all cells that lie within reach of any point, ascending.

        Args:
            points: Valence and energy in percentiles, float64 (p, 2).
            reach: How far from a point in valence and energy, float64 (2,).
        """
        side = self.side
        lows = _lines(points - reach, side)  # (p, 2)
        highs = _lines(points + reach, side) + 1  # (p, 2)
        is_near = np.zeros((side, side), dtype=np.bool_)  # energy, valence
        for (left, low), (right, high) in zip(lows.tolist(), highs.tolist(), strict=True):
            is_near[low:high, left:right] = True
        cells = np.flatnonzero(is_near)
        firsts = self.starts[cells]
        counts = self.starts[cells + 1] - firsts
        before = np.cumsum(counts) - counts  # rows of the cells before each
        rows: NDArray[np.int64] = np.repeat(firsts - before, counts)
        rows += np.arange(len(rows))
        return rows


def sort_by_cell(square: NDArray[np.float32]) -> tuple[NDArray[np.int64], Grid]:
    """Return the order in which rows lie cell by cell, and the grid of rows so ordered.

    Rows of one cell keep their order.

    Args:
        square: Valence and energy in percentiles, float32 (n, 2), 0..1.
    """
    side = max(1, isqrt(len(square) // _TRACKS_PER_CELL))
    lines = _lines(square.astype(np.float64), side)  # (n, 2)
    cells = lines[:, 1] * side + lines[:, 0]
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(side * side + 1))
    return order, Grid(starts.astype(np.int64))


def _lines(square: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    """Return which line of cells each coordinate falls into; what is outside, the outermost."""
    return np.clip(np.floor(square * side), 0, side - 1).astype(np.int64)
