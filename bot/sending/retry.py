"""Retries for requests to Telegram."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.sending.bot_api import UNPARSABLE

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0

T = TypeVar("T")


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Retry until Telegram can be reached, with exponential backoff."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except RetryAfter as error:
            await asyncio.sleep(seconds_of(error))
        except BadRequest:
            raise  # a subclass of NetworkError, but not a network problem
        except NetworkError as error:
            logger.warning("Telegram cannot be reached (%s); next try in %.0f s", error, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def persistently(
    ask: Callable[[], Awaitable[T]],
    giving_up_on: tuple[type[TelegramError], ...] = (InvalidToken,),
) -> T:
    """Retry until a request succeeds, with exponential backoff.

    For requests that the bot cannot do without. Any error may be temporary: a proxy answers
    instead, Telegram is under maintenance, an answer is damaged.

    Args:
        ask: Sends the request.
        giving_up_on: Errors that are raised at once.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except giving_up_on:
            raise
        except RetryAfter as error:
            logger.warning("Telegram wants to be asked again in %.0f s", seconds_of(error))
            await asyncio.sleep(seconds_of(error))
        except UNPARSABLE as error:
            logger.warning(
                "Telegram did not do what was asked (%s: %s); next try in %.0f s",
                type(error).__name__,
                error,
                pause_s,
                exc_info=not isinstance(error, TelegramError),
            )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def seconds_of(error: RetryAfter) -> float:
    """Return how long Telegram wants us to wait, in seconds."""
    wait = error.retry_after
    return wait if isinstance(wait, int | float) else wait.total_seconds()
