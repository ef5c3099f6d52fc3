"""Draw the plots of a report as PNG files."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

from vision.evaluation.corruptions import Corruption, Kind
from vision.evaluation.coverage import Coverage
from vision.evaluation.evaluate import Results
from vision.evaluation.groups import GroupScores
from vision.evaluation.metrics import Scores
from vision.evaluation.robustness import Condition, Robustness
from vision.network.weights import VIEWS
from vision.reading import EMOTIONS

TRUTHS: Final = {"labels": "Labels", "ferplus": "FER+ majority"}
"""The title of each ground truth."""

COLOURS: Final = {"eyes": "#d97b4a", "face": "#4a7fb5", "fused": "#2f8f6b"}

_DPI: Final = 150
_INK: Final = "#2b2b33"
_SOFT: Final = "#8a8a96"
_FAINT: Final = "#c9c9d1"

# Panels of the robustness plot, and the kinds of corruption in each.
_KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "brightness, grey levels": ("brightness",),
    "contrast, factor": ("contrast",),
    "blur, σ in pixels": ("blur",),
    "noise, σ in grey levels": ("noise",),
    "JPEG quality": ("jpeg",),
    "turn, degrees": ("turn",),
    "pixels of 48": ("resolution",),
    "covered": ("mask", "sunglasses"),
}

ByView = dict[str, Scores]


def plot_views(path: Path, results: Results) -> None:
    """Draw the accuracy of each view with its interval, one panel per truth."""
    truths = [truth for truth in TRUTHS if results.views["fused"][truth]]
    figure = Figure(figsize=(4.6 * len(truths) + 0.8, 2.5), layout="constrained")
    panels = figure.subplots(1, len(truths), squeeze=False, sharey=True)[0]
    for axes, truth in zip(panels, truths, strict=True):
        for row, (view, scores) in enumerate(by_view(results, truth).items()):
            low, high = scores.accuracy_interval or (scores.accuracy, scores.accuracy)
            axes.barh(row, scores.accuracy, color=COLOURS[view], height=0.62)
            axes.plot([low, high], [row, row], color=_INK, linewidth=2)
            axes.text(high + 0.015, row, f"{100 * scores.accuracy:.1f} %", va="center", color=_INK)
        axes.set(title=TRUTHS[truth], xlim=(0, 1.12), yticks=range(len(VIEWS)), yticklabels=VIEWS)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        _tidy(axes)
    _save(figure, path)


def plot_confusions(path: Path, scores: ByView) -> None:
    """Draw the confusion matrix of each view, normalised by true emotion."""
    figure = Figure(figsize=(3.5 * len(scores) + 0.6, 4.2), layout="constrained")
    panels = figure.subplots(1, len(scores), sharey=True)
    for axes, (view, own) in zip(panels, scores.items(), strict=True):
        shares = own.confusion / np.maximum(own.confusion.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            ink = "white" if share > 0.55 else _INK
            text = f"{100 * share:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
        axes.set(title=view, xlabel="answer", xticks=range(7), yticks=range(7))
        axes.set_xticklabels(EMOTIONS, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticklabels(EMOTIONS)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    panels[0].set_ylabel("truth")
    _save(figure, path)


def plot_reliability(path: Path, scores: ByView) -> None:
    """Draw the reliability diagram of each view; the diagonal is perfect calibration."""
    figure = Figure(figsize=(3.5 * len(scores) + 0.6, 3.9), layout="constrained")
    panels = figure.subplots(1, len(scores), sharey=True)
    for axes, (view, own) in zip(panels, scores.items(), strict=True):
        confidence = [part.confidence for part in own.reliability]
        accuracy = [part.accuracy for part in own.reliability]
        share = np.array([part.n for part in own.reliability]) / own.n
        axes.plot([0, 1], [0, 1], color=_FAINT, linestyle="--", zorder=0)
        axes.vlines(confidence, confidence, accuracy, color=COLOURS[view], alpha=0.45, linewidth=2)
        axes.plot(confidence, accuracy, color=COLOURS[view], linewidth=1)
        axes.scatter(confidence, accuracy, s=15 + 500 * share, color=COLOURS[view], alpha=0.85)
        title = f"{view}: ECE {100 * own.ece:.1f} %"
        axes.set(title=title, xlabel="stated confidence", xlim=(0, 1.03), ylim=(0, 1.03))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_aspect("equal")
        _tidy(axes)
    panels[0].set_ylabel("accuracy")
    _save(figure, path)


def plot_classes(path: Path, scores: ByView) -> None:
    """Draw the F1 of each emotion, the views side by side."""
    figure = Figure(figsize=(9.5, 3.4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(scores)
    for index, (view, own) in enumerate(scores.items()):
        places = np.arange(len(EMOTIONS)) + (index - (len(scores) - 1) / 2) * width
        heights = [own.per_class[emotion].f1 or 0.0 for emotion in EMOTIONS]
        axes.bar(places, heights, 0.92 * width, color=COLOURS[view], label=view)
        for place, height in zip(places, heights, strict=True):
            axes.text(
                place, height + 0.012, f"{100 * height:.0f}", ha="center", fontsize=8, color=_INK
            )
    counts = next(iter(scores.values())).per_class
    names = [f"{emotion}\n{counts[emotion].n:,} rows" for emotion in EMOTIONS]
    axes.set(ylabel="F1", ylim=(0, 1.08), xticks=range(len(EMOTIONS)), xticklabels=names)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(frameon=False, ncols=3, loc="upper left", bbox_to_anchor=(0, 1.14))
    _tidy(axes)
    _save(figure, path)


def plot_groups(path: Path, scores: GroupScores) -> None:
    """Draw the accuracy of each group with its interval."""
    figure = Figure(figsize=(9.5, 0.9 + 0.42 * len(scores.groups)), layout="constrained")
    axes = figure.subplots()
    for row, own in enumerate(scores.groups.values()):
        low, high = own.accuracy_interval or (own.accuracy, own.accuracy)
        axes.plot([low, high], [row, row], color=COLOURS["fused"], linewidth=3, alpha=0.5)
        axes.scatter([own.accuracy], [row], color=COLOURS["fused"], s=45)
        axes.text(high + 0.015, row, f"{100 * own.accuracy:.1f} %", va="center", color=_INK)
    names = [f"{name} ({own.n:,})" for name, own in scores.groups.items()]
    axes.set(xlim=(0, 1.12), ylim=(len(names) - 0.4, -0.6), yticks=range(len(names)))
    axes.set_yticklabels(names)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    _tidy(axes)
    _save(figure, path)


def plot_coverage(path: Path, coverage: dict[str, Coverage]) -> None:
    """Draw accuracy against coverage, one panel per truth."""
    figure = Figure(figsize=(4.6 * len(coverage) + 0.8, 3.6), layout="constrained")
    panels = figure.subplots(1, len(coverage), squeeze=False, sharey=True)[0]
    for axes, (truth, own) in zip(panels, coverage.items(), strict=True):
        given = [point for point in own.points if point.accuracy is not None]
        x, y = [p.coverage for p in given], [p.accuracy or 0.0 for p in given]
        axes.plot(x, y, color=COLOURS["fused"], marker="o", markersize=5)
        for point in given[::2]:
            axes.annotate(
                f"{100 * point.threshold:.0f} %",
                (point.coverage, point.accuracy or 0.0),
                xytext=(-4, -12),
                textcoords="offset points",
                ha="right",
                color=_INK,
                fontsize=8,
            )
        axes.set(title=TRUTHS[truth], xlabel="share that is answered", xlim=(0, 1.03))
        axes.set_ylim(max(0.0, min(y, default=0.0) - 0.12), 1.01)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        _tidy(axes)
    panels[0].set_ylabel("share of answers that is right")
    _save(figure, path)


def plot_robustness(path: Path, robustness: Robustness) -> None:
    """Draw accuracy and confidence by strength of each kind of corruption."""
    figure = Figure(figsize=(9.5, 5.4), layout=ConstrainedLayoutEngine(h_pad=0.12))
    panels = figure.subplots(2, 4, sharey=True)
    for axes, (title, kinds) in zip(panels.flat, _KINDS.items(), strict=True):
        ladder = _ladder(robustness, kinds)
        is_line = len(kinds) == 1  # the coverings are not steps of one scale
        _draw_conditions(axes, list(ladder.values()), is_line)
        axes.set(title=title, ylim=(0, 1), xticks=range(len(ladder)), xticklabels=ladder)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.tick_params(labelsize=8)
        _tidy(axes)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, ncols=5, loc="outside upper center")
    _save(figure, path)


def _ladder(robustness: Robustness, kinds: tuple[Kind, ...]) -> dict[str, Condition]:
    """Return the conditions of one panel by name, in order, including the unchanged rows."""
    own = [loss for loss in robustness.losses if loss.corruption.kind in kinds]
    below = [loss for loss in own if (loss.corruption.strength or 0) < 0]
    above = [loss for loss in own if loss not in below]
    return (
        {_tick(loss.corruption): loss.condition for loss in reversed(below)}
        | {"none": robustness.clean}
        | {_tick(loss.corruption): loss.condition for loss in above}
    )


def _tick(corruption: Corruption) -> str:
    strength = corruption.strength
    return corruption.kind if strength is None else f"{strength:g}".replace("-", "−")


def _draw_conditions(axes: Axes, conditions: list[Condition], is_line: bool) -> None:
    solid, dashed = ("-", "--") if is_line else ("", "")
    for view in VIEWS:
        shares = [condition.heads[view] for condition in conditions]
        axes.plot(shares, f"o{solid}", color=COLOURS[view], markersize=3, label=f"{view} alone")
    product = [condition.accuracy for condition in conditions]
    axes.plot(product, f"o{solid}", color=_INK, markersize=5, zorder=3, label="product")
    confidence = [condition.confidence for condition in conditions]
    axes.plot(confidence, f"_{dashed}", color=_SOFT, label="its mean confidence")


PLOTS: Final[dict[str, Callable[[Path, ByView], None]]] = {
    "classes": plot_classes,
    "confusion": plot_confusions,
    "reliability": plot_reliability,
}
"""The plots drawn for each truth."""


def by_view(results: Results, truth: str) -> ByView:
    """Return the available scores against one truth, by view."""
    found = {view: results.views[view][truth] for view in VIEWS}
    return {view: scores for view, scores in found.items() if scores is not None}


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(color=_FAINT, labelcolor=_INK)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=_DPI, facecolor="white")
