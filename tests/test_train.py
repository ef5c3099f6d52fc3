"""Training, on tiny networks: it learns, repeats itself, resumes, averages and stops in time."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.toy_training import QUICK, tiny_backbone, tiny_weights, toy_run, write_data
from vision import train as training
from vision import weights as weight_file
from vision.errors import TrainingDiverged, UnusableWeights
from vision.lessons import Lessons, load_lessons
from vision.network import assign, build_network, build_trainee
from vision.recipe import Phase
from vision.run_folder import RunFolder
from vision.train import Trainer, begin, load_weights, weights_of
from vision.weights import COVERING_HEAD, HEADS


@pytest.fixture
def lessons(tmp_path: Path) -> Lessons:
    return load_lessons(write_data(tmp_path / "data.npz"), "Training")


@pytest.fixture
def held_back(tmp_path: Path, lessons: Lessons) -> Lessons:
    return load_lessons(tmp_path / "data.npz", "PublicTest")


class StoppedError(Exception):
    """Stands for whatever ends a run between two epochs."""


def stop_after(epoch: int):
    def on_epoch(entry: dict) -> None:
        if entry["epoch"] == epoch:
            raise StoppedError

    return on_epoch


def test_loss_falls_where_there_is_something_to_learn(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    recipe = replace(QUICK, phases=(Phase(32, 12),), learning_rate=0.2)
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back, recipe)
    trainer.run(folder.load(), folder)
    history = folder.history()
    assert [entry["epoch"] for entry in history] == list(range(1, 13))
    assert history[-1]["loss"] < 0.85 * history[0]["loss"]
    assert history[-1]["head_fer_fused"] > 0.4  # 0.14 by chance


@pytest.mark.parametrize(
    "phases", [(Phase(32, 2),), (Phase(32, 1), Phase(48, 1, batch_statistics=False))]
)
def test_a_resumed_run_equals_an_unbroken_one(
    tmp_path: Path, lessons: Lessons, held_back: Lessons, phases: tuple[Phase, ...]
) -> None:
    recipe = replace(QUICK, phases=phases)
    trainer, folder = toy_run(tmp_path / "whole", lessons, held_back, recipe)
    whole = trainer.run(folder.load(), folder)

    trainer, broken = toy_run(tmp_path / "broken", lessons, held_back, recipe)
    with pytest.raises(StoppedError):
        trainer.run(broken.load(), broken, on_epoch=stop_after(1))
    again = RunFolder(tmp_path / "broken")
    assert again.resume({"data": "toy"}) == recipe
    assert again.load().epoch == 1
    resumed = Trainer(lessons, held_back, recipe, tiny_backbone).run(again.load(), again)

    for name, value in whole.weights.items():
        assert np.allclose(value, resumed.weights[name], atol=1e-5), name
        assert np.allclose(whole.averages[name], resumed.averages[name], atol=1e-5), name
    without_times = [
        [{k: v for k, v in entry.items() if k != "rows_per_s"} for entry in run.history()]
        for run in (folder, again)
    ]
    for one, other in zip(*without_times, strict=True):
        assert one.pop("phase") == other.pop("phase")
        assert one == pytest.approx(other, abs=1e-4)


def test_a_finished_run_has_nothing_left_to_do(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back)
    trainer.run(folder.load(), folder)
    steps: list[int] = []
    trainer.run(folder.load(), folder, on_step=lambda epoch, step, loss: steps.append(step))
    assert steps == []


def test_without_a_rate_only_statistics_move(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    recipe = replace(QUICK, learning_rate=0.0)
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back, recipe)
    before = folder.load().weights
    after = trainer.run(folder.load(), folder).weights
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    statistics = ("moving_mean", "moving_variance")
    assert moved == {f"conv{n}_bn/{name}" for n in (1, 2) for name in statistics}


def test_with_servings_statistics_they_stay_and_all_else_learns(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    recipe = replace(QUICK, phases=(Phase(32, 1, batch_statistics=False),), learning_rate=1e-4)
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back, recipe)
    before = folder.load().weights
    after = trainer.run(folder.load(), folder).weights
    stayed = {name for name in before if np.array_equal(before[name], after[name])}
    assert stayed == {name for name in before if "moving" in name}


def test_divergence_stops_and_keeps_the_last_good_epoch(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    recipe = replace(QUICK, phases=(Phase(32, 3),), learning_rate=1e18, warmup_epochs=0)
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back, recipe)
    with pytest.raises(TrainingDiverged, match="training diverged: "):
        trainer.run(folder.load(), folder)
    kept = folder.load()
    assert kept.epoch < 3
    assert all(np.isfinite(value).all() for value in kept.weights.values())


def test_averages_follow_the_weights_and_their_statistics() -> None:
    trainee, averaged = (build_trainee(tiny_backbone(), batch_statistics=True) for _ in range(2))
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
    assert fresh == ["conv1_bn", "conv2_bn", *HEADS, COVERING_HEAD]
    with pytest.raises(UnusableWeights, match="none of this network's layers"):
        begin(QUICK, {"other/kernel": np.zeros(3)}, tiny_backbone)
    wrong = tiny_weights() | {"conv1_conv/bias": np.zeros(5)}
    with pytest.raises(UnusableWeights, match=r"conv1_conv/bias is \(5,\), not \(4,\)"):
        begin(QUICK, wrong, tiny_backbone)


def test_frozen_stages_stay_as_they_are(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back, replace(QUICK, frozen=1))
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
    name = "head_fer_eyes/kernel"
    assert np.array_equal(first[name], again[name])
    assert not np.array_equal(first[name], other[name])


def test_what_was_trained_is_what_is_served(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back)
    trainer.run(folder.load(), folder)
    with np.load(tmp_path / "run" / "weights.npz") as kept:
        trained = dict(kept)
    trainee = build_trainee(tiny_backbone(), batch_statistics=False)
    load_weights(trainee, trained)
    served = build_network(tiny_backbone())
    rng = np.random.default_rng(1)
    inputs = {
        "face": rng.uniform(0, 255, (3, 96, 96, 1)).astype(np.float32),
        "eyes": rng.uniform(0, 255, (3, 48, 96, 1)).astype(np.float32),
    }
    logits = trainee.predict_on_batch(inputs)
    for labels in ("ferplus", "fer"):
        assign(served, trained, labels)
        outputs = served.predict_on_batch(inputs)
        for view in weight_file.VIEWS:
            assert np.allclose(logits[f"head_{labels}_{view}"], outputs[view], atol=1e-4)


def test_bfloat16_leaves_weights_heads_and_policy_as_they_are() -> None:
    trainee = training._build(replace(QUICK, bfloat16=True), QUICK.phases[0], tiny_backbone)
    assert trainee.get_layer("backbone").get_layer("conv1_conv").compute_dtype == "bfloat16"
    assert {variable.dtype for variable in trainee.weights} == {"float32"}
    assert {output.dtype for output in trainee.output.values()} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_the_folder_holds_what_the_module_says(
    tmp_path: Path, lessons: Lessons, held_back: Lessons
) -> None:
    trainer, folder = toy_run(tmp_path / "run", lessons, held_back)
    trainer.run(folder.load(), folder)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"recipe.json", "checkpoint.npz", "weights.npz", "history.jsonl", "curves.png"}
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    assert {"epoch", "phase", "loss", "rows_per_s", *HEADS} == set(json.loads(lines[0]))
