"""Edits `.env` in place and atomically, keeping everything else in it.

Afterwards only its owner may read it, since it holds the bot's token and SECRET_KEY.
"""

import os
import re
import tempfile
from pathlib import Path

_NEEDS_NO_QUOTES = re.compile(r"[^\s#'\"\\$]*")

PRIVATE = 0o600
"""Read and write for the owner only."""


def set_value(text: str, name: str, value: str) -> str:
    """Return the text of a `.env` with a setting changed to this value.

    Replaces the last line that sets it, which is the one that counts. If there is none, the new
    line goes below a comment that shows the setting (`# NAME=...`), else at the end.
    """
    line = f"{name}={_quoted(value)}"
    if active := list(_setting(name).finditer(text)):
        return text[: active[-1].start()] + line + text[active[-1].end() :]
    if shown := list(re.compile(rf"^#[ \t]?{name}=.*$", re.MULTILINE).finditer(text)):
        return f"{text[: shown[-1].end()]}\n{line}{text[shown[-1].end() :]}"
    separator = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{separator}{line}\n"


def set_aside(text: str, name: str) -> str:
    """Return the text of a `.env` with a setting commented out."""
    return _setting(name).sub(lambda match: f"# {match[0].strip()}", text)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, atomically."""
    target = path.resolve()  # follow a link instead of replacing it
    handle, unfinished = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), PRIVATE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).replace(target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _setting(name: str) -> re.Pattern[str]:
    """Return a pattern for the lines that set this, in any case, as pydantic reads them."""
    return re.compile(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=.*$", re.MULTILINE | re.IGNORECASE)


def _quoted(value: str) -> str:
    """Quote a value for `.env` if it holds a space, # or the like."""
    return value if _NEEDS_NO_QUOTES.fullmatch(value) else f"'{value}'"
