"""A grid index over the valence-energy plane, to find the tracks near a point.

The rows of a table are sorted by cell, so that each cell is a range of rows and the index only
stores where each cell starts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_TRACKS_PER_CELL = 32
"""On average. Smaller cells fit a searched box more closely, but there are more of them."""


class Box(NamedTuple):
    """A rectangle of cells; `right` and `top` are exclusive."""

    left: int
    bottom: int
    right: int
    top: int


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The grid index of a table with n rows.

    Args:
        starts: First row of each cell, then n: int64 (side² + 1,). Cells are ordered by energy,
            then by valence.
    """

    starts: NDArray[np.int64]

    @property
    def side(self) -> int:
        """The number of cells along each axis."""
        return isqrt(len(self.starts) - 1)

    @property
    def everything(self) -> Box:
        """The box of all cells."""
        return Box(0, 0, self.side, self.side)

    def boxes(self, points: NDArray[np.float64], reach: NDArray[np.float64]) -> list[Box]:
        """Return, for each point, the box of cells that covers everything within reach.

        Args:
            points: Valence and energy in percentiles, float64 (p, 2).
            reach: Maximum difference in valence and in energy, float64 (2,).
        """
        lows = _lines(points - reach, self.side)  # (p, 2)
        highs = _lines(points + reach, self.side) + 1  # (p, 2)
        return [Box(*box) for box in np.hstack([lows, highs]).tolist()]

    def rows(self, boxes: Iterable[Box]) -> NDArray[np.int64]:
        """Return the rows in any of the boxes, ascending."""
        is_inside = np.zeros((self.side, self.side), dtype=np.bool_)  # energy, valence
        for box in boxes:
            is_inside[box.bottom : box.top, box.left : box.right] = True
        cells = np.flatnonzero(is_inside)
        return _ranges(self.starts[cells], self.starts[cells + 1])

    def inside(self, rows: NDArray[np.int64], box: Box) -> NDArray[np.int64]:
        """Return the indices of those rows that are in a box; `rows` must be ascending."""
        lines = np.arange(box.bottom, box.top) * self.side
        bounds = self.starts[np.stack([lines + box.left, lines + box.right])]  # (2, lines)
        return _ranges(*np.searchsorted(rows, bounds))


def sort_by_cell(square: NDArray[np.float32]) -> tuple[NDArray[np.int64], Grid]:
    """Return the order that sorts rows by cell (stable), and the grid of the sorted rows.

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
    """Return the cell index of each coordinate, clipped to the grid."""
    return np.clip(np.floor(square * side), 0, side - 1).astype(np.int64)


def _ranges(firsts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenate the ranges from each first up to its end (exclusive)."""
    counts = ends - firsts
    before = np.cumsum(counts) - counts  # numbers in earlier ranges
    numbers: NDArray[np.int64] = np.repeat(firsts - before, counts)
    numbers += np.arange(len(numbers))
    return numbers
