"""Training, on tiny networks: it learns, repeats itself, resumes, averages and stops in time."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.support.toy_training import QUICK, tiny_backbone, tiny_weights, toy_run, write_data
from vision.errors import TrainingDiverged, TrainingStopped, UnusableFolder, UnusableWeights
from vision.network import weights as weight_file
from vision.network.keras_network import (
    assign,
    build_network,
    build_training_model,
    with_matrix_products,
)
from vision.network.weights import TRAINED_HEADS
from vision.training import train as training
from vision.training.batches import LabelledRows, load_labelled_rows
from vision.training.recipe import Phase
from vision.training.run_folder import RunFolder
from vision.training.train import CHECKPOINT_EVERY_S, Trainer, begin, load_weights, weights_of


@pytest.fixture
def labelled(tmp_path: Path) -> LabelledRows:
    return load_labelled_rows(write_data(tmp_path / "data.npz"), "Training")


@pytest.fixture
def held_back(tmp_path: Path, labelled: LabelledRows) -> LabelledRows:
    return load_labelled_rows(tmp_path / "data.npz", "PublicTest")


class Asked:
    """Says that the run is to stop, once it was asked so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def test_loss_falls_where_there_is_something_to_learn(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    recipe = replace(QUICK, phases=(Phase(32, 12),), learning_rate=0.2)
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back, recipe)
    trainer.run(folder.load(), folder)
    history = folder.history()
    assert [entry["epoch"] for entry in history] == list(range(1, 13))
    assert history[-1]["loss"] < 0.85 * history[0]["loss"]
    assert history[-1]["checks"]["held back"]["fused"]["fer"] > 0.4  # 0.14 by chance


ONE_PHASE = (Phase(32, 2),)
TWO_PHASES = (Phase(32, 1), Phase(48, 1, batch_statistics=False))


# Stopped within the first epoch of six steps, at its end, and within the second.
@pytest.mark.parametrize(("phases", "steps"), [(ONE_PHASE, 4), (TWO_PHASES, 6), (TWO_PHASES, 9)])
def test_a_resumed_run_equals_an_unbroken_one(
    tmp_path: Path,
    labelled: LabelledRows,
    held_back: LabelledRows,
    phases: tuple[Phase, ...],
    steps: int,
) -> None:
    recipe = replace(QUICK, phases=phases, dropout=0.3)
    trainer, folder = toy_run(tmp_path / "whole", labelled, held_back, recipe)
    whole = trainer.run(folder.load(), folder)

    trainer, broken = toy_run(tmp_path / "broken", labelled, held_back, recipe)
    asked = Asked(steps)
    with suppress(TrainingStopped):  # at the end of an epoch it goes on to the next one's step
        trainer.run(broken.load(), broken, should_stop=asked)
    again = RunFolder(tmp_path / "broken")
    assert again.resume({"data": "toy"}, {}) == recipe
    assert again.load().step == (12 if steps == 6 else steps)
    checks = {"held back": held_back}
    resumed = Trainer(labelled, checks, recipe, tiny_backbone).run(again.load(), again)

    for name, value in whole.weights.items():
        assert np.allclose(value, resumed.weights[name], atol=1e-5), name
        assert np.allclose(whole.averages[name], resumed.averages[name], atol=1e-5), name
    for one, other in zip(folder.history(), again.history(), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-4)
        assert (one["phase"], one["rows"]) == (other["phase"], other["rows"])
        for view, figures in one["checks"]["held back"].items():
            assert other["checks"]["held back"][view] == pytest.approx(figures, nan_ok=True)


def test_a_checkpoint_is_kept_every_ten_minutes(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    class Killed(Exception):
        pass

    def killed_at(epoch: int, step: int, loss: float) -> None:
        if step == 5:
            raise Killed

    _, folder = toy_run(tmp_path / "run", labelled, held_back)
    minutes = iter(range(0, 1000, 5))
    trainer = Trainer(labelled, {}, QUICK, tiny_backbone, clock=lambda: 60.0 * next(minutes))
    with pytest.raises(Killed):
        trainer.run(folder.load(), folder, on_step=killed_at)
    assert CHECKPOINT_EVERY_S == 600
    assert folder.load().step == 4  # after 10 and 20 minutes; the fifth step is lost
    assert folder.load().seconds == 20 * 60


def test_a_resumed_run_may_change_its_phases_and_rate(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back)
    with pytest.raises(TrainingStopped, match="after step 2 of epoch 1"):
        trainer.run(folder.load(), folder, should_stop=Asked(2))
    changes = {"phases": (Phase(32, 1), Phase(48, 2)), "learning_rate": 0.01}
    recipe = folder.resume({"data": "toy"}, changes)
    assert recipe == replace(QUICK, **changes)
    assert folder.resume({"data": "toy"}, {}) == recipe  # it stays so
    Trainer(labelled, {}, recipe, tiny_backbone).run(folder.load(), folder)
    assert [entry["phase"] for entry in folder.history()] == ["32x1", "48x2", "48x2"]
    noted = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert noted["before"] == [{"until_step": 2, "recipe": QUICK.to_json()}]
    with pytest.raises(UnusableFolder, match="begun with another data"):
        folder.resume({"data": "other"}, {})


def test_a_finished_run_has_nothing_left_to_do(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back)
    trainer.run(folder.load(), folder)
    steps: list[int] = []
    trainer.run(folder.load(), folder, on_step=lambda epoch, step, loss: steps.append(step))
    assert steps == []


def test_without_a_rate_only_statistics_move(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    recipe = replace(QUICK, learning_rate=0.0)
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back, recipe)
    before = folder.load().weights
    after = trainer.run(folder.load(), folder).weights
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    statistics = ("moving_mean", "moving_variance")
    assert moved == {f"conv{n}_bn/{name}" for n in (1, 2) for name in statistics}


def test_with_servings_statistics_they_stay_and_all_else_learns(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    recipe = replace(QUICK, phases=(Phase(32, 1, batch_statistics=False),), learning_rate=1e-4)
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back, recipe)
    before = folder.load().weights
    after = trainer.run(folder.load(), folder).weights
    stayed = {name for name in before if np.array_equal(before[name], after[name])}
    assert stayed == {name for name in before if "moving" in name}


def test_divergence_stops_and_keeps_the_last_good_epoch(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    recipe = replace(
        QUICK, phases=(Phase(32, 3),), learning_rate=1e18, warmup_steps=0, clip_norm=1e30
    )
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back, recipe)
    with pytest.raises(TrainingDiverged, match="training diverged: "):
        trainer.run(folder.load(), folder)
    kept = folder.load()
    assert kept.step < 3 * trainer.steps
    assert all(np.isfinite(value).all() for value in kept.weights.values())


def test_averages_follow_the_weights_and_their_statistics() -> None:
    trainee, averaged = (
        build_training_model(tiny_backbone(), batch_statistics=True) for _ in range(2)
    )
    zeros = {name: np.zeros_like(value) for name, value in weights_of(trainee).items()}
    load_weights(averaged, zeros)
    load_weights(trainee, {name: value + 1 for name, value in zeros.items()})
    training._average(averaged, trainee, momentum=0.999, count=1)
    for name, value in weights_of(averaged).items():
        assert np.allclose(value, 0.9), name  # early averages forget quickly
    load_weights(averaged, zeros)
    training._average(averaged, trainee, momentum=0.999, count=10**6)
    for name, value in weights_of(averaged).items():
        assert np.allclose(value, 1 - 0.999**4), name


def test_a_start_may_lack_layers_but_not_all_nor_fit_badly() -> None:
    _, fresh = begin(QUICK, tiny_weights(), tiny_backbone)
    assert fresh == ["conv1_bn", "conv2_bn", *TRAINED_HEADS]
    with pytest.raises(UnusableWeights, match="none of this network's layers"):
        begin(QUICK, {"other/kernel": np.zeros(3)}, tiny_backbone)
    wrong = tiny_weights() | {"conv1_conv/bias": np.zeros(5)}
    with pytest.raises(UnusableWeights, match=r"conv1_conv/bias is \(5,\), not \(4,\)"):
        begin(QUICK, wrong, tiny_backbone)


def test_frozen_stages_stay_as_they_are(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back, replace(QUICK, frozen=1))
    before = folder.load().weights
    after = trainer.run(folder.load(), folder).weights
    changed = {name for name, value in after.items() if not np.array_equal(value, before[name])}
    assert not any(name.startswith("conv1_") for name in changed)
    assert any(name.startswith("conv2_") for name in changed)


def test_the_seed_decides_the_fresh_weights() -> None:
    first, again, other = (
        begin(replace(QUICK, seed=seed), tiny_weights(), tiny_backbone)[0].weights
        for seed in (1, 1, 2)
    )
    name = "head_mixed_eyes/kernel"
    assert np.array_equal(first[name], again[name])
    assert not np.array_equal(first[name], other[name])


def test_what_was_trained_is_what_is_served(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back)
    trainer.run(folder.load(), folder)
    with np.load(tmp_path / "run" / "weights.npz") as kept:
        trained = dict(kept)
    trainee = build_training_model(tiny_backbone(), batch_statistics=False)
    load_weights(trainee, trained)
    served = build_network(tiny_backbone())
    rng = np.random.default_rng(1)
    inputs = {
        "face": rng.uniform(0, 255, (3, 96, 96, 1)).astype(np.float32),
        "eyes": rng.uniform(0, 255, (3, 48, 96, 1)).astype(np.float32),
    }
    logits = trainee.predict_on_batch(inputs)
    assign(served, {n.replace("_mixed_", "_ferplus_"): v for n, v in trained.items()})
    outputs = served.predict_on_batch(inputs)
    for view in weight_file.VIEWS:
        assert np.allclose(logits[f"head_mixed_{view}"], outputs[view], atol=1e-4)


def test_matrix_products_give_what_convolutions_give() -> None:
    x = seen = keras.Input((None, None, 3))
    for number, (size, stride) in enumerate([(7, 2), (1, 1), (3, 1), (1, 2), (3, 2)]):
        layer = keras.layers.Conv2D(
            5, size, stride, padding="valid" if size == 1 else "same", name=f"conv{number}"
        )
        x = layer(x)
    plain = keras.Model(seen, x, name="backbone")
    products = with_matrix_products(plain)
    products.set_weights(plain.get_weights())
    views = np.random.default_rng(1).uniform(0, 9, (2, 21, 30, 3)).astype(np.float32)
    expected = plain.predict_on_batch(views)
    assert np.abs(expected).max() > 0.1
    assert np.allclose(products.predict_on_batch(views), expected, rtol=1e-4, atol=1e-4)


def test_a_run_starts_from_the_votes_heads_where_there_are_no_mixed_ones() -> None:
    heads = {
        f"head_ferplus_{view}/{part}": np.full(shape, number + 1.0)
        for number, (view, width) in enumerate((("eyes", 8), ("face", 8), ("fused", 16)))
        for part, shape in (("kernel", (width, 7)), ("bias", (7,)))
    }
    checkpoint, fresh = begin(QUICK, tiny_weights() | heads, tiny_backbone)
    assert fresh == ["conv1_bn", "conv2_bn"]
    assert (checkpoint.weights["head_mixed_fused/kernel"] == 3).all()


def test_bfloat16_leaves_weights_heads_and_policy_as_they_are() -> None:
    trainee = training._build(replace(QUICK, bfloat16=True), QUICK.phases[0], tiny_backbone)
    assert trainee.get_layer("backbone").get_layer("conv1_conv").compute_dtype == "bfloat16"
    assert {variable.dtype for variable in trainee.weights} == {"float32"}
    assert {output.dtype for output in trainee.output.values()} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_the_folder_holds_what_the_module_says(
    tmp_path: Path, labelled: LabelledRows, held_back: LabelledRows
) -> None:
    trainer, folder = toy_run(tmp_path / "run", labelled, held_back)
    trainer.run(folder.load(), folder)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"recipe.json", "checkpoint.npz", "weights.npz", "history.jsonl", "curves.png"}
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    entry = json.loads(lines[0])
    assert entry.keys() == {"epoch", "phase", "loss", "rows", "hours", "rows_per_s", "checks"}
    assert entry["rows"] == 48
    assert entry["checks"]["held back"]["face"].keys() == {"ferplus", "recall", "fer"}
