"""Cells of CSV files that no program takes for more than text.

Titles and names come from strangers. A cell that begins like a formula is one to a spreadsheet,
and a line break in it another row to many a program.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")


def plain_cell(text: str) -> str:
    """Return a text on one line that no spreadsheet takes for a formula."""
    line = one_line(text)
    return f"'{line}" if _FORMULA.match(line) else line


def one_line(text: str) -> str:
    """Return a text without line breaks and other control characters."""
    return _CONTROL.sub(" ", text).strip()
