"""Three searches for the same candidates: ours, scikit-learn's, and a plain SQL query.

All look for the tracks that are nearest to each place of a playlist among those that a listener
allows. A listener's filters differ from anyone else's and each playlist has tolerances of its
own, so scikit-learn must build its index anew for each playlist. SQL looks at every track for
each place.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from recommender.catalogue.table import TrackTable
from recommender.mood.targets import Target, plan
from recommender.ranking.candidates import SearchConfig, nearest, reach

P = ParamSpec("P")
T = TypeVar("T")

_LENGTH = 50
_MOODS = (("happy", "match"), ("sad", "lift"), ("angry", "calm"))
_BANNED = 10
"""The listener bans the artists of whose keys this is a divisor."""

_REPEATS = 5
"""Of the quick searches the quickest of so many counts, since others may use the computer."""

_SQL = """
    select (valence - :valence) * (valence - :valence) / :per_valence
        + (energy - :energy) * (energy - :energy) / :per_energy as square
    from ranked where artist % :banned <> 0 order by square limit :count
"""


@dataclass(frozen=True, slots=True)
class Side:
    """How one search did.

    Args:
        name: What it is called in a table.
        build_ms: To build what only serves one playlist, on average.
        search_ms: To find the candidates of all places of one playlist, on average.
        distances: Of the candidates in tolerances, (places, count) for each playlist.
    """

    name: str
    build_ms: float
    search_ms: float
    distances: tuple[NDArray[np.float64], ...]


def side_by_side(table: TrackTable) -> tuple[Side, Side, Side]:
    """Let the three search for the same playlists, with one artist of ten banned.

    Args:
        table: The catalogue.
    """
    plans = [plan({emotion: 1.0}, mode, _LENGTH) for emotion, mode in _MOODS]
    return (
        _ours(table, plans),
        _scikit_learn(table, plans),
        _sql(table, plans),
    )


def agree(sides: Sequence[Side]) -> bool:
    """Return whether all found candidates at the same distances."""
    first, *others = sides
    return all(
        one.shape == another.shape and np.allclose(one, another, rtol=1e-5, atol=1e-7)
        for other in others
        for one, another in zip(first.distances, other.distances, strict=True)
    )


def _ours(table: TrackTable, plans: Sequence[Sequence[Target]]) -> Side:
    config = SearchConfig()

    def is_allowed(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        allowed: NDArray[np.bool_] = table.artist_keys[rows] % _BANNED != 0
        return allowed

    timed = []
    for targets in plans:
        tolerances = reach(targets, config)
        found, ms = _quickest(nearest, table, targets, is_allowed, tolerances, config.count)
        timed.append((found.distances.astype(np.float64), ms))
    return _side("Mirrortape", [0.0] * len(plans), timed)


def _scikit_learn(table: TrackTable, plans: Sequence[Sequence[Target]]) -> Side:
    config = SearchConfig()

    def build(tolerances: tuple[float, float]) -> NearestNeighbors:
        allowed = table.features[table.artist_keys % _BANNED != 0, :2]
        return NearestNeighbors(n_neighbors=config.count).fit(allowed / np.array(tolerances))

    builds, timed = [], []
    for targets in plans:
        tolerances = reach(targets, config)
        points = np.array([(target.valence, target.energy) for target in targets]) / tolerances
        distinct, places = np.unique(points, axis=0, return_inverse=True)
        index, build_ms = _quickest(build, tolerances)
        (distances, _), search_ms = _quickest(index.kneighbors, distinct)
        builds.append(build_ms)
        timed.append((distances[places.ravel()], search_ms))
    return _side("scikit-learn NearestNeighbors", builds, timed)


def _sql(table: TrackTable, plans: Sequence[Sequence[Target]]) -> Side:
    config = SearchConfig()
    timed = []
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("create table ranked (valence real, energy real, artist integer) strict")
        columns = (table.features[:, 0], table.features[:, 1], table.artist_keys)
        db.executemany(
            "insert into ranked values (?, ?, ?)", zip(*(c.tolist() for c in columns), strict=True)
        )
        for targets in plans:
            per_valence, per_energy = (tolerance**2 for tolerance in reach(targets, config))
            began = time.perf_counter()
            squares = {
                (valence, energy): db.execute(
                    _SQL,
                    {
                        "valence": valence,
                        "energy": energy,
                        "per_valence": per_valence,
                        "per_energy": per_energy,
                        "banned": _BANNED,
                        "count": config.count,
                    },
                ).fetchall()
                for valence, energy in {(each.valence, each.energy) for each in targets}
            }
            ms = (time.perf_counter() - began) * 1000
            found = np.array([squares[each.valence, each.energy] for each in targets])[..., 0]
            timed.append((np.sqrt(found), ms))
    return _side("SQL ORDER BY", [0.0] * len(plans), timed)


def _side(
    name: str, builds: Sequence[float], timed: Sequence[tuple[NDArray[np.float64], float]]
) -> Side:
    return Side(
        name=name,
        build_ms=float(np.mean(builds)),
        search_ms=float(np.mean([ms for _, ms in timed])),
        distances=tuple(found for found, _ in timed),
    )


def _quickest(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """Return what some work gives and the milliseconds of its quickest run."""
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        result = work(*args, **kwargs)
        times.append((time.perf_counter() - began) * 1000)
    return result, min(times)
