"""Lengths of texts in Telegram's HTML, counted as Telegram counts them: in UTF-16 code units."""

import re
from html import unescape

MESSAGE_CHARS = 4096
"""Telegram's limit for the text of a message."""

_TAG = re.compile(r"<[^<>]*>")


def visible_chars(text: str) -> int:
    """Return the length of a text without its markup."""
    return len(unescape(_TAG.sub("", text)).encode("utf-16-le")) // 2


def shorten(text: str, limit: int) -> str:
    """Cut a text without markup to at most `limit` code units."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * limit:
        return text
    return units[: 2 * (limit - 1)].decode("utf-16-le", errors="ignore").rstrip() + "…"
