"""The loop of an evaluation: all heads in one pass, and which rows each score counts."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.evaluation_data import Brightness, dataset_of
from vision.data.datasets import load_dataset
from vision.data.rows import Row, find_rows
from vision.evaluation.evaluate import answer, evaluate, views_of_rows
from vision.face.crops import ROW_EYES
from vision.network.serving import HEAD_OUTPUTS, Answers, Network
from vision.network.weights import LABELS, SEES
from vision.reading import EMOTIONS


def random_rows(count: int) -> list[Row]:
    rng = np.random.default_rng(6)
    pixels = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    return [Row(picture, ROW_EYES, is_found=bool(i % 2)) for i, picture in enumerate(pixels)]


@pytest.mark.parametrize("flip", [False, True])
def test_every_row_is_answered_in_its_place(flip: bool) -> None:
    network, rows, done = Brightness(), random_rows(70), []
    answers = answer(network, rows, flip, done.append)
    assert done == [64, 70]
    for index in (0, 63, 64, 69):
        faces, strips = views_of_rows([rows[index]])
        each = [network.answers(network.run(faces, strips, HEAD_OUTPUTS))]
        if flip:
            turned = network.run(faces[:, :, ::-1], strips[:, :, ::-1], HEAD_OUTPUTS)
            each.append(network.answers(turned))
        for labels in LABELS:
            for head in SEES:
                expected = np.mean([one[labels][head][0] for one in each], axis=0)
                assert answers[labels][head][index] == pytest.approx(expected)


def answers_of(ferplus: list[int], fer: list[int]) -> Answers:
    """Return certain answers; the eyes' heads always say angry."""
    eyes = np.eye(7)[[0] * len(fer)]
    return {
        "ferplus": {"eyes": eyes, "face": np.eye(7)[ferplus], "fused": np.eye(7)[ferplus]},
        "fer": {"eyes": eyes, "face": np.eye(7)[fer], "fused": np.eye(7)[fer]},
    }


def test_labels_and_votes_are_each_asked_of_their_own_heads() -> None:
    found = evaluate(
        dataset_of(),
        random_rows(4),
        answers_of(ferplus=[6, 6, 0, 0], fer=[0, 1, 2, 0]),
        np.random.default_rng(0),
    )
    labels, votes = (found.every.views["fused"][truth] for truth in ("labels", "ferplus"))
    assert labels is not None
    assert votes is not None
    assert (labels.n, labels.accuracy) == (4, 0.75)
    assert (votes.n, votes.accuracy) == (3, pytest.approx(2 / 3))
    gains = found.every.differences["labels"]
    assert gains is not None
    assert gains["fused-eyes"].accuracy == 0.5
    assert gains["fused-face"].accuracy == 0
    assert found.eyes_found == 0.5
    assert found.coverage["labels"].points[-1].accuracy == 0.75
    assert found.coverage["ferplus"].points[-1].accuracy == pytest.approx(2 / 3)
    assert found.without_duplicates is found.groups is None


def test_a_folder_asks_the_products_heads_for_its_labels() -> None:
    dataset = dataset_of(label_heads="ferplus", majority=None, is_clear=None)
    answers = answers_of(ferplus=[0, 1, 2, 3], fer=[6, 6, 6, 6])
    found = evaluate(dataset, random_rows(4), answers, np.random.default_rng(0))
    labels = found.every.views["fused"]["labels"]
    assert labels is not None
    assert labels.accuracy == 1
    assert found.every.views["fused"]["ferplus"] is None
    assert found.to_json()["differences"]["ferplus"] is None


def test_duplicates_are_left_out_where_they_are_known() -> None:
    dataset = dataset_of(is_duplicate=np.array([True, False, False, True]))
    answers = answers_of(ferplus=[6, 6, 5, 4], fer=[0, 1, 0, 0])
    found = evaluate(
        dataset, random_rows(4), answers, np.random.default_rng(0), ["old", "old", None, "young"]
    )
    assert found.without_duplicates is not None
    assert found.without_duplicates.rows == 2
    labels = found.without_duplicates.views["fused"]["labels"]
    assert labels is not None
    assert (labels.n, labels.accuracy) == (2, 0.5)
    assert found.groups is not None
    assert found.groups["labels"].groups["old"].accuracy == 1
    assert found.groups["labels"].groups["young"].n == 1
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.data
def test_the_shipped_weights_on_public_test(data_dir: Path) -> None:
    dataset = load_dataset(data_dir / "fer2013_trainval.npz", "PublicTest")
    dataset = dataset.only(np.arange(len(dataset)) < 100)
    rows = [row for row in find_rows(dataset) if isinstance(row, Row)]
    answers = answer(Network.load(), rows)
    found = evaluate(dataset, rows, answers, np.random.default_rng(0))
    assert found.eyes_found > 0.50
    accuracy = {
        (view, truth): scores.accuracy
        for view, by_truth in found.every.views.items()
        for truth, scores in by_truth.items()
        if scores is not None
    }
    # The shipped figures, less three standard errors of so few rows.
    assert accuracy["fused", "ferplus"] > 0.68
    assert accuracy["fused", "labels"] > 0.49
    assert accuracy["eyes", "ferplus"] > 0.50
    fused = found.every.views["fused"]["ferplus"]
    assert fused is not None
    assert list(fused.per_class) == list(EMOTIONS)
