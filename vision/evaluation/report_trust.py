"""Report sections on coverage by confidence, and on robustness to poor pictures."""

from html import escape

from vision.evaluation.coverage import Coverage
from vision.evaluation.plots import TRUTHS
from vision.evaluation.report_parts import (
    against,
    lost,
    percent,
    picture,
    section,
    table,
    with_interval,
)
from vision.evaluation.robustness import Condition, Robustness
from vision.network.weights import VIEWS


def coverage_section(coverage: dict[str, Coverage]) -> str:
    """Return the section on coverage and accuracy by confidence threshold."""
    told = "".join(f"<p>{escape(ask_line(truth, own))}</p>" for truth, own in coverage.items())
    header = ["answers from"]
    for truth in coverage:
        header += [f"{TRUTHS[truth]}: answered", "right"]
    curves = [own.points for own in coverage.values()]
    rows = []
    for at_once in zip(*curves, strict=True):
        row = [f"{100 * at_once[0].threshold:.0f} %"]
        for point in at_once:
            row += [percent(point.coverage), percent(point.accuracy)]
        rows.append(row)
    return section(
        "When to claim, when to ask",
        "<p>With a higher confidence threshold, fewer rows are answered, and more of the answers "
        "are right.</p>"
        + picture(
            "coverage.png",
            "Share of rows that the fused view answers, and share of right answers, at each "
            "confidence threshold (small figures).",
        )
        + told
        + table(header, rows),
    )


def ask_line(truth: str, coverage: Coverage) -> str:
    """Return a sentence on the confidence below which asking is better."""
    below = coverage.ask_below
    if below is None:
        return f"{TRUTHS[truth]}: at no confidence is an answer right as often as wrong."
    said = f"{TRUTHS[truth]}: below a confidence of {with_interval(below, None)}"
    if interval := coverage.ask_below_interval:
        low, high = interval
        said += f" ({100 * low:.1f} to {100 * high:.1f})"
    return said + " an answer is more often wrong than right, and asking is better."


def robustness_section(robustness: Robustness) -> str:
    """Return the section on the cost of each corruption."""
    header = [*("change", "level", "loss, points", "product"), *VIEWS]
    header += ["confidence", "ECE", "eyes found", "refused"]
    clean = robustness.clean
    rows = [("none", "", "", *_condition_cells(clean))]
    rows += [
        (
            loss.corruption.name,
            loss.corruption.level or "",
            lost(loss.accuracy, loss.accuracy_interval),
            *_condition_cells(loss.condition),
        )
        for loss in robustness.losses
    ]
    lines = "".join(f"<p>{escape(line)}</p>" for line in robustness_lines(robustness))
    return section(
        "When the picture is bad",
        lines
        + picture(
            "robustness.png",
            "Accuracy by strength of each change, of the product, which chooses a head for each "
            "picture, and of each head alone. Where the dashed confidence stays above the line, "
            "the network is overconfident.",
        )
        + table(header, rows),
    )


def _condition_cells(condition: Condition) -> tuple[str, ...]:
    shares = [condition.accuracy, *(condition.heads[view] for view in VIEWS)]
    shares += [condition.confidence, condition.ece, condition.eyes_found, condition.refused]
    return tuple(map(percent, shares))


def robustness_lines(robustness: Robustness) -> tuple[str, ...]:
    """Return sentences that summarise the cost of corruptions and the detection of coverings."""
    clean = robustness.clean
    by_kind = {loss.corruption.kind: loss for loss in robustness.losses}
    mask, glasses = by_kind["mask"], by_kind["sunglasses"]
    strong = [loss for loss in robustness.losses if loss.corruption.level == "strong"]
    cost = sum(loss.accuracy for loss in strong) / len(strong)
    doubt = clean.confidence - sum(loss.condition.confidence for loss in strong) / len(strong)
    return (
        f"{robustness.n:,} rows, {against(robustness.truth)}. Each changed row is read like a "
        "photo in the product: the eyes are searched again, and the head that suits what is "
        "visible answers. Rows too dark or too blurred for the product count too.",
        "Changes of medium strength cost "
        f"{lost(robustness.medium, robustness.medium_interval)} points of accuracy on average, "
        f"strong ones {lost(cost, None)}; under those, confidence falls by {lost(doubt, None)}.",
        f"A mask costs {lost(mask.accuracy, mask.accuracy_interval)} points, sunglasses "
        f"{lost(glasses.accuracy, glasses.accuracy_interval)}. A mask is noticed in "
        f"{percent(mask.condition.covered['mouth'])} of the rows, sunglasses in "
        f"{percent(glasses.condition.covered['eyes'])}; one of them is seen in "
        f"{percent(1 - clean.covered['none'])} of the rows as they were.",
    )
