"""Accuracy against coverage by confidence threshold, and the threshold for asking the user."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vision.evaluation.metrics import MIN_ROWS, RESAMPLES, Counts, Floats, Interval

THRESHOLDS: Final = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
"""Confidence thresholds of the curve."""

WANTED: Final = 0.5
"""Least accuracy at which a claim is better than a question."""


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """Coverage and accuracy when only answers above a confidence threshold are given.

    Args:
        threshold: The least confidence.
        coverage: Share of rows that are answered.
        accuracy: Accuracy of those answers; None if there are none.
    """

    threshold: float
    coverage: float
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The curve of one head against one truth.

    Args:
        points: By rising threshold.
        ask_below: See `ask_threshold`; None if no confidence is right often enough.
        ask_below_interval: Its bootstrap interval; None without it, or for too few rows.
    """

    points: tuple[CoveragePoint, ...]
    ask_below: float | None
    ask_below_interval: Interval | None


def coverage_of(probabilities: Floats, truth: Counts, rng: np.random.Generator) -> Coverage:
    """Return the coverage of probabilities, (N, 7), against the true emotions, (N,), N >= 1."""
    confidences = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == truth
    ask_below = ask_threshold(confidences, is_right)
    return Coverage(
        curve(confidences, is_right),
        ask_below,
        None if ask_below is None else _interval(confidences, is_right, rng),
    )


def curve(confidences: Floats, is_right: NDArray[np.bool_]) -> tuple[CoveragePoint, ...]:
    """Return coverage and accuracy at each of `THRESHOLDS`."""
    points = []
    for threshold in THRESHOLDS:
        is_given = confidences >= threshold
        accuracy = float(is_right[is_given].mean()) if is_given.any() else None
        points.append(CoveragePoint(threshold, float(is_given.mean()), accuracy))
    return tuple(points)


def ask_threshold(
    confidences: Floats, is_right: NDArray[np.bool_], wanted: float = WANTED
) -> float | None:
    """Return the confidence below which it is better to ask than to claim.

    A right claim gains 1 - `wanted`, a wrong one loses `wanted`, and a question gains nothing.
    The threshold maximises the total gain. Equivalently, it is where the isotonic regression of
    `is_right` on `confidences` reaches `wanted`, so no bins are needed.

    Args:
        confidences: Of N answers, 0..1, (N,), N at least 1.
        is_right: Whether each answer is right, (N,).
        wanted: Least accuracy of a claim.

    Returns:
        The lowest such threshold, one of `confidences`; None if asking is always better.
    """
    values, is_of = np.unique(confidences, return_inverse=True)
    right = np.bincount(is_of, is_right)
    wrong = np.bincount(is_of, ~is_right)
    best = _best_index(right, wrong, wanted)
    return None if best is None else float(values[best])


def _best_index(right: NDArray[Any], wrong: NDArray[Any], wanted: float) -> int | None:
    """Return the index of the best threshold, given the counts at V rising confidences."""
    gains = (1 - wanted) * right - wanted * wrong
    gains_from = np.cumsum(gains[::-1])[::-1]  # (V,)
    best = int(np.argmax(gains_from))
    return best if gains_from[best] >= 0 else None


def _interval(
    confidences: Floats, is_right: NDArray[np.bool_], rng: np.random.Generator
) -> Interval | None:
    count = len(confidences)
    if count < MIN_ROWS:
        return None
    values, is_of = np.unique(confidences, return_inverse=True)
    cells = np.zeros((2, len(values)))  # wrong, right
    np.add.at(cells, (is_right.astype(np.int64), is_of), 1)
    found = []
    for _ in range(RESAMPLES):
        wrong, right = rng.multinomial(count, cells.ravel() / count).reshape(cells.shape)
        best = _best_index(right, wrong, WANTED)
        found.append(1.0 if best is None else float(values[best]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
