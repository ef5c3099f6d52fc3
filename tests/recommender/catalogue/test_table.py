import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.loading import percentile_ranks
from recommender.catalogue.table import is_among
from tests.support.songs import random_tracks, table_of, track_id

TABLE = table_of(random_tracks(60))


def test_equal_values_share_the_mean_rank() -> None:
    ranks = percentile_ranks(np.array([5, 1, 5, 9], dtype=np.float32))
    np.testing.assert_allclose(ranks, [0.5, 0.125, 0.5, 0.875])


@given(st.lists(st.floats(-100, 100, width=32), min_size=1))
def test_ranks_are_shares_that_keep_the_order(values: list[float]) -> None:
    array = np.array(values, dtype=np.float32)
    ranks = percentile_ranks(array)
    assert ((ranks > 0) & (ranks < 1)).all()
    assert abs(float(ranks.mean()) - 0.5) < 1e-5
    order = np.argsort(array, kind="stable")
    assert (np.diff(ranks[order]) >= 0).all()
    assert ((np.diff(ranks[order]) > 0) == (np.diff(array[order]) > 0)).all()


@given(st.lists(st.one_of(st.integers(0, 120).map(track_id), st.text(max_size=25))))
def test_rows_finds_exactly_the_known_ids(ids: list[str]) -> None:
    known = {TABLE.track(row).id for row in range(len(TABLE))}
    found = [TABLE.track(int(row)).id for row in TABLE.rows(ids)]
    assert sorted(found) == sorted(known & set(ids))


@given(st.lists(st.integers(-9, 9)), st.lists(st.integers(-9, 9)))
def test_is_among_is_membership(keys: list[int], wanted: list[int]) -> None:
    found = is_among(np.array(keys, dtype=np.int64), wanted)
    assert found.tolist() == [key in wanted for key in keys]
