"""Measure robustness to faces that are dark, blurred, turned or covered.

Corruptions are applied to rows, so photos and FER-2013 are treated alike. The eyes are searched
again in each corrupted row, and the answer comes from the head that the product would choose.
Masks and glasses are drawn as in training, so real ones may cost more.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vision.data.datasets import Dataset
from vision.data.rows import Row, find_rows
from vision.evaluation.corruptions import CORRUPTIONS, Corruption, corrupted
from vision.evaluation.evaluate import Predictor, Truth, truths_of, views_of_rows
from vision.evaluation.metrics import Counts, Floats, Interval, compare, mean_interval
from vision.face.restoration import estimate_degradation
from vision.network.answering import answering_head, covered_part
from vision.network.calibration import calibration_error
from vision.network.coverings import COVERINGS
from vision.network.serving import HEAD_OUTPUTS, Outputs
from vision.network.weights import SEES, Labels
from vision.reader import is_too_blurred, is_too_dark
from vision.reading import Covering, Head

_BATCH: Final = 64

Gray = NDArray[np.uint8]


class CoveringPredictor(Predictor, Protocol):
    """The part of `vision.network.serving.Network` that is used here."""

    def covering(self, outputs: Outputs, /) -> dict[Covering, NDArray[np.float64]]:
        """Return the probability of each covering."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The results under one corruption, or none.

    Args:
        accuracy: Accuracy of the product, which chooses a head for each row.
        heads: Accuracy of each head, if it answered all rows.
        confidence: Mean confidence of the product's answers.
        ece: Expected calibration error of the product's answers.
        refused: Share of rows that the product would refuse as too dark or too blurred; the
            other figures include them.
        eyes_found: Share of rows in which cascades find both eyes.
        covered: Share of rows classified as each covering.
        answered_by: Share of rows that each head answers.
    """

    accuracy: float
    heads: dict[Head, float]
    confidence: float
    ece: float
    refused: float
    eyes_found: float
    covered: dict[Covering, float]
    answered_by: dict[Head, float]


@dataclass(frozen=True, slots=True)
class Loss:
    """The cost of one corruption.

    Args:
        corruption: The corruption.
        accuracy: Accuracy lost on the same rows, 0..1.
        accuracy_interval: Its paired bootstrap interval; None for too few rows.
        condition: The results under the corruption.
    """

    corruption: Corruption
    accuracy: float
    accuracy_interval: Interval | None
    condition: Condition


@dataclass(frozen=True, slots=True)
class Robustness:
    """The cost of all corruptions.

    Args:
        truth: The ground truth: `ferplus` if there are votes, else `labels`.
        n: Number of rows.
        clean: The results on the unchanged rows.
        losses: One for each of `CORRUPTIONS`.
        medium: Mean accuracy lost under corruptions of medium strength.
        medium_interval: Its bootstrap interval; None for too few rows.
    """

    truth: str
    n: int
    clean: Condition
    losses: tuple[Loss, ...]
    medium: float
    medium_interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `mirrortape evaluate --json` prints."""
        return {
            "truth": self.truth,
            "rows": self.n,
            "clean": asdict(self.clean),
            "medium": {"loss": self.medium, "loss_interval": self.medium_interval},
            "changed": [
                asdict(loss.corruption)
                | {"loss": loss.accuracy, "loss_interval": loss.accuracy_interval}
                | asdict(loss.condition)
                for loss in self.losses
            ],
        }


def measure_robustness(
    network: CoveringPredictor,
    dataset: Dataset,
    rows: Sequence[Row],
    rng: np.random.Generator,
    count: int,
    on_share: Callable[[float], None] = lambda share: None,
) -> Robustness:
    """Measure the cost of each corruption.

    Args:
        network: The network.
        dataset: N pictures, at least one.
        rows: One per picture.
        rng: Draws rows, corruptions and bootstrap samples.
        count: Number of rows to use; all evaluated rows if there are fewer.
        on_share: Called with the share of the work done so far, 0..1.
    """
    truth, chosen = _sample_rows(dataset, rng, count)
    emotions = truth.emotions[chosen]
    originals = [rows[index] for index in chosen]
    pictures = [row.pixels for row in originals]
    for corruption in CORRUPTIONS:
        pictures += [corrupted(row.pixels, row.eyes, corruption, rng) for row in originals]
    found = _find_eyes(np.stack(pictures), lambda share: on_share(share / 2))
    every = _read(network, found, truth.heads, lambda share: on_share(0.5 + share / 2))
    clean, *changed = (
        every.part(start, len(chosen)) for start in range(0, len(found), len(chosen))
    )
    losses = []
    for corruption, after in zip(CORRUPTIONS, changed, strict=True):
        cost = compare(clean.product, after.product, emotions, rng)
        condition = _condition(after, emotions)
        losses.append(Loss(corruption, cost.accuracy, cost.accuracy_interval, condition))
    medium = [
        _is_right(clean.product, emotions) - _is_right(after.product, emotions)
        for corruption, after in zip(CORRUPTIONS, changed, strict=True)
        if corruption.level == "medium"
    ]
    by_row = np.mean(medium, axis=0)  # (N,)
    return Robustness(
        truth.name,
        len(chosen),
        _condition(clean, emotions),
        tuple(losses),
        float(by_row.mean()),
        mean_interval(by_row, rng),
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """The answers for N rows."""

    heads: dict[Head, Floats]  # (N, 7) each
    product: Floats  # (N, 7), of the answering head
    answered_by: list[Head]
    covered: list[Covering]
    is_found: list[bool]
    is_refused: list[bool]

    def part(self, start: int, count: int) -> "_Answers":
        """Return the answers for `count` rows from `start` on."""
        own = slice(start, start + count)
        return _Answers(
            {head: values[own] for head, values in self.heads.items()},
            self.product[own],
            self.answered_by[own],
            self.covered[own],
            self.is_found[own],
            self.is_refused[own],
        )


def _sample_rows(
    dataset: Dataset, rng: np.random.Generator, count: int
) -> tuple[Truth, NDArray[np.int64]]:
    """Return the ground truth, and the indices of a random sample of rows."""
    truth = next(t for t in reversed(truths_of(dataset)) if t.counts.any())
    counted = np.flatnonzero(truth.counts)
    return truth, np.sort(rng.choice(counted, min(count, len(counted)), replace=False))


def _find_eyes(pictures: NDArray[np.uint8], on_found: Callable[[float], None]) -> list[Row]:
    """Find the eyes in pictures, uint8 (N, 48, 48), and return them as rows."""
    count = len(pictures)
    dataset = Dataset(
        tuple(map(str, range(count))), pictures, np.zeros(count, np.int64), "ferplus"
    )
    found = find_rows(dataset, lambda done: on_found(done / count))
    return [row for row in found if isinstance(row, Row)]


def _read(
    network: CoveringPredictor,
    rows: Sequence[Row],
    labels: Labels,
    on_read: Callable[[float], None],
) -> _Answers:
    heads: dict[Head, list[Floats]] = {head: [] for head in SEES}
    covered: list[Covering] = []
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        outputs = network.run(*views_of_rows(batch), HEAD_OUTPUTS)
        for head, values in network.answers(outputs)[labels].items():
            heads[head].append(values)
        covering = network.covering(outputs)
        covered += [
            covered_part({part: float(p[i]) for part, p in covering.items()})
            for i in range(len(batch))
        ]
        on_read((start + len(batch)) / len(rows))
    said = {head: np.concatenate(parts) for head, parts in heads.items()}
    is_found = [row.is_found for row in rows]
    answered_by = [
        answering_head(part, is_found=own) for part, own in zip(covered, is_found, strict=True)
    ]
    product = np.stack([said[head][row] for row, head in enumerate(answered_by)])
    is_refused = [_is_refused(row.pixels) for row in rows]
    return _Answers(said, product, answered_by, covered, is_found, is_refused)


def _is_refused(row: Gray) -> bool:
    return is_too_dark(row) or is_too_blurred(row, estimate_degradation(row))


def _condition(said: _Answers, emotions: Counts) -> Condition:
    count = len(emotions)
    return Condition(
        accuracy=float(_is_right(said.product, emotions).mean()),
        heads={head: float(_is_right(own, emotions).mean()) for head, own in said.heads.items()},
        confidence=float(said.product.max(axis=1).mean()),
        ece=calibration_error(said.product, emotions),
        refused=sum(said.is_refused) / count,
        eyes_found=sum(said.is_found) / count,
        covered={part: said.covered.count(part) / count for part in COVERINGS},
        answered_by={head: said.answered_by.count(head) / count for head in SEES},
    )


def _is_right(probabilities: Floats, emotions: Counts) -> Floats:
    """Return 1 for each right answer and 0 for each wrong one, (N,)."""
    return np.asarray(probabilities.argmax(axis=1) == emotions, np.float64)
