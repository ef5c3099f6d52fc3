"""A grid of cells over the valence-energy square: what lies near a point, without looking at all.

The rows of a table are sorted by cell, line by line, so that a cell is a range of rows and all
that a search has to remember is where each cell starts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_TRACKS_PER_CELL = 32
"""On average. Smaller cells hug a searched box more closely, but there are more of them."""


class Box(NamedTuple):
    """Neighbouring cells: columns from `left` to before `right`, lines from `bottom` to `top`."""

    left: int
    bottom: int
    right: int
    top: int


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

    @property
    def everything(self) -> Box:
        """The box of all cells."""
        return Box(0, 0, self.side, self.side)

    def boxes(self, points: NDArray[np.float64], reach: NDArray[np.float64]) -> list[Box]:
        """Return the boxes of cells that hold whatever lies within reach of each point.

        Args:
            points: Valence and energy in percentiles, float64 (p, 2).
            reach: How far from a point in valence and energy, float64 (2,).
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
        """Return the places of those of some ascending rows that are in a box."""
        lines = np.arange(box.bottom, box.top) * self.side
        bounds = self.starts[np.stack([lines + box.left, lines + box.right])]  # (2, lines)
        return _ranges(*np.searchsorted(rows, bounds))


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


def _ranges(firsts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers from each first to before its end, one range after the other."""
    counts = ends - firsts
    before = np.cumsum(counts) - counts  # numbers in earlier ranges
    numbers: NDArray[np.int64] = np.repeat(firsts - before, counts)
    numbers += np.arange(len(numbers))
    return numbers
