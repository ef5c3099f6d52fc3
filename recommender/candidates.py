"""Exact search: which tracks lie nearest to each target in the valence-energy square.

Distance is measured in tolerances. Where a playlist holds a mood, both axes tolerate the same.
Where it glides, each axis tolerates a share of its own way, so that a small rise in energy is
still heard as one beside a large rise in valence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.table import TrackTable
from recommender.targets import Target


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
    eligible: NDArray[np.bool_],
    tolerances: tuple[float, float],
    count: int,
) -> Candidates:
    """Return the eligible tracks that are nearest to each target.

    Args:
        table: The catalogue.
        targets: The positions' targets, at least one.
        eligible: Which rows may be chosen, bool (n,), at least one.
        tolerances: In valence and energy, as `reach` gives them.
        count: Candidates for each position; fewer where fewer are eligible.
    """
    per_valence, per_energy = (np.float32(1 / tolerance) for tolerance in tolerances)
    pool = np.flatnonzero(eligible)
    valence = table.ranks[pool, 0] * per_valence  # (n,)
    energy = table.ranks[pool, 1] * per_energy  # (n,)
    count = min(count, len(pool))
    # this disc would hold twice the wanted tracks if they were spread evenly over the square
    guess = 2 * count / (np.pi * len(pool) * tolerances[0] * tolerances[1])
    found: dict[tuple[float, float], tuple[NDArray[np.int64], NDArray[np.float32]]] = {}
    for target in targets:
        point = (target.valence, target.energy)
        if point in found:
            continue
        squares = (valence - np.float32(target.valence) * per_valence) ** 2
        squares += (energy - np.float32(target.energy) * per_energy) ** 2
        places = _smallest(squares, count, guess)
        found[point] = pool[places], np.sqrt(squares[places])
    points = [found[target.valence, target.energy] for target in targets]
    return Candidates(
        rows=np.stack([rows for rows, _ in points]),
        distances=np.stack([distances for _, distances in points]),
    )


def _smallest(values: NDArray[np.float32], count: int, guess: float) -> NDArray[np.int64]:
    """Return the places of the smallest values in order.

    Looking only at those below a guess is ten times as fast as partitioning all of them, and just
    as exact, since the guess is raised until enough lie below it.

    Args:
        values: float32 (n,), 0 or more.
        count: How many places, from 1 to n.
        guess: About which value is the last of them, above 0.
    """
    below = np.flatnonzero(values <= guess)
    while len(below) < count:
        guess *= 4
        below = np.flatnonzero(values <= guess)
    places = below[np.argpartition(values[below], count - 1)[:count]]
    return places[np.argsort(values[places], kind="stable")]
