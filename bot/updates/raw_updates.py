"""Reads the number and sender of an update's raw JSON, and parses it later.

An update is stored as Telegram sent it and parsed when its turn comes. Until then only its number
and sender are needed. They are read here without assuming anything else: Telegram often adds kinds
of updates, and python-telegram-bot fails to parse some valid ones.
"""

import json
from dataclasses import dataclass
from typing import Any

from telegram import Bot, Update
from telegram.constants import ChatType

from bot.storage.inbox_table import NewUpdate

_LIMIT = 2**63 - 1
"""SQLite's largest integer."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of an update.

    Args:
        user_id: The user; None if it names none.
        is_private: Whether it was sent in the user's private chat with the bot.
    """

    user_id: int | None
    is_private: bool


def new_update(found: Any) -> NewUpdate | None:
    """Return the row to store for an update; None if it has no valid number."""
    number = number_of(found)
    if number is None:
        return None
    return NewUpdate(number, sender_of(found).user_id, as_json(found))


def as_json(found: Any) -> str:
    """Serialize a value as JSON; empty if it is nested too deeply."""
    try:
        return json.dumps(found)
    except RecursionError:
        return ""


def number_of(found: Any) -> int | None:
    """Return an update's number; None if it has no valid one."""
    return _id_in(found, "update_id")


def sender_of(found: Any) -> Sender:
    """Return the sender of an update, like `Update.effective_user` and `effective_chat`."""
    if isinstance(found, dict):
        for content in found.values():
            user_id = _id_in(_part(content, "from") or _part(content, "user"), "id")
            if user_id is not None:
                chat = _part(content, "chat") or _part(_part(content, "message"), "chat")
                return Sender(user_id, _part(chat, "type") == ChatType.PRIVATE)
    return Sender(None, is_private=False)


def is_private(payload: str) -> bool:
    """Return whether a stored update may come from a private chat."""
    try:
        return sender_of(json.loads(payload)).is_private
    except (ValueError, RecursionError):
        return True  # most do


def parsed(payload: str, bot: Bot) -> Update:
    """Parse a stored update.

    Raises:
        UNPARSABLE: It is malformed, or python-telegram-bot cannot parse it.
    """
    found = json.loads(payload)
    if not isinstance(found, dict):
        raise TypeError("an update is an object")
    return Update.de_json(found, bot)


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _id_in(value: Any, name: str) -> int | None:
    number = _part(value, name)
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return number if is_number and 0 <= number < _LIMIT else None
