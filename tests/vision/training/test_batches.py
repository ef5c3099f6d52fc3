"""Batches: each head's targets, the weight of each row, and the errors on bad data sets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.toy_training import COLUMNS, QUICK, write_data
from vision.errors import UnusableData
from vision.face.crops import ROW_EYES, cut_views
from vision.network.weights import TRAINED_HEADS
from vision.training.augmentation import NONE
from vision.training.batches import (
    Batches,
    class_weights,
    load_labelled_rows,
    mixed_targets,
    split,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data.npz")


def changed(data: Path, **arrays: np.ndarray) -> Path:
    with np.load(data) as kept:
        np.savez(data, **({name: kept[name] for name in kept} | arrays))
    return data


def test_rows_carry_both_kinds_of_labels(data: Path) -> None:
    labelled = load_labelled_rows(data, "Training")
    assert len(labelled) == 48
    assert np.array_equal(labelled.fer.argmax(axis=1), np.arange(48) % 7)
    assert np.array_equal(labelled.ferplus, labelled.fer)  # all counted votes agree
    assert labelled.trust == pytest.approx(0.8)  # two of ten votes are "unknown"
    assert labelled.is_clear.all()
    assert len(load_labelled_rows(data, "PublicTest", limit=5)) == 5


def test_rows_that_are_no_face_are_left_out(data: Path) -> None:
    with np.load(data) as kept:
        votes = kept["ferplus_votes"].copy()
    votes[:3, COLUMNS.index("NF")] = (4, 5, 10)
    labelled = load_labelled_rows(changed(data, ferplus_votes=votes), "Training")
    assert len(labelled) == 46


def test_eyes_that_were_not_found_are_at_their_usual_place(data: Path) -> None:
    labelled = load_labelled_rows(data, "Training", limit=2)
    found = np.array([[[14.0, 17.0], [33.0, 19.0]], [[np.nan] * 2] * 2])
    assert labelled.with_eyes(found).eyes_of(0) == ((14.0, 17.0), (33.0, 19.0))
    assert labelled.with_eyes(found).eyes_of(1) == ROW_EYES


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.floats(0, 1))
def test_rare_emotions_count_more_and_rows_one_on_average(labels: list, balance: float) -> None:
    shares = np.eye(7, dtype=np.float32)[labels]
    weights = class_weights(shares, balance)
    assert (shares @ weights).mean() == pytest.approx(1, abs=1e-4)
    counts = shares.sum(axis=0)
    present = np.flatnonzero(counts)
    by_rarity = present[np.argsort(counts[present])]
    assert (np.diff(weights[by_rarity]) <= 1e-5).all()
    assert (weights[counts == 0] == 0).all()


def test_targets_mix_votes_and_label_and_sum_to_one(data: Path) -> None:
    labelled = load_labelled_rows(data, "Training", limit=2)
    votes = np.zeros((2, 7), np.float32)
    votes[0, [1, 2]] = 0.5  # nobody voted for one of the seven in the other row
    labelled = replace(labelled, ferplus=votes)
    targets = mixed_targets(labelled, votes_share=0.7)
    assert labelled.fer.argmax(axis=1).tolist() == [0, 1]
    assert targets[0] == pytest.approx([0.3, 0.35, 0.35, 0, 0, 0, 0])
    assert targets[1] == pytest.approx(np.eye(7)[1])


def test_every_head_has_the_same_target_and_weight(data: Path) -> None:
    labelled = load_labelled_rows(data, "Training")
    recipe = replace(QUICK, label_smoothing=0.07)
    _, targets, weights = Batches(labelled, recipe).batch(0, 0, 32)
    assert targets.keys() == weights.keys() == set(TRAINED_HEADS)
    for head in TRAINED_HEADS:
        assert targets[head] is targets["head_mixed_eyes"]
        assert np.allclose(targets[head].sum(axis=1), 1, atol=1e-5)
        assert np.allclose(targets[head].min(axis=1), 0.01, atol=1e-5)
        assert np.allclose(weights[head], 1, atol=1e-5)  # no balance: all rows count alike


def test_rows_held_back_are_not_learned_from(data: Path) -> None:
    labelled = load_labelled_rows(data, "Training")
    learned, held_back = split(labelled, 10, seed=3)
    assert (len(learned), len(held_back)) == (38, 10)
    rows = [part.images[i].tobytes() for part in (learned, held_back) for i in range(len(part))]
    assert sorted(rows) == sorted(image.tobytes() for image in labelled.images)
    again = split(labelled, 10, seed=3)[1]
    assert np.array_equal(again.images, held_back.images)


def test_an_epoch_shows_each_row_once_and_another_epoch_in_another_order(data: Path) -> None:
    labelled = load_labelled_rows(data, "Training")
    batches = Batches(labelled, replace(QUICK, augmentation=NONE))
    orders = []
    for epoch in range(2):
        faces = [batches.batch(epoch, step, 96)[0]["face"] for step in range(6)]
        orders.append([face.tobytes() for face in np.concatenate(faces)])
    expected = {
        cut_views(row).face[..., None].astype(np.float32).tobytes() for row in labelled.images
    }
    assert set(orders[0]) == set(orders[1]) == expected
    assert orders[0] != orders[1]


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_batches_depend_on_seed_epoch_and_step_alone(data: Path, mixup: float) -> None:
    labelled, recipe = load_labelled_rows(data, "Training"), replace(QUICK, mixup=mixup)
    once = Batches(labelled, recipe)
    once.batch(0, 0, 32)
    for parts in zip(once.batch(1, 3, 32), Batches(labelled, recipe).batch(1, 3, 32), strict=True):
        assert all(np.array_equal(parts[0][name], parts[1][name]) for name in parts[0])
    other = Batches(labelled, replace(recipe, seed=2)).batch(1, 3, 32)
    assert not np.array_equal(once.batch(1, 3, 32)[0]["face"], other[0]["face"])


def test_mixup_blends_rows_and_their_targets_alike(data: Path) -> None:
    labelled = load_labelled_rows(data, "Training")
    recipe = replace(QUICK, augmentation=NONE, label_smoothing=0.0, mixup=5.0)
    _, targets, _ = Batches(labelled, recipe).batch(0, 0, 32)
    share = targets["head_mixed_face"]
    assert share.sum(axis=1) == pytest.approx(1)
    assert (share.max(axis=1) < 0.999).any()


def test_too_few_rows_for_a_batch_are_told(data: Path) -> None:
    with pytest.raises(UnusableData, match="5 rows do not fill a batch of 8"):
        Batches(load_labelled_rows(data, "Training", limit=5), QUICK)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"images": np.zeros((64, 48, 48), np.float32)}, "images are float32 64×48×48, not uint8"),
        ({"images": np.zeros((64, 32, 32), np.uint8)}, "not uint8 N×48×48"),
        ({"labels": np.full(64, 9, np.uint8)}, "none of 0 to 6: [9]"),
        ({"labels": np.zeros(63, np.uint8)}, "labels are not 64 whole numbers, one per image"),
        ({"labels": np.full(64, np.nan)}, "labels are not 64 whole numbers"),
        ({"usage_names": np.array(["train", "test"])}, "no rows named Training, but train, test"),
        ({"usage": np.ones(64, np.uint8)}, "no Training rows that show a face"),
        ({"ferplus_columns": np.array(list("abcdefghij"))}, "ferplus_columns lacks anger"),
        ({"ferplus_columns": np.array(["NF"])}, "do not fit together"),
        ({"labels": np.array([{}] * 64)}, "no readable .npz"),  # only a pickle could hold it
    ],
)
def test_a_bad_data_set_says_what_is_wrong(data: Path, arrays: dict, says: str) -> None:
    with pytest.raises(UnusableData) as error:
        load_labelled_rows(changed(data, **arrays), "Training")
    assert says in str(error.value)


def test_other_files_say_what_is_wrong(tmp_path: Path) -> None:
    lacking = tmp_path / "lacking.npz"
    np.savez(lacking, images=np.zeros((2, 48, 48), np.uint8))
    with pytest.raises(UnusableData, match="lacks labels, usage, usage_names"):
        load_labelled_rows(lacking, "Training")
    with pytest.raises(UnusableData, match="there is no file"):
        load_labelled_rows(tmp_path / "none.npz", "Training")
    for number, content in enumerate((b"", b"hello", b"PK\x03\x04 cut")):
        odd = tmp_path / f"odd{number}.npz"
        odd.write_bytes(content)
        with pytest.raises(UnusableData, match=r"no readable \.npz"):
            load_labelled_rows(odd, "Training")
