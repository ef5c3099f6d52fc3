"""Changes `.env` in place: what stands in it stays, and it is never half written.

Only its owner may read it afterwards, since it holds the bot's token and the key to all tokens.
"""

import os
import re
import tempfile
from pathlib import Path

_NEEDS_NO_QUOTES = re.compile(r"[^\s#'\"\\$]*")

PRIVATE = 0o600
"""What the owner may do with the file, and nobody else anything."""


def set_value(text: str, name: str, value: str) -> str:
    """Return the text of a `.env` in which a setting has this value.

    The line that counts is replaced, which is the last that sets it. Where none does, the new one
    stands below a comment that shows the setting (`# NAME=...`), else at the end.
    """
    line = f"{name}={_quoted(value)}"
    if active := list(_setting(name).finditer(text)):
        return text[: active[-1].start()] + line + text[active[-1].end() :]
    if shown := list(re.compile(rf"^#[ \t]?{name}=.*$", re.MULTILINE).finditer(text)):
        return f"{text[: shown[-1].end()]}\n{line}{text[shown[-1].end() :]}"
    separator = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{separator}{line}\n"


def set_aside(text: str, name: str) -> str:
    """Return the text of a `.env` in which a setting has no effect but can still be read."""
    return _setting(name).sub(lambda match: f"# {match[0].strip()}", text)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    target = path.resolve()  # where it is a link, the link stays
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
    """Return what matches the lines that set this, in whatever case: pydantic reads any."""
    return re.compile(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=.*$", re.MULTILINE | re.IGNORECASE)


def _quoted(value: str) -> str:
    """Return a value as `.env` has it: a blank or # would end one that stands bare."""
    return value if _NEEDS_NO_QUOTES.fullmatch(value) else f"'{value}'"
