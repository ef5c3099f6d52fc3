"""A grid index over the valence-energy plane, to find the tracks near a point.

The grid's lines are quantiles of the catalogue, so that crowded regions have small cells. The rows
of a table are sorted by cell, so that each cell is a range of rows and the index only stores its
lines and where each cell starts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt
from typing import Any, NamedTuple

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
        lines: The boundaries between cells in valence and in energy, ascending, float32
            (2, side - 1).
    """

    starts: NDArray[np.int64]
    lines: NDArray[np.float32]

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
            points: Valence and energy, 0..1, float64 (p, 2).
            reach: Maximum difference in valence and in energy, float64 (2,).
        """
        lows = _cells(points - reach, self.lines)  # (p, 2)
        highs = _cells(points + reach, self.lines) + 1  # (p, 2)
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
        square: Valence and energy, float32 (n, 2), 0..1.
    """
    side = max(1, isqrt(len(square) // _TRACKS_PER_CELL))
    shares = np.arange(1, side) / side
    lines = np.quantile(square, shares, axis=0).T.astype(np.float32)  # (2, side - 1)
    places = _cells(square, lines)  # (n, 2)
    cells = places[:, 1] * side + places[:, 0]
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(side * side + 1))
    return order, Grid(starts.astype(np.int64), np.ascontiguousarray(lines))


def _cells(square: NDArray[np.floating[Any]], lines: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the index of the cell along each axis, int64 (n, 2)."""
    columns = [np.searchsorted(lines[k], square[:, k], side="right") for k in range(2)]
    return np.stack(columns, axis=1).astype(np.int64)


def _ranges(firsts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenate the ranges from each first up to its end (exclusive)."""
    counts = ends - firsts
    before = np.cumsum(counts) - counts  # numbers in earlier ranges
    numbers: NDArray[np.int64] = np.repeat(firsts - before, counts)
    numbers += np.arange(len(numbers))
    return numbers
