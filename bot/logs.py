"""Logging: ours at the level that was set, third parties' no louder than warnings.

Each line names the update that it is about. Nothing secret is logged on purpose; the formatter is
the second net, which hides whatever has the shape of a key or token, wherever it came from.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

QUIET = (
    "httpx",
    "httpcore",
    "spotipy",
    "telegram",
    "apscheduler",
    "urllib3",
    "uvicorn",
    "asyncio",
    "PIL",
    "matplotlib",
)
"""At INFO or DEBUG some of these print tokens, others every request."""

HIDDEN = "[hidden]"

_LINE = "%(asctime)s %(levelname)s %(name)s%(about)s: %(message)s"

_SECRETS = (
    (re.compile(r"(?<!\d)\d{5,}:[\w-]{30,}", re.ASCII), HIDDEN),  # a bot's token
    (re.compile(r"\b(bearer|basic) +[\w.~+/-]{8,}=*", re.I), rf"\1 {HIDDEN}"),
    (re.compile(r"([?&](?:code|state)=)[^\s&\"']+", re.I), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"((?:token|secret|verifier|password)[\"']?\s*[=:]\s*[\"']?)[\w.~+/-]{8,}=*", re.I
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(r"(?<![\w-])[\w-]{43,}={0,2}", re.ASCII),
        HIDDEN,
    ),  # Fernet's keys, Spotify's tokens
)

_about: ContextVar[str] = ContextVar("about", default="")


class LineFormatter(logging.Formatter):
    """Formats a record, its traceback included, without anything that looks like a secret."""

    def __init__(self) -> None:
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        record.about = _about.get()
        return hide_secrets(super().format(record))


def hide_secrets(text: str) -> str:
    """Return a text in which keys, tokens and codes are hidden by their shape."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


@contextmanager
def about_update(update_id: int) -> Iterator[None]:
    """Have every line that is logged in the block name this update."""
    token = _about.set(f" [update {update_id}]")
    try:
        yield
    finally:
        _about.reset(token)


def set_up_logging(level: str) -> None:
    """Log to stderr from `level` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[handler])
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
