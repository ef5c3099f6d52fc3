"""What changes of pictures cost: which rows are drawn, which head answers, what is counted."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from tests.support.evaluation_data import dataset_of
from vision.data.datasets import Dataset, load_dataset
from vision.data.rows import Row, RowFinder, find_rows
from vision.evaluation.corruptions import CORRUPTIONS, Corruption
from vision.evaluation.robustness import Robustness, measure_robustness
from vision.face.crops import ROW_EYES
from vision.network.calibration import softmax
from vision.network.serving import Answers, Network, Outputs
from vision.network.weights import LABELS, SEES
from vision.reading import Covering


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few samples for intervals, which takes most of the time."""
    monkeypatch.setattr("vision.evaluation.metrics.RESAMPLES", 200)


SAYS = {"eyes": 0, "face": 1, "fused": 2}


class ByLight:
    """Stands for the network: each head says its own emotion, and light tells what is covered.

    A face darker than 60 has its eyes covered, one lighter than 200 its mouth; the lighter the
    face, the surer the answer.
    """

    def run(self, faces: np.ndarray, strips: np.ndarray, names: tuple[str, ...]) -> Outputs:
        assert faces.shape[1:] == (96, 96)
        assert strips.shape[1:] == (48, 96)
        assert "covering" in names
        return {"light": faces.mean(axis=(1, 2), dtype=np.float32)}

    def answers(self, outputs: Outputs) -> Answers:
        sure = 2 + outputs["light"][:, None] / 100
        said = {head: softmax(sure * np.eye(7)[SAYS[seen]]) for head, seen in SEES.items()}
        return dict.fromkeys(LABELS, said)

    def covering(self, outputs: Outputs) -> dict[Covering, np.ndarray]:
        light = outputs["light"]
        eyes, mouth = np.where(light < 60, 0.9, 0.0), np.where(light > 200, 0.9, 0.0)
        return {"none": 1 - eyes - mouth, "mouth": mouth, "eyes": eyes}


class Blind(ByLight):
    """A fake network with a constant answer that never detects a covering."""

    def answers(self, outputs: Outputs) -> Answers:
        same = np.tile(softmax(np.arange(7.0)), (len(outputs["light"]), 1))
        return {labels: dict.fromkeys(SEES, same) for labels in LABELS}

    def covering(self, outputs: Outputs) -> dict[Covering, np.ndarray]:
        rows = len(outputs["light"])
        return {"none": np.ones(rows), "mouth": np.zeros(rows), "eyes": np.zeros(rows)}


NOBODY = dict.fromkeys(SEES, 0)


def all_found(dataset: Dataset, on_pictures: Callable[[int], None]) -> list[Row]:
    on_pictures(len(dataset))
    return [Row(pixels, ROW_EYES, is_found=True) for pixels in dataset.pictures]


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.evaluation.robustness.find_rows", all_found)


def grays(*levels: int) -> list[Row]:
    pictures = (np.full((48, 48), level, np.uint8) for level in levels)
    return [Row(picture, ROW_EYES, is_found=True) for picture in pictures]


def measured(network: ByLight, dataset: Dataset, rows: list[Row], count: int = 99) -> Robustness:
    return measure_robustness(network, dataset, rows, np.random.default_rng(0), count)


def loss_of(found: Robustness, name: str) -> tuple[float, dict[str, float], float]:
    loss = next(loss for loss in found.losses if loss.corruption.name == name)
    return loss.accuracy, loss.condition.answered_by, loss.condition.confidence


def by_what_is_free(covered: Covering, *, is_found: bool) -> str:
    assert is_found
    return {"none": "fused", "mouth": "eyes", "eyes": "face"}[covered]


@pytest.mark.usefixtures("no_search")
def test_each_row_is_answered_by_the_head_of_its_own_covering(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vision.evaluation.robustness.answering_head", by_what_is_free)
    # The fused head is right; rows of 100 turn so dark that the face answers, and one of 170 so
    # light that the eyes do.
    labels = np.array([2, 2, 2, 2])
    dataset = dataset_of(labels=labels, label_heads="ferplus", majority=None, is_clear=None)
    found = measured(ByLight(), dataset, grays(100, 100, 130, 170))
    assert found.truth == "labels"
    assert found.n == 4
    assert found.clean.accuracy == 1
    assert found.clean.answered_by == {**NOBODY, "fused": 1}
    assert found.clean.heads == {**NOBODY, "fused": 1, "masked": 1}
    lost, answered_by, confidence = loss_of(found, "brightness −50")
    assert lost == 0.5
    assert answered_by == {**NOBODY, "face": 0.5, "fused": 0.5}
    assert confidence < found.clean.confidence
    lost, answered_by, confidence = loss_of(found, "brightness +50")
    assert lost == 0.25
    assert answered_by == {**NOBODY, "eyes": 0.25, "fused": 0.75}
    assert confidence > found.clean.confidence
    # Uniform rows only change by light, coverings and noise; of nine medium changes two count.
    assert found.medium == pytest.approx((0.5 + 0.25) / 9)


@pytest.mark.usefixtures("no_search")
def test_what_does_not_see_loses_nothing() -> None:
    rng = np.random.default_rng(1)
    rows = [
        Row(rng.integers(0, 256, (48, 48), dtype=np.uint8), ROW_EYES, is_found=False)
        for _ in range(20)
    ]
    dataset = dataset_of(
        names=tuple(map(str, range(20))),
        labels=np.array([6] * 12 + [0] * 8),
        majority=None,
        is_clear=None,
    )
    found = measured(Blind(), dataset, rows)
    assert found.clean.accuracy == 0.6
    assert [loss.accuracy for loss in found.losses] == [0] * len(CORRUPTIONS)
    assert {loss.accuracy_interval for loss in found.losses} == {(0, 0)}
    assert found.medium_interval == (0, 0)
    assert {loss.condition.covered["none"] for loss in found.losses} == {1}
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.usefixtures("no_search")
def test_rows_are_drawn_from_those_that_count_and_alike_each_time() -> None:
    names = tuple(map(str, range(40)))
    is_clear = np.arange(40) % 2 == 0
    dataset = dataset_of(
        names=names, labels=np.zeros(40, int), majority=np.full(40, 2), is_clear=is_clear
    )
    # Rows that do not count are so dark that the face would answer, wrongly.
    rows = grays(*np.where(is_clear, 150, 10))
    found = measured(ByLight(), dataset, rows, count=15)
    assert (found.truth, found.n, found.clean.accuracy) == ("ferplus", 15, 1.0)
    assert measured(ByLight(), dataset, rows, count=15) == found
    assert measured(ByLight(), dataset, rows, count=99).n == 20
    unclear = dataset_of(
        names=names, labels=np.zeros(40, int), majority=np.full(40, 2), is_clear=is_clear & False
    )
    assert measured(ByLight(), unclear, rows, count=15).truth == "labels"


@pytest.mark.usefixtures("no_search")
def test_rows_that_the_product_would_not_read_are_counted() -> None:
    face = RowFinder().find(np.asarray(skimage.data.astronaut())).pixels
    rows = [Row(pixels, ROW_EYES, is_found=True) for pixels in (face, face // 3)]
    dataset = dataset_of(names=("a", "b"), labels=np.array([0, 1]), majority=None, is_clear=None)
    found = measured(ByLight(), dataset, rows)
    refused = {loss.corruption.name: loss.condition.refused for loss in found.losses}
    assert found.clean.refused == 0
    assert refused["brightness −75"] == 0.5
    assert refused["blur σ 3"] == 1
    assert refused["noise σ 8"] == refused["contrast ×0.3"] == 0


@pytest.mark.usefixtures("no_search")
def test_progress_runs_from_nothing_to_all() -> None:
    shares: list[float] = []
    dataset = dataset_of(majority=None, is_clear=None)
    measure_robustness(
        ByLight(), dataset, grays(9, 99, 150, 220), np.random.default_rng(0), 4, shares.append
    )
    assert shares == sorted(shares)
    assert 0 < shares[0] <= 0.5 < shares[-1] == 1


@pytest.mark.data
def test_eyes_are_sought_anew_in_each_changed_row(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = (Corruption("brightness", 25, "medium"), Corruption("sunglasses"))
    monkeypatch.setattr("vision.evaluation.robustness.CORRUPTIONS", chosen)
    dataset = load_dataset(data_dir / "fer2013_trainval.npz", "PublicTest")
    assert dataset.is_clear is not None
    dataset = dataset.only(dataset.is_clear & (np.arange(len(dataset)) < 20))
    rows = [row for row in find_rows(dataset) if isinstance(row, Row)]
    found = measured(Network.load(), dataset, rows, count=16)
    lighter, glasses = (loss.condition for loss in found.losses)
    assert found.clean.eyes_found > 0.5
    assert lighter.eyes_found > 0.5
    assert glasses.eyes_found < found.clean.eyes_found / 2
    assert glasses.answered_by["shaded"] > 0.5
    assert found.clean.accuracy > 0.4  # three standard errors of so few rows below what it is
