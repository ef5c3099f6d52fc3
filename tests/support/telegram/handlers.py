"""Records which handlers are called, so that none stays without a test."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from telegram.ext import (
    BaseHandler,
    CallbackQueryHandler,
    CommandHandler,
    MessageHandler,
    MessageReactionHandler,
)

from bot.app import OTHER_MESSAGES, App

Handler = BaseHandler[Any, Any, Any]

reached: set[str] = set()
"""The names of the handlers that any bot of these tests has called."""


def name_of(handler: Handler) -> str:
    """Return what a handler answers, such as "/mood" or "button vote"."""
    match handler:
        case CommandHandler():
            return "/" + "|".join(sorted(handler.commands))
        case CallbackQueryHandler(pattern=re.Pattern() as pattern):
            return f"button {pattern.pattern.strip('^$').partition('(')[0]}"
        case CallbackQueryHandler():
            return "any other button"
        case MessageReactionHandler():
            return "reaction"
        case MessageHandler():
            if handler.callback.__name__ != "say_instead":
                return f"message to {handler.callback.__qualname__}"
            kinds = (kind for kind, what in OTHER_MESSAGES.items() if what is handler.filters)
            return f"message {next(kinds)}"
    return "anything"


def names(application: App) -> list[str]:
    """Return the names of all handlers of a bot."""
    return [name_of(handler) for group in application.handlers.values() for handler in group]


def watch(application: App) -> None:
    """Note from now on which handlers are called."""
    for group in application.handlers.values():
        for handler in group:
            handler.callback = _noting(name_of(handler), handler.callback)


def _noting(
    name: str, answer: Callable[..., Coroutine[Any, Any, Any]]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def note(*args: Any) -> Any:
        reached.add(name)
        return await answer(*args)

    note.__name__, note.__qualname__ = answer.__name__, answer.__qualname__
    return note
