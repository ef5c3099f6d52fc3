"""Exact nearest-neighbour search in the valence-energy plane.

Distances are measured in tolerances. If a playlist stays in one mood, both axes have the same
tolerance. If it moves, each axis' tolerance is a share of its own change, so that a small rise in
energy stays audible beside a large rise in valence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.mood.targets import STEP, Target
from recommender.ranking.filters import Predicate

FAR = 0.20
"""A track farther from its target than this, in valence and energy, does not really match the
mood. Of 28,000 popular tracks, hardly any choice is that far away."""

TOLERANCES_PER_STEP = 5
"""Tolerances in a step of `STEP`, where a playlist stays in one mood."""


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """Parameters of the search."""

    tolerance: tuple[float, float] = (
        STEP[0] / TOLERANCES_PER_STEP,
        STEP[1] / TOLERANCES_PER_STEP,
    )
    """Tolerance in valence and in energy, if they stay constant or change much."""

    smallest_tolerance: float = 0.012
    """Minimum tolerance of an axis that moves, on the scale of valence and energy."""

    tolerance_per_way: float = 1 / 6
    """Tolerance as a share of the axis' change, within the two limits above. A sixth keeps the
    rank correlation of the tracks with moving targets above .9."""

    count: int = 600
    """Candidates per position; 600 of 28,000 tracks lie within about 0.08 of a target."""

    moving_count: int = 200
    """Candidates per position of a playlist that moves, or in a small catalogue. Each target of a
    moving playlist has other candidates; and in a small catalogue, more would be far away."""

    share: int = 40
    """Of so many tracks one is a candidate, within these two limits."""

    def candidates(self, tracks: int, *, is_held: bool) -> int:
        """Return the number of candidates per position.

        Args:
            tracks: How many tracks the catalogue has.
            is_held: Whether the playlist holds its mood.
        """
        few = min(self.moving_count, self.count)
        return min(max(tracks // self.share, few), self.count) if is_held else few


_HELD = 2
"""A playlist with at most this many different points holds them, and moves in no steps."""


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
    """Return a playlist's tolerances in valence and in energy."""
    is_held = holds(targets)

    def tolerance(usual: float, points: Sequence[float]) -> float:
        way = abs(points[-1] - points[0])
        if way < config.smallest_tolerance or is_held:
            return usual
        return min(max(way * config.tolerance_per_way, config.smallest_tolerance), usual)

    return (
        tolerance(config.tolerance[0], [target.valence for target in targets]),
        tolerance(config.tolerance[1], [target.energy for target in targets]),
    )


def holds(targets: Sequence[Target]) -> bool:
    """Return whether a playlist holds its mood, or at most changes it once."""
    return len({(target.valence, target.energy) for target in targets}) <= _HELD


def nearest(
    table: TrackTable,
    targets: Sequence[Target],
    is_allowed: Predicate,
    tolerances: tuple[float, float],
    count: int,
) -> Candidates:
    """Return the allowed tracks nearest to each target; ties go to the first row.

    It searches the cells around the targets and widens the radius until no unseen track can be
    nearer.

    Args:
        table: The catalogue.
        targets: The positions' targets, at least one.
        is_allowed: Which tracks may be chosen.
        tolerances: In valence and energy, from `reach`.
        count: Candidates per position; fewer if fewer tracks are allowed.
    """
    # tracks spread evenly over the plane would fill this disc with twice the wanted count
    radius = np.sqrt(2 * count / (np.pi * len(table) * tolerances[0] * tolerances[1]))
    points = [(target.valence, target.energy) for target in targets]
    found: dict[tuple[float, float], tuple[NDArray[np.int64], NDArray[np.float32]]] = {}
    while missing := [point for point in dict.fromkeys(points) if point not in found]:
        boxes = table.grid.boxes(np.array(missing), radius * np.array(tolerances))
        rows = table.grid.rows(boxes)
        rows = rows[is_allowed(rows)]
        square = table.features[rows, :2].astype(np.float64)  # exact ties
        valence, energy = square.T / np.array(tolerances)[:, None]  # (n,) each
        for point, box in zip(missing, boxes, strict=True):
            here = table.grid.inside(rows, box)
            squares = (valence[here] - point[0] / tolerances[0]) ** 2
            squares += (energy[here] - point[1] / tolerances[1]) ** 2
            is_all = box == table.grid.everything
            # all tracks in the disc were seen, except perhaps at its edge, by rounding
            places = _smallest(squares, count, np.inf if is_all else radius**2 * (1 - 1e-9))
            if is_all or len(places) == count:
                found[point] = rows[here[places]], np.sqrt(squares[places]).astype(np.float32)
        radius *= 2
    return Candidates(
        rows=np.stack([found[point][0] for point in points]),
        distances=np.stack([found[point][1] for point in points]),
    )


def _smallest(values: NDArray[np.float64], count: int, limit: float) -> NDArray[np.int64]:
    """Return the sorted indices of the smallest values up to a limit; ties go to the first.

    Args:
        values: float64 (n,).
        count: Maximum number of indices, at least 1.
        limit: The largest value to return.
    """
    places = np.flatnonzero(values <= limit)
    if len(places) > count:
        last = np.partition(values[places], count - 1)[count - 1]
        places = places[values[places] <= last]
    return places[np.argsort(values[places], kind="stable")[:count]]
