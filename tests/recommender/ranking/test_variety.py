import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.ranking.variety import Likeness
from recommender.taste.taste import similarity
from tests.support.songs import random_tracks, table_of

TABLE = table_of(random_tracks(60, artists=12))
ROWS = np.arange(0, 60, 2)


def alike(one: int, other: int) -> float:
    """Return how much alike two tracks are, told in the plainest way."""
    a, b = TABLE.track(one), TABLE.track(other)
    if a.artist == b.artist:
        return 1.0
    sound = similarity(TABLE.features[[one]], TABLE.features[[other]])[0, 0]
    return float(sound / 2)


@given(st.lists(st.integers(0, 59), max_size=6), st.lists(st.integers(0, 59), max_size=6))
def test_the_most_alike_of_all_that_were_chosen_counts(
    before: list[int], after: list[int]
) -> None:
    likeness = Likeness(TABLE, ROWS, before)
    for row in after:
        likeness.add(row)
    chosen = before + after
    expected = [max((alike(int(row), other) for other in chosen), default=0.0) for row in ROWS]
    assert likeness.most == pytest.approx(expected, abs=1e-4)
