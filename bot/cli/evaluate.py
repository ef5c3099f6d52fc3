"""`mirrortape evaluate`: measure the network's accuracy on labelled pictures."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import stop

if TYPE_CHECKING:
    from vision.data.datasets import Dataset
    from vision.evaluation.evaluate import Evaluation
    from vision.evaluation.report import About
    from vision.evaluation.robustness import Robustness
    from vision.network.serving import Network

SEED = 0
"""Seeds the generators that draw rows and corruptions, for reproducible figures."""

CHANGED_ROWS = 600
"""The default number of rows for measuring robustness."""

OnStep = Callable[[float], None]


def evaluate(
    data: Annotated[Path, typer.Argument(metavar="DATA", show_default=False)],
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only these rows of an .npz.")
    ] = None,
    flip: Annotated[bool, typer.Option("--flip", help="Average with the mirror image.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write plots and an HTML page here.")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Compare groups of people; columns: file,group."),
    ] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also measure darkened, blurred, … pictures.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option("--rows", metavar="N", help=f"On how many rows; else {CHANGED_ROWS}."),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other weights than the project's.")
    ] = None,
) -> None:
    """Measure how accurate the readings of labelled pictures are.

    DATA is an .npz with images and labels (FER-2013's format), or a folder with one folder of
    pictures for each emotion. In a groups CSV, the files of an .npz are its row numbers.
    Robustness takes about a second per row, and does not use the mirror image.
    """
    from vision.data.datasets import load_dataset
    from vision.errors import UnusableData

    _check_rows(count, robustness)
    changed_rows = (count or CHANGED_ROWS) if robustness else 0
    _check_folder(report)
    try:
        dataset = load_dataset(data, split)  # before slow imports, to report a wrong file at once
        evaluation, changed, about = _measure(
            data, dataset, split, flip, groups, weights, changed_rows
        )
    except UnusableData as error:
        stop(str(error))
    for remark in about.remarks:
        typer.echo(f"mirrortape: {remark}", err=True)
    page = _write_report(report, evaluation, about, changed) if report else None
    if as_json:
        head = {"data": about.data, "split": split, "flip": flip, "weights": about.weights}
        left_out = {"skipped": about.skipped, "remarks": list(about.remarks)}
        figures = evaluation.to_json() | {"robustness": changed.to_json() if changed else None}
        typer.echo(json.dumps(head | left_out | figures, allow_nan=False))
        return
    from bot.cli.evaluation_tables import print_evaluation

    print_evaluation(evaluation, changed, about)
    if page:
        typer.echo(f"The report: {page}")


def _measure(
    data: Path,
    dataset: "Dataset",
    split: str | None,
    flip: bool,
    groups_csv: Path | None,
    weights: Path | None,
    changed_rows: int,
) -> "tuple[Evaluation, Robustness | None, About]":
    import numpy as np

    from bot.texts import explain_error
    from vision.data.datasets import listed
    from vision.data.rows import Row, find_rows
    from vision.errors import UnusableData
    from vision.evaluation.evaluate import answer
    from vision.evaluation.evaluate import evaluate as measure
    from vision.evaluation.groups import load_groups
    from vision.evaluation.report import About
    from vision.evaluation.robustness import measure_robustness
    from vision.network import weights as weight_file

    groups, strangers = load_groups(groups_csv, dataset.names) if groups_csv else (None, [])
    network = _load_network(weights or weight_file.WEIGHTS)
    with _progress("Finding eyes", len(dataset)) as on_pictures:
        found = find_rows(dataset, on_pictures)
    rows = [row for row in found if isinstance(row, Row)]
    unread = [
        f"{name} was skipped: {explain_error(row)}"
        for name, row in zip(dataset.names, found, strict=True)
        if not isinstance(row, Row)
    ]
    if not rows:
        names = listed(list(dataset.names))
        raise UnusableData(f"none of the {len(found):,} pictures in {data} can be opened: {names}")
    is_read = np.array([isinstance(row, Row) for row in found])
    kept = dataset.only(is_read)
    kept_groups = list(compress(groups, is_read)) if groups else None
    with _progress("Reading", len(rows)) as on_rows:
        answers = answer(network, rows, flip, on_rows)
    evaluation = measure(kept, rows, answers, np.random.default_rng(SEED), kept_groups)
    changed = None
    if changed_rows:
        rng = np.random.default_rng(SEED)
        with _progress("Changing pictures", 1) as on_share:
            changed = measure_robustness(network, kept, rows, rng, changed_rows, on_share)
    remarks = (*dataset.remarks, *unread, *strangers, *_thin(evaluation))
    file = (weights or weight_file.WEIGHTS).name
    return evaluation, changed, About(data.resolve().name, split, flip, file, len(unread), remarks)


def _thin(evaluation: "Evaluation") -> Iterator[str]:
    """Describe what there are too few rows to measure."""
    from vision.evaluation.groups import MIN_GROUP
    from vision.evaluation.metrics import MIN_ROWS

    for truth, scores in evaluation.every.views["fused"].items():
        if scores is None:
            continue
        if scores.n < MIN_ROWS:
            yield f"{truth}: {scores.n} rows are too few for intervals, which need {MIN_ROWS}"
        if absent := [name for name, own in scores.per_class.items() if own.n == 0]:
            yield f"{truth}: no rows show {', '.join(absent)}, so the averages leave them out"
    for truth, groups in (evaluation.groups or {}).items():
        if groups.too_small:
            names = ", ".join(groups.too_small)
            yield f"{truth}: groups of fewer than {MIN_GROUP} rows, not in the gap: {names}"
        if groups.ungrouped:
            yield f"{truth}: {groups.ungrouped:,} rows belong to no group"


def _load_network(weights: Path) -> "Network":
    from bot.texts import explain_error
    from vision import WeightsAltered, WeightsMissing
    from vision.network.serving import Network

    try:
        return Network.load(weights)
    except (WeightsMissing, WeightsAltered) as error:
        stop(explain_error(error))


def _check_rows(count: int | None, robustness: bool) -> None:
    if count is None:
        return
    if not robustness:
        stop("--rows says on how many rows robustness is measured: add --robustness")
    from vision.evaluation.metrics import MIN_ROWS

    if count < MIN_ROWS:
        stop(f"--rows {count}: robustness needs {MIN_ROWS} rows or more")


def _check_folder(folder: Path | None) -> None:
    """Check a report's folder before minutes of work, not after."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        stop(f"{folder} cannot be a folder for the report: {error.strerror}")


def _write_report(
    folder: Path, evaluation: "Evaluation", about: "About", robustness: "Robustness | None"
) -> Path:
    from vision.evaluation.report import write_report

    try:
        return write_report(folder, evaluation, about, robustness)
    except OSError as error:
        stop(f"the report cannot be written to {folder}: {error.strerror}")


@contextmanager
def _progress(action: str, total: int) -> Iterator[OnStep]:
    """Show a progress bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(action, total=total)
        yield lambda done: progress.update(task, completed=done)
