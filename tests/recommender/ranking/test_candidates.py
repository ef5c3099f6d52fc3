from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import Track
from recommender.mood.targets import Target, plan
from recommender.ranking.candidates import SearchConfig, nearest, reach
from recommender.ranking.filters import Predicate
from tests.support.songs import TRACK, random_tracks, table_of, track_id

CONFIG = SearchConfig()


def coarse_tracks(count: int) -> list[Track]:
    """Return tracks with so few different values that many lie in one place."""
    rng = np.random.default_rng(count)
    return [
        replace(
            TRACK, id=track_id(n), name=f"Song {n}", valence=float(valence), energy=float(energy)
        )
        for n, (valence, energy) in enumerate(rng.integers(0, 4, (count, 2)) / 4)
    ]


TABLES = [
    table_of(tracks)
    for tracks in (
        random_tracks(1),
        random_tracks(7),
        random_tracks(300),
        random_tracks(3_000, seed=1),
        coarse_tracks(500),
        [replace(TRACK, id=track_id(n)) for n in range(150)],  # all in one place
    )
]

shares = st.floats(0, 1)
points = st.builds(Target.at, shares, shares)
tolerances = st.tuples(st.floats(0.001, 0.5), st.floats(0.001, 0.5))


def all_but(barred: NDArray[np.bool_]) -> Predicate:
    return lambda rows: ~barred[rows]


def brute_force(
    table: TrackTable,
    target: Target,
    barred: NDArray[np.bool_],
    tolerances: tuple[float, float],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest allowed rows and their distances, by looking at all of them."""
    steps = np.array(tolerances)
    away = (
        table.features[:, :2].astype(np.float64) / steps
        - np.array([target.valence, target.energy]) / steps
    )
    squares = (away**2).sum(axis=1)
    rows = np.flatnonzero(~barred)
    rows = rows[np.argsort(squares[rows], kind="stable")[:count]]
    return rows, np.sqrt(squares[rows])


@given(
    st.sampled_from(TABLES),
    st.lists(points, min_size=1, max_size=5),
    tolerances,
    st.integers(1, 400),
    st.sampled_from([0.0, 0.3, 0.99, 1.0]),
    st.integers(0, 3),
)
def test_the_search_finds_what_brute_force_finds(
    table: TrackTable,
    targets: Sequence[Target],
    tolerances: tuple[float, float],
    count: int,
    barred_share: float,
    seed: int,
) -> None:
    barred = np.random.default_rng(seed).random(len(table)) < barred_share
    found = nearest(table, targets, all_but(barred), tolerances, count)
    for target, rows, distances in zip(targets, found.rows, found.distances, strict=True):
        expected_rows, expected = brute_force(table, target, barred, tolerances, count)
        assert rows.tolist() == expected_rows.tolist()
        np.testing.assert_allclose(distances, expected, rtol=1e-6, atol=1e-9)


def test_of_equally_near_tracks_the_first_are_taken() -> None:
    table = TABLES[-1]
    none = np.zeros(len(table), dtype=np.bool_)
    found = nearest(table, plan({"sad": 1.0}, "lift", 3), all_but(none), (0.05, 0.05), 4)
    assert found.rows.tolist() == [[0, 1, 2, 3]] * 3


def test_a_search_asks_only_about_what_is_near() -> None:
    table = TABLES[3]
    asked: list[int] = []

    def everything(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        asked.append(len(rows))
        return np.ones(len(rows), dtype=np.bool_)

    nearest(table, plan({"sad": 1.0}, "match", 20), everything, (0.05, 0.05), 20)
    assert 20 <= sum(asked) < len(table) / 10


def test_a_search_goes_as_far_as_its_filter_drives_it() -> None:
    table = TABLES[3]
    is_far = table.features[:, 0] > 0.98
    found = nearest(
        table, plan({"sad": 1.0}, "match", 20), lambda rows: is_far[rows], (0.05, 0.05), 20
    )
    assert found.rows.shape == (20, 20)
    assert is_far[found.rows].all()


def test_an_axis_that_glides_a_little_is_taken_more_exactly() -> None:
    valence, energy = reach(plan({"sad": 1.0}, "lift", 20), CONFIG)  # .36 and .08 of a way
    assert valence == CONFIG.tolerance[0]
    assert energy == pytest.approx(0.08 / 6)


def test_an_axis_that_holds_is_taken_easily() -> None:
    assert reach(plan({"sad": 1.0}, "match", 20), CONFIG) == CONFIG.tolerance


def test_two_tempers_are_no_glide() -> None:
    calm = plan({"sad": 1.0}, "calm", 20)
    assert len(set(calm)) == 2
    assert reach(calm, CONFIG) == CONFIG.tolerance
