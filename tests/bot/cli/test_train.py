"""`mirrortape train`: one clear line and exit code 2 for whatever cannot be trained."""

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

import vision.training.train
from bot.cli.train import train
from tests.support.toy_training import tiny_backbone, tiny_weights, write_data
from vision.data import row_eyes
from vision.training.batches import Batch, Batches

app = typer.Typer()
app.command()(train)
TRIAL = ["--phases", "32x2", "--batch", "8", "--rate", "0.01"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(
        vision.training.train,
        "begin",
        partial(vision.training.train.begin, backbone=tiny_backbone),
    )
    monkeypatch.setattr(
        vision.training.train,
        "Trainer",
        partial(vision.training.train.Trainer, backbone=tiny_backbone),
    )
    monkeypatch.setattr(row_eyes, "EyeFinder", Blind)
    np.savez(tmp_path / "start.npz", **tiny_weights())
    return write_data(tmp_path / "data.npz", count=24)


class Blind:
    def find_in_row(self, row: np.ndarray) -> None:
        return None


def run(data: Path, *options: str, out: str = "run") -> Result:
    arguments = [str(data), "--out", str(data.with_name(out)), *options]
    return CliRunner().invoke(app, arguments)


def start(data: Path) -> list[str]:
    return ["--start", str(data.with_name("start.npz"))]


def test_a_run_begins_ends_and_is_not_overwritten(data: Path) -> None:
    result = run(data, *TRIAL, *start(data))
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "epoch 2 (32x2): loss" in result.stderr
    assert "rows/s" in result.stderr
    assert "conv1_bn" in result.stderr  # starts from random weights
    assert (data.with_name("run") / "weights.npz").is_file()

    again = run(data, *TRIAL, *start(data))
    assert again.exit_code == 2
    assert "holds a run already: add --resume" in again.stderr
    assert run(data, "--resume").exit_code == 0
    other = write_data(data.with_name("other.npz"), seed=9)
    result = run(other, "--resume")
    assert (result.exit_code, "begun with another data" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--resume"], "holds no run to resume"),
        (["--resume", "--batch", "8"], "only --phases, --rate and --mixup may be given"),
        (["--phases", "64"], "write it like 64x6"),
        (["--limit", "4", "--batch", "8"], "4 rows do not fill a batch of 8"),
        (["--batch", "8", "--start", "nothing.npz"], "nothing.npz is no readable .npz"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    data: Path, options: list[str], says: str
) -> None:
    result = run(data, *options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert not data.with_name("run").exists()


def test_data_that_is_missing_or_none_is_told(data: Path) -> None:
    missing = run(data.with_name("none.npz"))
    assert (missing.exit_code, "there is no file" in missing.stderr) == (2, True)
    data.write_text("hello")
    odd = run(data)
    assert (odd.exit_code, "is no readable .npz file" in odd.stderr) == (2, True)


def test_a_folder_that_cannot_be_made_is_told(data: Path) -> None:
    result = run(data, *TRIAL, *start(data), out="data.npz")
    assert result.exit_code == 2
    assert "cannot hold a training run" in result.stderr


def test_divergence_names_the_cure(data: Path) -> None:
    result = run(data, "--phases", "32x3", "--batch", "8", "--rate", "1e20", *start(data))
    assert result.exit_code == 2
    assert "training diverged" in result.stderr
    assert "Try a lower --rate" in result.stderr


def test_sigterm_ends_with_a_checkpoint_and_a_resumed_run_goes_on(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    batches = Batches.batch

    def batch(self: Batches, epoch: int, step: int, size: int) -> Batch:
        if (epoch, step) == (1, 0):
            os.kill(os.getpid(), signal.SIGTERM)
        return batches(self, epoch, step, size)

    monkeypatch.setattr(Batches, "batch", batch)
    stopped = run(data, *TRIAL, *start(data))
    assert stopped.exit_code == 2
    assert "stopped after step 1 of epoch 2; go on with: mirrortape train" in stopped.stderr
    assert signal.getsignal(signal.SIGTERM) is before

    monkeypatch.setattr(Batches, "batch", batches)
    resumed = run(data, "--resume", "--phases", "32x3", "--rate", "0.02")
    assert resumed.exit_code == 0, resumed.stderr
    assert "1.50 of 3 epochs done" in resumed.stderr
    assert "epoch 3 (32x3): loss" in resumed.stderr
