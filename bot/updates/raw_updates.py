"""Reads an update's id and sender before it is parsed, and parses it.

Updates are stored as Telegram sent them and parsed when they are handled. Until then only the id
and the sender matter. They are read without trusting the rest: Telegram keeps adding kinds of
updates, and python-telegram-bot fails on some valid ones.
"""

import json
from dataclasses import dataclass
from typing import Any

from telegram import Bot, Update
from telegram.constants import ChatType

from bot.storage.inbox_table import NewUpdate

_LIMIT = 2**63 - 1
"""SQLite stores no larger integer."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of an update.

    Args:
        user_id: The user; None if the update names none.
        is_private: Whether it was sent in the user's private chat with the bot.
    """

    user_id: int | None
    is_private: bool


def new_update(found: Any) -> NewUpdate | None:
    """Return an update as it is stored; None if it has no valid id."""
    number = number_of(found)
    if number is None:
        return None
    return NewUpdate(number, sender_of(found).user_id, as_json(found))


def as_json(found: Any) -> str:
    """Serialize to JSON; return an empty string if the data is nested too deeply."""
    try:
        return json.dumps(found)
    except RecursionError:
        return ""


def number_of(found: Any) -> int | None:
    """Return an update's id; None if it has none that SQLite could store."""
    return _id_in(found, "update_id")


def sender_of(found: Any) -> Sender:
    """Return an update's sender, like `Update.effective_user` and `effective_chat`."""
    if isinstance(found, dict):
        for content in found.values():
            user_id = _id_in(_part(content, "from") or _part(content, "user"), "id")
            if user_id is not None:
                chat = _part(content, "chat") or _part(_part(content, "message"), "chat")
                return Sender(user_id, _part(chat, "type") == ChatType.PRIVATE)
    return Sender(None, is_private=False)


def is_private(payload: str) -> bool:
    """Return whether a stored update may come from its sender's private chat."""
    try:
        return sender_of(json.loads(payload)).is_private
    except (ValueError, RecursionError):
        return True  # most do


def parsed(payload: str, bot: Bot) -> Update:
    """Parse a stored update.

    Raises:
        PARSE_ERRORS: It is not an update, or python-telegram-bot does not understand it.
    """
    found = json.loads(payload)
    if not isinstance(found, dict):
        raise TypeError("an update must be a JSON object")
    return Update.de_json(found, bot)


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _id_in(value: Any, name: str) -> int | None:
    number = _part(value, name)
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return number if is_number and 0 <= number < _LIMIT else None
