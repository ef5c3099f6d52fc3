"""Scores, differences and intervals against numbers worked out by hand and scikit-learn's."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from tests.support.evaluation_data import certain
from vision.evaluation.metrics import (
    MIN_ROWS,
    accuracy,
    compare,
    macro_f1,
    mean_interval,
    reliability,
    score,
)
from vision.network.calibration import calibration_error


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


answered = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 6), min_size=n, max_size=n),
        st.lists(st.integers(0, 6), min_size=n, max_size=n),
    )
)


def test_scores_worked_out_by_hand() -> None:
    # angry: 2 rows, 1 right; happy: 3 rows, 2 right; sad: no rows, answered once
    truth, answers = [0, 0, 3, 3, 3], [0, 3, 3, 3, 4]
    scores = score(certain(answers, 0.9), np.array(truth), rng())
    assert (scores.n, scores.accuracy) == (5, pytest.approx(0.6))
    assert scores.per_class["angry"].precision == 1.0
    assert scores.per_class["angry"].recall == 0.5
    assert scores.per_class["happy"].f1 == pytest.approx(2 / 3)
    assert scores.per_class["happy"].n == 3
    assert scores.per_class["sad"].recall is None
    assert scores.per_class["sad"].precision == scores.per_class["sad"].f1 == 0.0
    assert scores.per_class["fear"].f1 is None
    assert scores.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert scores.weighted_f1 == pytest.approx(2 / 3)
    assert scores.ece == pytest.approx(0.3)
    assert scores.confusion[0, 3] == 1
    assert scores.confusion[3].tolist() == [0, 0, 0, 2, 1, 0, 0]


@settings(max_examples=30)
@given(answered)
def test_scores_agree_with_scikit_learn(rows: tuple[list[int], list[int]]) -> None:
    truth, answers = rows
    scores = score(certain(answers), np.array(truth), rng())
    assert scores.accuracy == pytest.approx(accuracy_score(truth, answers))
    for average, ours in (("macro", scores.macro_f1), ("weighted", scores.weighted_f1)):
        assert ours == pytest.approx(f1_score(truth, answers, average=average, zero_division=0))
    assert scores.confusion.sum() == len(truth)
    json.dumps(scores.to_json(), allow_nan=False)


@settings(max_examples=30)
@given(answered, st.integers(0, 2**32))
def test_bins_hold_every_row_and_give_the_calibration_error(
    rows: tuple[list[int], list[int]], seed: int
) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(7), len(rows[0]))
    truth = np.array(rows[0])
    bins = reliability(probabilities, truth)
    assert sum(part.n for part in bins) == len(truth)
    gaps = sum(part.n * abs(part.confidence - part.accuracy) for part in bins)
    assert gaps / len(truth) == pytest.approx(calibration_error(probabilities, truth))


def test_the_interval_of_accuracy_is_as_wide_as_the_binomial_says() -> None:
    n, right = 400, 320
    answers = [0] * right + [1] * (n - right)
    scores = score(certain(answers), np.zeros(n, dtype=np.int64), rng())
    assert scores.accuracy_interval is not None
    low, high = scores.accuracy_interval
    expected = 2 * 1.96 * np.sqrt(0.8 * 0.2 / n)
    assert low < 0.8 < high
    assert high - low == pytest.approx(expected, rel=0.1)


def test_a_paired_difference_is_narrower_than_an_unpaired_one() -> None:
    # both wrong on the same 100 rows of 500, the first right on 10 more
    truth = np.zeros(500, dtype=np.int64)
    first, second = [1] * 100 + [0] * 400, [1] * 110 + [0] * 390
    difference = compare(certain(first), certain(second), truth, rng())
    assert difference.accuracy == pytest.approx(0.02)
    assert difference.accuracy_interval is not None
    low, high = difference.accuracy_interval
    assert 0 < low < 0.02 < high < 0.04


@settings(max_examples=30)
@given(answered)
def test_swapping_two_heads_turns_the_difference_round(
    rows: tuple[list[int], list[int]],
) -> None:
    truth, first = (np.array(part) for part in rows)
    second = truth[::-1]
    one = compare(certain(first), certain(second), truth, rng())
    other = compare(certain(second), certain(first), truth, rng())
    assert one.accuracy == pytest.approx(-other.accuracy)
    assert one.macro_f1 == pytest.approx(-other.macro_f1)
    own = score(certain(first), truth, rng())
    assert one.accuracy == pytest.approx(
        own.accuracy - score(certain(second), truth, rng()).accuracy
    )


def test_too_few_rows_have_no_interval() -> None:
    few = score(certain([0] * (MIN_ROWS - 1)), np.zeros(MIN_ROWS - 1, dtype=np.int64), rng())
    assert few.accuracy_interval is few.macro_f1_interval is None
    enough = score(certain([0] * MIN_ROWS), np.zeros(MIN_ROWS, dtype=np.int64), rng())
    assert enough.accuracy_interval == (1.0, 1.0)


def test_stacked_confusions_are_scored_one_by_one() -> None:
    confusions = rng().integers(0, 9, (5, 7, 7))
    assert accuracy(confusions) == pytest.approx([float(accuracy(c)) for c in confusions])
    assert macro_f1(confusions) == pytest.approx([float(macro_f1(c)) for c in confusions])


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says() -> None:
    values = rng().normal(3, 2, 400)
    interval = mean_interval(values, rng())
    assert interval is not None
    low, high = interval
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(400), rel=0.1)
    assert mean_interval(values[: MIN_ROWS - 1], rng()) is None
