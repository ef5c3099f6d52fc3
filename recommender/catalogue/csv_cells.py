"""Escapes CSV cells against formula injection and line breaks.

Titles and names come from strangers. A spreadsheet runs a cell that starts like a formula, and
many programs take a line break in a cell for a new row.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")


def plain_cell(text: str) -> str:
    """Return a text on one line, quoted if a spreadsheet would take it for a formula."""
    line = one_line(text)
    return f"'{line}" if _FORMULA.match(line) else line


def one_line(text: str) -> str:
    """Return a text without line breaks and other control characters."""
    return _CONTROL.sub(" ", text).strip()
