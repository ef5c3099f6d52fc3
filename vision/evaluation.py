"""How right the network is on labelled pictures: every view, both sets of heads, paired.

One pass gives the pooled features of both views; the heads, linear in them, follow in numpy, so
both sets answer the same rows at the cost of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from vision import weights as weight_file
from vision.calibration import softmax
from vision.crops import cut_views
from vision.datasets import Dataset
from vision.groups import GroupScores, score_groups
from vision.metrics import Difference, Scores, compare, score
from vision.reader import quietly
from vision.rows import Row
from vision.weights import VIEWS, Labels

if TYPE_CHECKING:
    import keras

PAIRS: Final = (("fused", "face"), ("fused", "eyes"), ("face", "eyes"))
"""Which views are compared: the first minus the second."""

_BATCH: Final = 64

Floats = NDArray[np.float64]
Answers = dict[Labels, dict[str, Floats]]
"""Probabilities, (N, 7), by set of heads and view."""


class Heads:
    """The network with both sets of heads.

    Args:
        network: A network of `vision.network.build_network` with its weights.
        tensors: The weight file, with both sets of heads and their temperatures.
    """

    def __init__(self, network: "keras.Model", tensors: weight_file.Tensors) -> None:
        self._network = network
        self._layers: dict[tuple[Labels, str], tuple[NDArray[Any], NDArray[Any]]] = {}
        self._temperatures: dict[Labels, dict[str, float]] = {}
        sets: tuple[Labels, ...] = ("ferplus", "fer")
        for labels in sets:
            weight_file.assign(network, tensors, labels)
            self._temperatures[labels] = weight_file.temperatures(tensors, labels)
            for view in VIEWS:
                kernel, bias = network.get_layer(f"head_{view}").get_weights()
                self._layers[labels, view] = (kernel, bias)

    @classmethod
    def load(cls, weights: Path = weight_file.WEIGHTS) -> Self:
        """Build the network and load its weights.

        Raises:
            WeightsMissing: There is no weight file.
            WeightsAltered: It is not the one whose SHA-256 is pinned, or lacks heads.
        """
        tensors = weight_file.read(weights)  # first: a wrong file is told at once
        with quietly():
            from vision.network import build_network

            return cls(build_network(), tensors)

    def answer(
        self,
        rows: Sequence[Row],
        flip: bool = False,
        on_rows: Callable[[int], None] = lambda count: None,
    ) -> Answers:
        """Return what each head says, calibrated.

        Args:
            rows: At least one.
            flip: Average the probabilities with those of the mirror image.
            on_rows: Is told how many rows have been done.
        """
        parts = []
        for start in range(0, len(rows), _BATCH):
            views = [cut_views(row.pixels, row.eyes) for row in rows[start : start + _BATCH]]
            inputs = {
                "face": np.stack([v.face for v in views])[..., None].astype(np.float32),
                "eyes": np.stack([v.eyes for v in views])[..., None].astype(np.float32),
            }
            part = self._probabilities(inputs)
            if flip:
                mirror = self._probabilities({name: x[:, :, ::-1] for name, x in inputs.items()})
                part = {head: (part[head] + mirror[head]) / 2 for head in part}
            parts.append(part)
            on_rows(min(start + _BATCH, len(rows)))
        return {
            labels: {
                view: np.concatenate([part[labels, view] for part in parts]) for view in VIEWS
            }
            for labels in self._temperatures
        }

    def _probabilities(
        self, inputs: dict[str, NDArray[np.float32]]
    ) -> dict[tuple[Labels, str], Floats]:
        outputs = self._network.predict_on_batch(inputs)
        pooled = {view: outputs[f"{view}_map"].mean(axis=(1, 2)) for view in ("face", "eyes")}
        pooled["fused"] = np.concatenate([pooled["face"], pooled["eyes"]], axis=1)
        return {
            (labels, view): softmax(pooled[view] @ kernel + bias, self._temperatures[labels][view])
            for (labels, view), (kernel, bias) in self._layers.items()
        }


@dataclass(frozen=True, slots=True)
class Truth:
    """What is held to be right: its name, the emotions, int64 (n,), and who is asked.

    Args:
        name: `labels` or `ferplus`.
        emotions: 0..6, int64 (N,).
        counts: Which rows count, bool (N,).
        heads: Which set of heads answers.
    """

    name: str
    emotions: NDArray[np.int64]
    counts: NDArray[np.bool_]
    heads: Labels


@dataclass(frozen=True, slots=True)
class Results:
    """The scores on one choice of rows.

    Args:
        rows: How many.
        views: By view and truth; None where no row counts.
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
    """Everything that was measured.

    Args:
        every: On all rows.
        without_duplicates: On those that do not occur in the training data, where that is known.
        groups: Of the fused view, by truth, where groups were given.
        eyes_found: Share of the rows in which cascades found both eyes.
    """

    every: Results
    without_duplicates: Results | None
    groups: dict[str, GroupScores] | None
    eyes_found: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `mirrortape evaluate --json` prints."""
        again = self.without_duplicates
        groups = self.groups
        return self.every.to_json() | {
            "eyes_found": self.eyes_found,
            "without_duplicates": again.to_json() if again else None,
            "groups": {truth: g.to_json() for truth, g in groups.items()} if groups else None,
        }


def evaluate(
    dataset: Dataset,
    rows: Sequence[Row],
    answers: Answers,
    rng: np.random.Generator,
    groups: Sequence[str | None] | None = None,
) -> Evaluation:
    """Measure answers against what people said.

    Args:
        dataset: N pictures, at least one.
        rows: Of each picture.
        answers: Of each row.
        rng: Draws the rows of the intervals.
        groups: Of each picture, None where it belongs to none.
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
    )


def truths_of(dataset: Dataset) -> list[Truth]:
    """Return what the answers are measured against: the labels, and the votes where there are."""
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
