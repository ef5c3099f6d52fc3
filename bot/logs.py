"""Logging: ours at the configured level, third parties' at WARNING and above.

Each line names the update that it belongs to. We log no secrets on purpose; as a second safeguard,
the formatter redacts anything that looks like a key or token.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
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
"""At INFO or DEBUG some of these log tokens, others every request."""

RATE_LIMITED = ("uvicorn.error", "asyncio", "bot.web.callback_page", "bot.web.limits")
"""Loggers that strangers can trigger at will, so their rate is limited."""

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

_MINUTE_S = 60.0

_about: ContextVar[str] = ContextVar("about", default="")


class LineFormatter(logging.Formatter):
    """Formats a record and its traceback, with secrets redacted."""

    def __init__(self) -> None:
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        record.about = _about.get()
        return hide_secrets(super().format(record))


class RateLimit(logging.Filter):
    """Limits how many records of one logger pass each minute, and counts the others.

    Args:
        most: The most records per minute.
        clock: Returns a monotonic time in seconds.
    """

    def __init__(self, most: int = 20, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = most
        self._clock = clock
        self._since_s = clock()
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        now_s = self._clock()
        if now_s - self._since_s >= _MINUTE_S:
            left_out, self._since_s, self._count = self._count - self._most, now_s, 0
            if left_out > 0:
                record.msg = f"{record.getMessage()} ({left_out} lines before it left out)"
                record.args = ()
        self._count += 1
        return self._count <= self._most


def hide_secrets(text: str) -> str:
    """Redact keys, tokens and codes, recognized by their form."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


@contextmanager
def about_update(update_id: int) -> Iterator[None]:
    """Make every line logged in the block name this update."""
    token = _about.set(f" [update {update_id}]")
    try:
        yield
    finally:
        _about.reset(token)


def set_up_logging(level: str) -> None:
    """Log to stderr, at `level` and above."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[handler])
    for name in RATE_LIMITED:
        if not any(isinstance(each, RateLimit) for each in logging.getLogger(name).filters):
            logging.getLogger(name).addFilter(RateLimit())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
