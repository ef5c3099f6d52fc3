"""Evaluate the served network on labelled pictures: every view, with paired differences.

Both sets of heads (`ferplus` and `fer`) are computed in one pass.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vision.data.datasets import Dataset
from vision.data.rows import Row
from vision.evaluation.coverage import Coverage, coverage_of
from vision.evaluation.groups import GroupScores, score_groups
from vision.evaluation.metrics import Difference, Scores, compare, score
from vision.face.crops import cut_views
from vision.face.restoration import restore
from vision.network.serving import HEAD_OUTPUTS, Answers, Outputs
from vision.network.weights import LABELS, SEES, VIEWS, Labels
from vision.reading import View

PAIRS: Final[tuple[tuple[View, View], ...]] = (
    ("fused", "face"),
    ("fused", "eyes"),
    ("face", "eyes"),
)
"""Compared views: the first minus the second."""

_BATCH: Final = 64


class Predictor(Protocol):
    """The part of `vision.network.serving.Network` that `answer` uses."""

    def run(
        self,
        faces: NDArray[np.uint8],
        strips: NDArray[np.uint8],
        names: tuple[str, ...],
        /,
    ) -> Outputs:
        """Run the network on B faces."""

    def answers(self, outputs: Outputs, /) -> Answers:
        """Return the calibrated probabilities of each head."""


def answer(
    network: Predictor,
    rows: Sequence[Row],
    flip: bool = False,
    on_rows: Callable[[int], None] = lambda count: None,
) -> Answers:
    """Return the calibrated probabilities of each head for all rows.

    Args:
        network: The network.
        rows: At least one.
        flip: Average the probabilities with those of the mirror image.
        on_rows: Called with the number of rows done so far.
    """
    parts = []
    for start in range(0, len(rows), _BATCH):
        faces, strips = views_of_rows(rows[start : start + _BATCH])
        part = network.answers(network.run(faces, strips, HEAD_OUTPUTS))
        if flip:
            mirror = network.answers(
                network.run(faces[:, :, ::-1].copy(), strips[:, :, ::-1].copy(), HEAD_OUTPUTS)
            )
            part = {
                labels: {head: (part[labels][head] + mirror[labels][head]) / 2 for head in SEES}
                for labels in part
            }
        parts.append(part)
        on_rows(min(start + _BATCH, len(rows)))
    return {
        labels: {head: np.concatenate([part[labels][head] for part in parts]) for head in SEES}
        for labels in LABELS
    }


def views_of_rows(rows: Sequence[Row]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Restore N rows and cut their faces, uint8 (N, 96, 96), and strips, uint8 (N, 48, 96)."""
    views = [cut_views(restore(row.pixels), row.eyes) for row in rows]
    return np.stack([view.face for view in views]), np.stack([view.eyes for view in views])


@dataclass(frozen=True, slots=True)
class Truth:
    """The ground truth to evaluate against.

    Args:
        name: `labels` or `ferplus`.
        emotions: 0..6, int64 (N,).
        counts: Whether each row is evaluated, bool (N,).
        heads: The set of heads to evaluate.
    """

    name: str
    emotions: NDArray[np.int64]
    counts: NDArray[np.bool_]
    heads: Labels


@dataclass(frozen=True, slots=True)
class Results:
    """The scores on a subset of the rows.

    Args:
        rows: Size of the subset.
        views: Scores by view and truth; None if no row is evaluated.
        differences: By truth and pair of views (`fused-face`: fused minus face).
    """

    rows: int
    views: dict[str, dict[str, Scores | None]]
    differences: dict[str, dict[str, Difference] | None]

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `mirrortape evaluate --json` prints."""
        return {
            "rows": self.rows,
            "views": {
                view: {truth: s.to_json() if s else None for truth, s in by_truth.items()}
                for view, by_truth in self.views.items()
            },
            "differences": {
                truth: {pair: asdict(d) for pair, d in pairs.items()} if pairs else None
                for truth, pairs in self.differences.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results of an evaluation.

    Args:
        every: Results on all rows.
        without_duplicates: Results without rows that occur in the training data, if known.
        groups: Scores of the fused view, by truth, if groups were given.
        eyes_found: Share of rows in which cascades found both eyes.
        coverage: Coverage of the fused view, by truth.
    """

    every: Results
    without_duplicates: Results | None
    groups: dict[str, GroupScores] | None
    eyes_found: float
    coverage: dict[str, Coverage]

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `mirrortape evaluate --json` prints."""
        unique = self.without_duplicates
        groups = self.groups
        return self.every.to_json() | {
            "eyes_found": self.eyes_found,
            "without_duplicates": unique.to_json() if unique else None,
            "groups": {truth: g.to_json() for truth, g in groups.items()} if groups else None,
            "coverage": {
                truth: [asdict(point) for point in c.points] for truth, c in self.coverage.items()
            },
            "ask_below": {
                truth: {"threshold": c.ask_below, "interval": c.ask_below_interval}
                for truth, c in self.coverage.items()
            },
        }


def evaluate(
    dataset: Dataset,
    rows: Sequence[Row],
    answers: Answers,
    rng: np.random.Generator,
    groups: Sequence[str | None] | None = None,
) -> Evaluation:
    """Evaluate answers against labels and votes.

    Args:
        dataset: N pictures, at least one.
        rows: One per picture.
        answers: The probabilities of each head for each row.
        rng: Draws the bootstrap samples.
        groups: The group of each picture, or None.
    """
    truths = truths_of(dataset)
    every = np.ones(len(dataset), dtype=np.bool_)
    copies = dataset.is_duplicate
    return Evaluation(
        every=_results(truths, answers, every, rng),
        without_duplicates=None if copies is None else _results(truths, answers, ~copies, rng),
        groups=None
        if groups is None
        else {
            truth.name: score_groups(
                answers[truth.heads]["fused"], truth.emotions, truth.counts, groups, rng
            )
            for truth in truths
        },
        eyes_found=float(np.mean([row.is_found for row in rows])),
        coverage={
            truth.name: coverage_of(
                answers[truth.heads]["fused"][truth.counts], truth.emotions[truth.counts], rng
            )
            for truth in truths
            if truth.counts.any()
        },
    )


def truths_of(dataset: Dataset) -> list[Truth]:
    """Return the ground truths: the labels, and the FER+ majority if there are votes."""
    every = np.ones(len(dataset), dtype=np.bool_)
    truths = [Truth("labels", dataset.labels, every, dataset.label_heads)]
    if dataset.majority is not None and dataset.is_clear is not None:
        truths.append(Truth("ferplus", dataset.majority, dataset.is_clear, "ferplus"))
    return truths


def _results(
    truths: list[Truth], answers: Answers, chosen: NDArray[np.bool_], rng: np.random.Generator
) -> Results:
    views: dict[str, dict[str, Scores | None]] = {
        view: {"labels": None, "ferplus": None} for view in VIEWS
    }
    differences: dict[str, dict[str, Difference] | None] = {"labels": None, "ferplus": None}
    for truth in truths:
        counted = truth.counts & chosen
        if not counted.any():
            continue
        emotions = truth.emotions[counted]
        said = {view: answers[truth.heads][view][counted] for view in VIEWS}
        for view in VIEWS:
            views[view][truth.name] = score(said[view], emotions, rng)
        differences[truth.name] = {
            f"{first}-{second}": compare(said[first], said[second], emotions, rng)
            for first, second in PAIRS
        }
    return Results(int(chosen.sum()), views, differences)
