import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.candidates import SearchConfig, nearest, reach
from recommender.targets import EMOTIONS, MODES, plan
from tests.songs import random_tracks, table_of

TABLE = table_of(random_tracks(300))
CONFIG = SearchConfig()


@given(
    st.sampled_from(EMOTIONS),
    st.sampled_from(MODES),
    st.integers(1, 6),
    st.integers(1, 400),
    st.sets(st.integers(0, 299), max_size=299),
)
def test_no_track_that_was_left_out_is_nearer(
    emotion: str, mode: str, length: int, count: int, barred: set[int]
) -> None:
    targets = plan({emotion: 1.0}, mode, length)
    eligible = np.ones(len(TABLE), dtype=np.bool_)
    eligible[list(barred)] = False
    tolerances = reach(targets, CONFIG)
    found = nearest(TABLE, targets, eligible, tolerances, count)
    assert found.rows.shape == (length, min(count, eligible.sum()))
    for target, rows, distances in zip(targets, found.rows, found.distances, strict=True):
        away = (TABLE.ranks[:, :2] - [target.valence, target.energy]) / tolerances
        expected = np.sort(np.linalg.norm(away, axis=1)[eligible])[: len(rows)]
        np.testing.assert_allclose(distances, expected, rtol=1e-3, atol=1e-4)
        assert eligible[rows].all()
        assert len(set(rows)) == len(rows)


def test_an_axis_that_glides_a_little_is_taken_more_exactly() -> None:
    valence, energy = reach(plan({"sad": 1.0}, "lift", 20), CONFIG)  # .36 and .08 of a way
    assert valence == CONFIG.tolerance
    assert energy == pytest.approx(0.08 / 6)


def test_an_axis_that_holds_is_taken_easily() -> None:
    assert reach(plan({"sad": 1.0}, "match", 20), CONFIG) == (CONFIG.tolerance, CONFIG.tolerance)
