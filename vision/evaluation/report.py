"""Write the report of an evaluation: plots as PNG, and an HTML page that explains them."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from vision.evaluation.evaluate import Evaluation, Results
from vision.evaluation.groups import MIN_GROUP, GroupScores
from vision.evaluation.plots import (
    PLOTS,
    TRUTHS,
    by_view,
    plot_coverage,
    plot_groups,
    plot_robustness,
    plot_views,
)
from vision.evaluation.report_parts import (
    against,
    gained,
    percent,
    picture,
    section,
    table,
    with_interval,
)
from vision.evaluation.report_trust import coverage_section, robustness_section
from vision.evaluation.robustness import Robustness
from vision.network.weights import VIEWS

PAGE: Final = "report.html"

_TEMPLATE: Final = Path(__file__).with_name("report_page.html")

_CAPTIONS: Final = {
    "classes": "F1 of each emotion. Emotions with few rows have uncertain bars.",
    "confusion": "Percentage of each answer (across) for the rows of each true emotion (down).",
    "reliability": "On the dashed line, a confidence of 70 % is right seven times in ten. "
    "Larger points have more rows.",
}


@dataclass(frozen=True, slots=True)
class About:
    """What was evaluated and how, for the page header.

    Args:
        data: Name of the file or folder.
        split: Name of the split, or None for all rows.
        flip: Whether answers were averaged with those of the mirror image.
        weights: Name of the weight file.
        skipped: Number of pictures that could not be opened.
        remarks: What was left out and why.
    """

    data: str
    split: str | None
    flip: bool
    weights: str
    skipped: int
    remarks: tuple[str, ...]


def write_report(
    folder: Path, evaluation: Evaluation, about: About, robustness: Robustness | None = None
) -> Path:
    """Write the plots and the page into a folder; return the page.

    Args:
        folder: Created if missing.
        evaluation: The results.
        about: What was evaluated.
        robustness: The results on corrupted pictures, if measured.

    Raises:
        OSError: The folder cannot be created or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = evaluation.every
    truths = [truth for truth in TRUTHS if results.views["fused"][truth]]
    plot_views(folder / "views.png", results)
    for truth in truths:
        for name, plot in PLOTS.items():
            plot(folder / f"{name}_{truth}.png", by_view(results, truth))
    sections = [_comparison(results, truths)]
    sections += [_truth_section(results, truth) for truth in truths]
    plot_coverage(folder / "coverage.png", evaluation.coverage)
    sections.append(coverage_section(evaluation.coverage))
    if robustness:
        plot_robustness(folder / "robustness.png", robustness)
        sections.append(robustness_section(robustness))
    if evaluation.without_duplicates:
        sections.append(_duplicates(evaluation.without_duplicates, truths))
    for truth, groups in (evaluation.groups or {}).items():
        if groups.groups:
            plot_groups(folder / f"groups_{truth}.png", groups)
            sections.append(_groups(groups, truth))
    if about.remarks:
        lines = "".join(f"<li>{escape(remark)}</li>" for remark in about.remarks)
        sections.append(section("Remarks", f"<ul>{lines}</ul>"))
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(about.data + (f", {about.split}" if about.split else "")),
        facts=_facts(evaluation, about),
        tiles=_tiles(results, truths[-1]),
        sections="\n".join(sections),
    )
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path


def _facts(evaluation: Evaluation, about: About) -> str:
    facts = [
        f"{evaluation.every.rows:,} rows",
        f"{about.skipped:,} skipped",
        f"eyes found in {percent(evaluation.eyes_found)}",
        "averaged with the mirror image" if about.flip else "one pass per row",
        about.weights,
    ]
    return escape(" · ".join(facts))


def _tiles(results: Results, truth: str) -> str:
    tiles = []
    for view, scores in reversed(by_view(results, truth).items()):
        low, high = scores.accuracy_interval or (scores.accuracy, scores.accuracy)
        tiles.append(
            f'<div class="tile {view}"><b>{view}</b>'
            f"<strong>{percent(scores.accuracy)}</strong>"
            f"<span>{100 * low:.1f} to {100 * high:.1f} % of {scores.n:,} rows, "
            f"{escape(TRUTHS[truth])}</span></div>"
        )
    return "".join(tiles)


def _comparison(results: Results, truths: list[str]) -> str:
    rows = []
    for truth in truths:
        for pair, gain in (results.differences[truth] or {}).items():
            first, second = pair.split("-")
            rows.append(
                (
                    TRUTHS[truth],
                    f"{first} − {second}",
                    gained(gain.accuracy, gain.accuracy_interval),
                    gained(gain.macro_f1, gain.macro_f1_interval),
                )
            )
    return section(
        "Eyes, face or both",
        picture("views.png", "Accuracy of each view; the line is the 95 % interval.")
        + table(("against", "difference", "accuracy, points", "macro-F1, points"), rows)
        + "<p>Differences are paired: both views answer the same rows. If an interval does not "
        "include 0, the difference is unlikely to be chance.</p>",
    )


def _truth_section(results: Results, truth: str) -> str:
    scores = by_view(results, truth)
    per_class = [
        (
            emotion,
            f"{own.n:,}",
            *map(percent, (own.precision, own.recall, own.f1)),
        )
        for emotion, own in scores["fused"].per_class.items()
    ]
    header = ("fused", "rows", "precision", "recall", "F1")
    return section(
        against(truth).replace("against", "Against"),
        _scores_table(results, truth)
        + "".join(picture(f"{name}_{truth}.png", _CAPTIONS[name]) for name in PLOTS)
        + table(header, per_class),
    )


def _duplicates(results: Results, truths: list[str]) -> str:
    tables = [f"<h3>{escape(TRUTHS[t])}</h3>" + _scores_table(results, t) for t in truths]
    return section(
        "Without rows that also occur in the training data",
        f"<p>{results.rows:,} rows are left.</p>" + "".join(tables),
    )


def _scores_table(results: Results, truth: str) -> str:
    scores = by_view(results, truth)
    return table(
        ("view", "rows", "accuracy", "macro-F1", "weighted F1", "ECE"),
        [
            (
                view,
                f"{scores[view].n:,}",
                with_interval(scores[view].accuracy, scores[view].accuracy_interval),
                with_interval(scores[view].macro_f1, scores[view].macro_f1_interval),
                percent(scores[view].weighted_f1),
                percent(scores[view].ece),
            )
            for view in VIEWS
            if view in scores
        ],
    )


def _groups(groups: GroupScores, truth: str) -> str:
    said = f"<p>Fewer than two groups have {MIN_GROUP} rows: no gap is given.</p>"
    if gap := groups.worst_gap:
        said = (
            f"<p>The worst gap in accuracy is <b>{100 * gap.accuracy:.1f} points</b>, between "
            f"{escape(gap.best)} and {escape(gap.worst)}.</p>"
        )
    if groups.too_small:
        names = escape(", ".join(groups.too_small))
        said += f"<p>Too few rows to enter the gap: {names}.</p>"
    shown = picture(f"groups_{truth}.png", "Accuracy of the fused view, with 95 % intervals.")
    return section(f"Groups, {against(truth)}", said + shown)
