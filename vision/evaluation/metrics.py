"""Scores of one head, and paired differences between two.

Intervals are 95 % bootstrap percentiles over rows. The metrics depend on a row only through its
cell (truth, answer) of the confusion matrix, so resampling rows is the same as drawing the cells
from a multinomial distribution.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from vision.network.calibration import BINS, calibration_error
from vision.reading import EMOTIONS

RESAMPLES: Final = 2000
"""Number of bootstrap samples per interval."""

MIN_ROWS: Final = 10
"""Fewest rows for which an interval is given."""

Interval = tuple[float, float]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassScores:
    """The scores of one emotion; None if undefined.

    Args:
        n: Number of rows with this emotion.
        precision: Share of the answers with this emotion that are right.
        recall: Share of its rows that are answered correctly.
        f1: Harmonic mean of the two.
    """

    n: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin of the reliability diagram: number of answers, mean confidence and accuracy."""

    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one head.

    Args:
        n: Number of evaluated rows.
        accuracy: Share of right answers.
        accuracy_interval: Its bootstrap interval; None with fewer than `MIN_ROWS` rows.
        macro_f1: F1 averaged over the emotions that occur in truth or answers.
        macro_f1_interval: As above.
        weighted_f1: F1 averaged over emotions, weighted by their rows.
        ece: Expected calibration error over 15 bins of confidence.
        per_class: By emotion.
        confusion: int64 (7, 7): truth down, answers across.
        reliability: The bins that are not empty, by rising confidence.
    """

    n: int
    accuracy: float
    accuracy_interval: Interval | None
    macro_f1: float
    macro_f1_interval: Interval | None
    weighted_f1: float
    ece: float
    per_class: dict[str, ClassScores]
    confusion: Counts
    reliability: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `mirrortape evaluate --json` prints."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {
            "per_class": {name: asdict(scores) for name, scores in self.per_class.items()},
            "confusion": self.confusion.tolist(),
            "reliability": [asdict(part) for part in self.reliability],
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between two heads on the same rows, with paired intervals."""

    n: int
    accuracy: float
    accuracy_interval: Interval | None
    macro_f1: float
    macro_f1_interval: Interval | None


def score(probabilities: Floats, truth: Counts, rng: np.random.Generator) -> Scores:
    """Score probabilities, (N, 7), against the true emotions, (N,), N at least 1."""
    answers = probabilities.argmax(axis=1)
    emotions = range(len(EMOTIONS))
    confusion = confusion_matrix(truth, answers, labels=emotions)
    # NaN marks undefined values, such as the recall of an emotion without rows.
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, answers, labels=emotions, zero_division=np.nan
    )
    counts = _bootstrap(confusion, rng)
    return Scores(
        n=len(truth),
        accuracy=float(accuracy(confusion)),
        accuracy_interval=_interval(accuracy, counts),
        macro_f1=float(macro_f1(confusion)),
        macro_f1_interval=_interval(macro_f1, counts),
        weighted_f1=float(
            f1_score(truth, answers, labels=emotions, average="weighted", zero_division=np.nan)
        ),
        ece=calibration_error(probabilities, truth),
        per_class={
            emotion: ClassScores(
                int(support[i]), _or_none(precision[i]), _or_none(recall[i]), _or_none(f1[i])
            )
            for i, emotion in enumerate(EMOTIONS)
        },
        confusion=confusion,
        reliability=reliability(probabilities, truth),
    )


def compare(first: Floats, second: Floats, truth: Counts, rng: np.random.Generator) -> Difference:
    """Return the scores of `first` minus those of `second`, both (N, 7), N at least 1."""
    side = len(EMOTIONS)
    cells = np.zeros((side, side, side), dtype=np.int64)  # truth, first's answer, second's
    np.add.at(cells, (truth, first.argmax(axis=1), second.argmax(axis=1)), 1)

    def gain(metric: Callable[[Counts], Floats]) -> Callable[[Counts], Floats]:
        return lambda counts: metric(counts.sum(axis=-1)) - metric(counts.sum(axis=-2))

    counts = _bootstrap(cells, rng)
    return Difference(
        n=len(truth),
        accuracy=float(gain(accuracy)(cells)),
        accuracy_interval=_interval(gain(accuracy), counts),
        macro_f1=float(gain(macro_f1)(cells)),
        macro_f1_interval=_interval(gain(macro_f1), counts),
    )


def mean_interval(values: Floats, rng: np.random.Generator) -> Interval | None:
    """Return the bootstrap interval of the mean of values, (N,), or None for too few rows."""
    count = len(values)
    if count < MIN_ROWS:
        return None
    means = [values[rng.integers(0, count, count)].mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def accuracy(confusion: Counts) -> Floats:
    """Return the accuracy of confusion matrices, (..., 7, 7)."""
    right = np.trace(confusion, axis1=-2, axis2=-1)
    return np.asarray(right / confusion.sum(axis=(-2, -1)))


def macro_f1(confusion: Counts) -> Floats:
    """Return the mean F1 over the emotions that occur in confusion matrices, (..., 7, 7)."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)  # (..., 7)
    given = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    f1 = 2 * right / np.maximum(given, 1)
    return np.asarray(f1.sum(axis=-1) / (given > 0).sum(axis=-1))


def reliability(probabilities: Floats, truth: Counts) -> tuple[Bin, ...]:
    """Return the non-empty confidence bins that `calibration_error` uses."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return tuple(
        Bin(int(own.sum()), float(confidence[own].mean()), float(is_right[own].mean()))
        for own in (bins == k for k in range(BINS))
        if own.any()
    )


def _bootstrap(cells: Counts, rng: np.random.Generator) -> Counts | None:
    """Return the cells of `RESAMPLES` bootstrap samples, or None for too few rows."""
    total = int(cells.sum())
    if total < MIN_ROWS:
        return None
    filled = cells > 0
    draws = np.zeros((RESAMPLES, *cells.shape), dtype=np.int64)
    draws[:, filled] = rng.multinomial(total, cells[filled] / total, size=RESAMPLES)
    return draws


def _interval(metric: Callable[[Counts], Floats], counts: Counts | None) -> Interval | None:
    if counts is None:
        return None
    low, high = np.percentile(metric(counts), [2.5, 97.5])
    return float(low), float(high)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
