"""`mirrortape train`: train the network, or resume a run."""

import hashlib
import logging
import os
import signal
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.exits import stop

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from vision.training.batches import LabelledRows
    from vision.training.recipe import Recipe
    from vision.training.run_folder import Arrays, Checkpoint, Entry, RunFolder
    from vision.training.train import Trainer

_VIEWS = ("eyes", "face", "fused")
_VALIDATION_ROWS = 2000  # rows of Training that are not learned from, or a tenth of them


def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", show_default=False)],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where checkpoints, weights and curves go.")
    ],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the run in DIR; --phases, --rate and --mixup may change it.",
        ),
    ] = False,
    start: Annotated[
        Path | None,
        typer.Option(metavar="WEIGHTS.npz", help="Start from these; default: ours."),
    ] = None,
    phases: Annotated[
        str | None,
        typer.Option(
            metavar="64x6,96x3,96x1s",
            help="Width of the views and epochs; s: with serving's statistics.",
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0, help="Learning rate after the warm-up; default: 0.04.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Rows in a step; default: 64.")] = None,
    mixup: Annotated[
        float | None, typer.Option(min=0, help="Blends rows; try 0.2. Default: off.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another one, another run.")] = None,
    frozen: Annotated[
        int | None,
        typer.Option(min=0, max=4, help="Stages, from the picture on, that stay as they are."),
    ] = None,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Quicker on processors that multiply in it.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use so many rows only, for a trial.")
    ] = None,
) -> None:
    """Train the network on FER-2013 with FER+ votes; stopped runs go on with --resume."""
    from rich.console import Console

    from vision.errors import TrainingDiverged, TrainingError, TrainingStopped
    from vision.training.recipe import Recipe, parse_phases
    from vision.training.run_folder import RunFolder

    changes: dict[str, Any] = {
        "learning_rate": rate,
        "batch": batch,
        "mixup": mixup,
        "seed": seed,
        "frozen": frozen,
        "bfloat16": bfloat16 or None,
        "matrix_products": False if bfloat16 else None,  # such processors are quicker without
    }
    try:
        changes["phases"] = parse_phases(phases) if phases is not None else None
    except ValueError as error:
        stop(str(error))
    changes = {name: value for name, value in changes.items() if value is not None}
    if resume and (start or changes.keys() - {"phases", "learning_rate", "mixup"}):
        stop(
            "a resumed run keeps its weights and recipe: besides --limit, only --phases, --rate "
            "and --mixup may be given"
        )
    console, folder = Console(stderr=True, highlight=False), RunFolder(out)
    try:
        about = {"data": _digest(data), "limit": limit}
        if resume:
            recipe = folder.resume(about, changes)
        else:
            recipe = Recipe(**changes)
            folder.refuse_if_used()
        _run(data, folder, recipe, about, start, resume=resume, console=console)
    except TrainingDiverged as error:
        stop(f"{error}; {out} keeps the last good epoch. Try a lower --rate")
    except TrainingStopped as error:
        stop(f"{error}; go on with: {_again(data, out)}")
    except TrainingError as error:
        stop(str(error))
    except KeyboardInterrupt:
        stop(f"stopped; go on with: {_again(data, out)}")


def _again(data: Path, out: Path) -> str:
    return f"mirrortape train {data} --out {out} --resume"


@contextmanager
def _stop_signals() -> "Iterator[threading.Event]":
    """Yield an event that SIGTERM and Ctrl-C set instead of ending the process."""
    asked = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: asked.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(
    data: Path,
    folder: "RunFolder",
    recipe: "Recipe",
    about: dict[str, Any],
    start: Path | None,
    *,
    resume: bool,
    console: "Console",
) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from vision.training.batches import load_labelled_rows, split
    from vision.training.train import Trainer, begin

    labelled = load_labelled_rows(data, "Training", about["limit"])
    public = load_labelled_rows(data, "PublicTest", about["limit"])
    count = min(_VALIDATION_ROWS, len(labelled) // 10)
    labelled.require(recipe.batch + count)
    if not resume:
        checkpoint, fresh = begin(recipe, _weights(start))
        folder.begin(recipe, about, checkpoint)
        if fresh:
            console.print(f"Layers that start from random weights: {', '.join(fresh)}")
    with _progress(console) as progress:
        labelled, public = (
            _with_eyes(rows, folder.path / f"eyes-{name}.npz", progress)
            for name, rows in (("Training", labelled), ("PublicTest", public))
        )
        labelled, held_back = split(labelled, count, recipe.seed)
        trainer = Trainer(labelled, {"held back": held_back, "PublicTest": public}, recipe)
        checkpoint = folder.load()
        console.print(
            f"{len(labelled):,} rows, {trainer.steps:,} steps an epoch; "
            f"{checkpoint.step / trainer.steps:.2f} of {recipe.epochs} epochs done"
        )
        _follow(trainer, checkpoint, folder, recipe, progress)
    console.print(
        f"{folder.path / 'weights.npz'} is ready for: python -m vision.training.fit_heads"
    )


def _follow(
    trainer: "Trainer",
    checkpoint: "Checkpoint",
    folder: "RunFolder",
    recipe: "Recipe",
    progress: "Progress",
) -> None:
    """Run the epochs with a progress bar, and print one line after each."""
    total = recipe.epochs * trainer.steps
    bar = progress.add_task("Training", total=total)

    def on_step(epoch: int, step: int, loss: float) -> None:
        name = f"Epoch {epoch + 1}/{recipe.epochs}, loss {loss:.3f}"
        progress.update(bar, completed=epoch * trainer.steps + step, description=name)

    def on_epoch(entry: "Entry") -> None:
        progress.console.print(_line(entry), soft_wrap=True)

    progress.update(bar, completed=checkpoint.step)
    with _stop_signals() as asked:
        trainer.run(checkpoint, folder, on_step, on_epoch, asked.is_set)


def _line(entry: "Entry") -> str:
    parts = [
        f"{name}, by {', '.join(_VIEWS)}: "
        + " ".join(f"{100 * measured[view]['ferplus']:.1f}" for view in _VIEWS)
        + f", mean recall {100 * measured['fused']['recall']:.1f}"
        for name, measured in entry["checks"].items()
    ]
    return (
        f"epoch {entry['epoch']} ({entry['phase']}): loss {entry['loss']:.3f}; % right of "
        f"{'; '.join(parts)}; {entry['rows_per_s']:.0f} rows/s"
    )


def _with_eyes(rows: "LabelledRows", cache: Path, progress: "Progress") -> "LabelledRows":
    from vision.data.row_eyes import find_eyes

    bar = progress.add_task("Seeking eyes", total=len(rows))
    found = find_eyes(rows.images, cache, lambda done: progress.update(bar, completed=done))
    progress.remove_task(bar)
    return rows.with_eyes(found)


def _weights(start: Path | None) -> "Arrays":
    """Read the weights to start from: an `.npz`, or the project's."""
    import numpy as np

    from vision import VisionError
    from vision.errors import UnusableWeights
    from vision.network import weights

    if start is None:
        try:
            return weights.unpack(weights.read())
        except VisionError as error:
            raise UnusableWeights(f"{error}; give --start WEIGHTS.npz") from error
    try:
        with start.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UnusableWeights(f"{start} is no readable .npz of weights") from error


def _digest(data: Path) -> str:
    """Return the SHA-256 of the data, so that a run is only resumed on the same data."""
    from vision.errors import UnusableData

    if not data.is_file():
        raise UnusableData(f"there is no file {data}; training needs an .npz of FER-2013")
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _progress(console: "Console") -> "Iterator[Progress]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress
