"""Exact search: which tracks lie nearest to each target in the valence-energy square.

Distance is measured in tolerances. Where a playlist holds a mood, both axes tolerate the same.
Where it glides, each axis tolerates a share of its own way, so that a small rise in energy is
still heard as one beside a large rise in valence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.mood.targets import Target
from recommender.ranking.filters import Predicate


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """How far and how wide to search."""

    tolerance: float = 0.05
    """Percentiles that a track may be off on an axis that holds, or glides far."""

    smallest_tolerance: float = 0.012
    """The same on an axis that glides only a little."""

    tolerance_per_way: float = 1 / 6
    """Share of an axis' way that is tolerated, within the two limits above. A sixth keeps the rank
    correlation of a glide's tracks with its targets above .9."""

    count: int = 240
    """Candidates for each position; 240 of 28,000 tracks lie within about 0.05 of a target."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The nearest tracks of each of P positions, nearest first.

    Args:
        rows: Rows in the table, int64 (P, C).
        distances: Distance to the position's target in tolerances, float32 (P, C).
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]


def reach(targets: Sequence[Target], config: SearchConfig) -> tuple[float, float]:
    """Return the tolerance in valence and in energy, in percentiles, of a whole playlist."""

    def tolerance(way: float) -> float:
        if way < config.smallest_tolerance:  # the axis holds
            return config.tolerance
        wanted = max(way * config.tolerance_per_way, config.smallest_tolerance)
        return min(wanted, config.tolerance)

    return (
        tolerance(abs(targets[-1].valence - targets[0].valence)),
        tolerance(abs(targets[-1].energy - targets[0].energy)),
    )


def nearest(
    table: TrackTable,
    targets: Sequence[Target],
    is_allowed: Predicate,
    tolerances: tuple[float, float],
    count: int,
) -> Candidates:
    """Return the allowed tracks that are nearest to each target; of equally near ones the first.

    Looks at the cells around the targets, and farther until what it has not seen cannot be nearer
    than what it has found.

    Args:
        table: The catalogue.
        targets: The positions' targets, at least one.
        is_allowed: Which tracks may be chosen.
        tolerances: In valence and energy, as `reach` gives them.
        count: Candidates for each position; fewer where fewer are allowed.
    """
    # this disc would hold twice the wanted tracks if they were spread evenly over the square
    radius = np.sqrt(2 * count / (np.pi * len(table) * tolerances[0] * tolerances[1]))
    points = [(target.valence, target.energy) for target in targets]
    found: dict[tuple[float, float], tuple[NDArray[np.int64], NDArray[np.float32]]] = {}
    while missing := [point for point in dict.fromkeys(points) if point not in found]:
        boxes = table.grid.boxes(np.array(missing), radius * np.array(tolerances))
        rows = table.grid.rows(boxes)
        rows = rows[is_allowed(rows)]
        square = table.ranks[rows, :2].astype(np.float64)  # not even rounding shall decide
        valence, energy = square.T / np.array(tolerances)[:, None]  # (n,) each
        for point, box in zip(missing, boxes, strict=True):
            here = table.grid.inside(rows, box)
            squares = (valence[here] - point[0] / tolerances[0]) ** 2
            squares += (energy[here] - point[1] / tolerances[1]) ** 2
            is_all = box == table.grid.everything
            # all tracks in the disc were seen, but for one that rounding puts on its edge
            places = _smallest(squares, count, np.inf if is_all else radius**2 * (1 - 1e-9))
            if is_all or len(places) == count:
                found[point] = rows[here[places]], np.sqrt(squares[places]).astype(np.float32)
        radius *= 2
    return Candidates(
        rows=np.stack([found[point][0] for point in points]),
        distances=np.stack([found[point][1] for point in points]),
    )


def _smallest(values: NDArray[np.float64], count: int, limit: float) -> NDArray[np.int64]:
    """Return the places of the smallest values up to a limit in order, the first of equal ones.

    Args:
        values: float64 (n,).
        count: How many places at most, at least 1.
        limit: The largest value that may be among them.
    """
    places = np.flatnonzero(values <= limit)
    if len(places) > count:
        last = np.partition(values[places], count - 1)[count - 1]
        places = places[values[places] <= last]
    return places[np.argsort(values[places], kind="stable")[:count]]
