"""The curve of answers that are given, and the confidence below which it is better to ask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from tests.support.evaluation_data import certain
from vision.evaluation.coverage import THRESHOLDS, ask_threshold, coverage_of, curve
from vision.evaluation.metrics import MIN_ROWS

answers = st.lists(st.tuples(st.integers(15, 100), st.booleans()), min_size=1, max_size=60)


def arrays(pairs: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    confidences, is_right = zip(*pairs, strict=True)
    return np.array(confidences) / 100, np.array(is_right)


def calibrated(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return answers that are right as often as they say."""
    rng = np.random.default_rng(seed)
    confidences = rng.uniform(0.2, 1, count)
    return confidences, rng.random(count) < confidences


def test_a_curve_worked_out_by_hand() -> None:
    confidences, is_right = np.array([0.2, 0.5, 0.6, 0.88]), np.array([True, False, True, True])
    points = {point.threshold: point for point in curve(confidences, is_right)}
    assert tuple(points) == THRESHOLDS
    assert (points[0.3].coverage, points[0.3].accuracy) == (0.75, pytest.approx(2 / 3))
    assert (points[0.5].coverage, points[0.5].accuracy) == (0.75, pytest.approx(2 / 3))
    assert (points[0.55].coverage, points[0.55].accuracy) == (0.5, 1.0)
    assert (points[0.9].coverage, points[0.9].accuracy) == (0.0, None)


@given(answers)
def test_a_higher_threshold_never_answers_more(pairs: list[tuple[int, bool]]) -> None:
    shares = [point.coverage for point in curve(*arrays(pairs))]
    assert shares == sorted(shares, reverse=True)


def test_asking_begins_where_claims_are_wrong_more_often_than_right() -> None:
    # Of ten answers at each confidence: 2, 4, 6 and 9 are right.
    confidences = np.repeat([0.3, 0.4, 0.6, 0.9], 10)
    is_right = np.concatenate([np.arange(10) < right for right in (2, 4, 6, 9)])
    assert ask_threshold(confidences, is_right) == 0.6
    assert ask_threshold(confidences, is_right, wanted=0.4) == 0.4
    assert ask_threshold(confidences, is_right, wanted=0.7) == 0.9
    assert ask_threshold(confidences, is_right, wanted=0.95) is None


def test_one_lucky_guess_does_not_move_the_threshold() -> None:
    confidences = np.array([0.21, *np.linspace(0.22, 0.4, 9), *np.linspace(0.6, 0.9, 9)])
    is_right = np.array([True, *[False] * 9, *[True] * 9])
    assert ask_threshold(confidences, is_right) == 0.6


@settings(max_examples=200)
@given(answers, st.sampled_from([0.25, 0.5, 0.75]))
def test_the_threshold_is_that_of_isotonic_regression(
    pairs: list[tuple[int, bool]], wanted: float
) -> None:
    confidences, is_right = arrays(pairs)
    smooth = IsotonicRegression().fit(confidences, is_right).predict(confidences)
    enough = confidences[smooth >= wanted - 1e-9]
    expected = float(enough.min()) if len(enough) else None
    assert ask_threshold(confidences, is_right, wanted) == expected


@pytest.mark.parametrize("wanted", [0.4, 0.5, 0.7])
def test_of_calibrated_answers_the_threshold_is_what_is_wanted(wanted: float) -> None:
    assert ask_threshold(*calibrated(40_000), wanted) == pytest.approx(wanted, abs=0.03)


def answered(confidences: np.ndarray, is_right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities, (N, 7), and truths that make such answers."""
    rest = np.repeat((1 - confidences[:, None]) / 6, 7, axis=1)
    probabilities = np.where(np.arange(7) == 0, confidences[:, None], rest)
    assert (probabilities.argmax(axis=1) == 0).all()
    return probabilities, np.where(is_right, 0, 1)


def test_the_interval_holds_the_true_threshold() -> None:
    found = coverage_of(*answered(*calibrated(3000)), np.random.default_rng(0))
    assert found.ask_below is not None
    assert found.ask_below_interval is not None
    low, high = found.ask_below_interval
    assert 0.35 < low <= found.ask_below <= high < 0.65
    assert low < 0.5 < high


def test_the_interval_is_narrow_where_right_and_wrong_are_far_apart() -> None:
    confidences = np.repeat([0.3, 0.6, 0.9], 20)
    found = coverage_of(*answered(confidences, confidences > 0.5), np.random.default_rng(0))
    assert found.ask_below == pytest.approx(0.6)
    assert found.ask_below_interval == (pytest.approx(0.6), pytest.approx(0.6))


def test_what_too_few_rows_or_only_wrong_answers_cannot_say() -> None:
    few = coverage_of(
        certain([0] * (MIN_ROWS - 1), 0.6), np.zeros(MIN_ROWS - 1, int), np.random.default_rng(0)
    )
    assert (few.ask_below, few.ask_below_interval) == (pytest.approx(0.6), None)
    wrong = coverage_of(certain([1] * 20, 0.6), np.zeros(20, int), np.random.default_rng(0))
    assert (wrong.ask_below, wrong.ask_below_interval) == (None, None)
