"""Building blocks of the HTML report: sections, pictures, tables and formatted numbers."""

from collections.abc import Iterable
from html import escape

from vision.evaluation.metrics import Interval


def percent(share: float | None) -> str:
    """Format a share, 0..1, as a percentage, or None as a dash."""
    return "–" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def with_interval(value: float, interval: Interval | None) -> str:
    """Format a share, 0..1, as a percentage with its interval, if any."""
    if interval is None:
        return percent(value)
    low, high = interval
    return f"{percent(value)} ({100 * low:.1f} to {100 * high:.1f})"


def gained(value: float, interval: Interval | None) -> str:
    """Format a difference of shares in signed percentage points, with its interval."""
    return _points(value, interval, "+.1f")


def lost(value: float, interval: Interval | None) -> str:
    """Format a loss of accuracy in percentage points, with its interval."""
    return _points(value, interval, ".1f")


def _points(value: float, interval: Interval | None, form: str) -> str:
    told = f"{100 * value:{form}}"
    if interval is not None:
        low, high = interval
        told += f" ({100 * low:{form}} to {100 * high:{form}})"
    return told.replace("-", "−")


def against(truth: str) -> str:
    """Return a phrase for the ground truth."""
    return "against the labels" if truth == "labels" else "against the majority of the FER+ votes"


def section(title: str, content: str) -> str:
    """Return a section with a title around HTML content."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def picture(file: str, caption: str) -> str:
    """Return a figure that scrolls sideways on a narrow page."""
    return (
        f'<figure><div class="wide"><img src="{file}" alt="{escape(caption)}"></div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table that scrolls sideways on a narrow page."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'
