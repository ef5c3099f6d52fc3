"""What is read of an update before it is parsed, and how it is parsed.

An update is stored as Telegram sent it and parsed when its turn comes. Until then only its number
and its sender count, and they are read here without trusting anything else in it: Telegram adds
kinds of updates all the time, and python-telegram-bot fails at some that are valid.
"""

import json
from dataclasses import dataclass
from typing import Any

from telegram import Bot, Update
from telegram.constants import ChatType

from bot.storage.inbox_table import NewUpdate

_LIMIT = 2**63 - 1
"""SQLite stores no greater number."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent an update.

    Args:
        user_id: The user; None where it names none.
        is_private: Whether it was sent in the user's private chat with the bot.
    """

    user_id: int | None
    is_private: bool


def new_update(found: Any) -> NewUpdate | None:
    """Return what is to be stored of an update; None where it has no number."""
    number = number_of(found)
    if number is None:
        return None
    return NewUpdate(number, sender_of(found).user_id, as_json(found))


def as_json(found: Any) -> str:
    """Return what was found as JSON again; nothing where it is nested too deeply."""
    try:
        return json.dumps(found)
    except RecursionError:
        return ""


def number_of(found: Any) -> int | None:
    """Return an update's number; None where it has none that could be stored."""
    return _id_in(found, "update_id")


def sender_of(found: Any) -> Sender:
    """Return who sent an update, as `Update.effective_user` and `effective_chat` would."""
    if isinstance(found, dict):
        for content in found.values():
            user_id = _id_in(_part(content, "from") or _part(content, "user"), "id")
            if user_id is not None:
                chat = _part(content, "chat") or _part(_part(content, "message"), "chat")
                return Sender(user_id, _part(chat, "type") == ChatType.PRIVATE)
    return Sender(None, is_private=False)


def is_private(payload: str) -> bool:
    """Return whether an update that was stored may come from its sender's chat with the bot."""
    try:
        return sender_of(json.loads(payload)).is_private
    except (ValueError, RecursionError):
        return True  # most do


def parsed(payload: str, bot: Bot) -> Update:
    """Return the update that was stored.

    Raises:
        UNPARSABLE: It is none, or python-telegram-bot does not understand it.
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
