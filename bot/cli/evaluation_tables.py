"""Prints an evaluation as tables in the terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from vision.evaluation.coverage import Coverage
from vision.evaluation.evaluate import Evaluation
from vision.evaluation.groups import GroupScores
from vision.evaluation.plots import TRUTHS, by_view
from vision.evaluation.report import About
from vision.evaluation.report_parts import gained, lost, percent, with_interval
from vision.evaluation.report_trust import ask_line, robustness_lines
from vision.evaluation.robustness import Condition, Robustness
from vision.network.weights import VIEWS


def print_evaluation(evaluation: Evaluation, robustness: Robustness | None, about: About) -> None:
    """Print the results."""
    console = Console(highlight=False)
    results = evaluation.every
    console.print(
        f"{about.data}{f', {about.split}' if about.split else ''}: {results.rows:,} rows, "
        f"{about.skipped:,} skipped, eyes found in {percent(evaluation.eyes_found)}"
        + (", averaged with the mirror image" if about.flip else "")
    )
    for truth, title in TRUTHS.items():
        table = Table("view", "rows", "accuracy", "macro-F1", "weighted F1", "ECE", title=title)
        for view, scores in by_view(results, truth).items():
            table.add_row(
                view,
                f"{scores.n:,}",
                with_interval(scores.accuracy, scores.accuracy_interval),
                with_interval(scores.macro_f1, scores.macro_f1_interval),
                percent(scores.weighted_f1),
                percent(scores.ece),
            )
        if table.row_count:
            console.print(table)
        for pair, gain in (results.differences[truth] or {}).items():
            told = gained(gain.accuracy, gain.accuracy_interval)
            console.print(f"  {pair.replace('-', ' − ')}: {told} points of accuracy")
    again = evaluation.without_duplicates
    for truth, alone in (again.views["fused"] if again else {}).items():
        if alone:
            told = with_interval(alone.accuracy, alone.accuracy_interval)
            console.print(f"Without rows of the training data, {TRUTHS[truth]}: fused {told}")
    _print_groups(console, evaluation.groups or {})
    _print_coverage(console, evaluation.coverage)
    if robustness:
        _print_robustness(console, robustness)


def _print_groups(console: Console, groups: dict[str, GroupScores]) -> None:
    for truth, own in groups.items():
        if gap := own.worst_gap:
            console.print(
                f"Worst gap between groups, {TRUTHS[truth]}: {100 * gap.accuracy:.1f} points "
                f"({gap.best} over {gap.worst})"
            )


def _print_coverage(console: Console, coverage: dict[str, Coverage]) -> None:
    table = Table("answers from", title="When to claim, when to ask (fused)")
    for truth in coverage:
        table.add_column(f"{TRUTHS[truth]}: answered")
        table.add_column("right")
    for at_once in list(zip(*(own.points for own in coverage.values()), strict=True))[::2]:
        cells = (percent(share) for point in at_once for share in (point.coverage, point.accuracy))
        table.add_row(f"{100 * at_once[0].threshold:.0f} %", *cells)
    console.print(table)
    for truth, own in coverage.items():
        console.print(f"  {ask_line(truth, own)}")


def _print_robustness(console: Console, robustness: Robustness) -> None:
    headers = ["change", "loss, points", "product", *VIEWS, "conf.", "ECE", "found", "refused"]
    table = Table(*headers, title="When the picture is bad (per cent)", padding=(0, 0))
    table.add_row("none", "", *_cells(robustness.clean))
    for loss in robustness.losses:
        cost = lost(loss.accuracy, loss.accuracy_interval)
        table.add_row(loss.corruption.name, cost, *_cells(loss.condition))
    console.print(table)
    for line in robustness_lines(robustness):
        console.print(f"  {line}")


def _cells(condition: Condition) -> Iterable[str]:
    shares = [condition.accuracy, *(condition.heads[view] for view in VIEWS)]
    shares += [condition.confidence, condition.ece, condition.eyes_found, condition.refused]
    return (f"{100 * share:.1f}" for share in shares)
