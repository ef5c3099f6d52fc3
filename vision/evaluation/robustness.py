"""Measures the accuracy on dark, blurred, rotated or covered faces.

Corruptions are applied to rows, after they were cut out. Eyes are detected again in each corrupted
row, and the head answers that the product would choose. Masks and glasses are drawn as in
training, so real ones may cost more accuracy.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vision.data.datasets import Dataset
from vision.data.rows import Row, find_rows
from vision.evaluation.corruptions import CORRUPTIONS, Corruption, corrupted
from vision.evaluation.evaluate import Answering, Truth, truths_of, views_of_rows
from vision.evaluation.metrics import Counts, Floats, Interval, compare, mean_interval
from vision.face.restoring import wear_of
from vision.network.answering import answering_head, covered_part
from vision.network.calibration import calibration_error
from vision.network.coverings import COVERINGS
from vision.network.serving import HEAD_OUTPUTS, Outputs
from vision.network.weights import SEES, Labels
from vision.reader import is_too_blurred, is_too_dark
from vision.reading import Covering, Head

_BATCH: Final = 64

Gray = NDArray[np.uint8]


class Seeing(Answering, Protocol):
    """The network interface needed here; see `vision.network.serving.Network`."""

    def covering(self, outputs: Outputs, /) -> dict[Covering, NDArray[np.float64]]:
        """Return the probability of each covering."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The scores under one corruption.

    Args:
        accuracy: Accuracy of the product's answers.
        heads: Accuracy of each head, if it always answered.
        confidence: Mean confidence of the product's answers.
        ece: Expected calibration error of the product's answers.
        refused: Share of rows that the product would refuse as too dark or too blurred; they
            count here nevertheless.
        eyes_found: Share of rows in which cascades find both eyes.
        covered: Share of rows classified as covered, by covering.
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
    """The loss under one corruption.

    Args:
        corruption: The corruption.
        accuracy: Loss of accuracy on the same rows, 0..1.
        accuracy_interval: Its paired bootstrap interval; None for too few rows.
        condition: The scores under it.
    """

    corruption: Corruption
    accuracy: float
    accuracy_interval: Interval | None
    condition: Condition


@dataclass(frozen=True, slots=True)
class Robustness:
    """The losses under all corruptions.

    Args:
        truth: The ground truth: `ferplus` if there are votes, else `labels`.
        n: Number of corrupted rows.
        clean: The scores on the same rows without corruption.
        losses: For each of `CORRUPTIONS`.
        medium: Mean loss of accuracy under corruptions of medium strength.
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
    network: Seeing,
    dataset: Dataset,
    rows: Sequence[Row],
    rng: np.random.Generator,
    count: int,
    on_share: Callable[[float], None] = lambda share: None,
) -> Robustness:
    """Measure the loss of accuracy under each corruption.

    Args:
        network: The network.
        dataset: N pictures, at least one.
        rows: The row of each picture.
        rng: Draws rows, corruptions and resamples.
        count: The number of rows to corrupt, if there are as many.
        on_share: Called with the finished share of the work, 0..1.
    """
    truth, chosen = _drawn(dataset, rng, count)
    emotions = truth.emotions[chosen]
    originals = [rows[index] for index in chosen]
    pictures = [row.pixels for row in originals]
    for corruption in CORRUPTIONS:
        pictures += [corrupted(row.pixels, row.eyes, corruption, rng) for row in originals]
    found = _sought(np.stack(pictures), lambda share: on_share(share / 2))
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
    """What is said about N rows."""

    heads: dict[Head, Floats]  # (N, 7) each
    product: Floats  # (N, 7), of the head that answers
    answered_by: list[Head]
    covered: list[Covering]
    is_found: list[bool]
    is_refused: list[bool]

    def part(self, start: int, count: int) -> "_Answers":
        """Return what is said about some of them."""
        own = slice(start, start + count)
        return _Answers(
            {head: values[own] for head, values in self.heads.items()},
            self.product[own],
            self.answered_by[own],
            self.covered[own],
            self.is_found[own],
            self.is_refused[own],
        )


def _drawn(
    dataset: Dataset, rng: np.random.Generator, count: int
) -> tuple[Truth, NDArray[np.int64]]:
    """Return what to measure against, and which rows."""
    truth = next(t for t in reversed(truths_of(dataset)) if t.counts.any())
    counted = np.flatnonzero(truth.counts)
    return truth, np.sort(rng.choice(counted, min(count, len(counted)), replace=False))


def _sought(pictures: NDArray[np.uint8], on_found: Callable[[float], None]) -> list[Row]:
    """Return pictures, uint8 (N, 48, 48), as rows whose eyes have been sought."""
    count = len(pictures)
    dataset = Dataset(
        tuple(map(str, range(count))), pictures, np.zeros(count, np.int64), "ferplus"
    )
    found = find_rows(dataset, lambda done: on_found(done / count))
    return [row for row in found if isinstance(row, Row)]


def _read(
    network: Seeing, rows: Sequence[Row], labels: Labels, on_read: Callable[[float], None]
) -> _Answers:
    heads: dict[Head, list[Floats]] = {head: [] for head in SEES}
    covered: list[Covering] = []
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        outputs = network.run(*views_of_rows(batch), HEAD_OUTPUTS)
        for head, values in network.answers(outputs)[labels].items():
            heads[head].append(values)
        # Older weights without a covering head return a single row.
        parts = {
            part: np.broadcast_to(p, len(batch)) for part, p in network.covering(outputs).items()
        }
        covered += [
            covered_part({part: float(p[i]) for part, p in parts.items()})
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
    return is_too_dark(row) or is_too_blurred(row, wear_of(row))


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
    """Return 1 where the answer is right, else 0, (N,)."""
    return np.asarray(probabilities.argmax(axis=1) == emotions, np.float64)
