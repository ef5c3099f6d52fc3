"""Retries calls to Telegram when it cannot be reached or limits the rate."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.sending.bot_api import PARSE_ERRORS

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0

T = TypeVar("T")


async def retry_until_reachable(ask: Callable[[], Awaitable[T]]) -> T:
    """Retry a call with growing pauses until Telegram can be reached."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except RetryAfter as error:
            await asyncio.sleep(retry_after_s(error))
        except BadRequest:
            raise  # a kind of NetworkError, though the network is fine
        except NetworkError as error:
            logger.warning("Telegram cannot be reached (%s); retrying in %.0f s", error, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def retry_until_done(
    ask: Callable[[], Awaitable[T]],
    fatal: tuple[type[TelegramError], ...] = (InvalidToken,),
) -> T:
    """Retry a call with growing pauses until it succeeds.

    For calls that the bot cannot work without. Almost any failure may pass: a proxy answers,
    Telegram is being updated, an answer is damaged.

    Args:
        ask: Makes the call.
        fatal: Errors that no retry can change.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await ask()
        except fatal:
            raise
        except RetryAfter as error:
            logger.warning("rate limited by Telegram; retrying in %.0f s", retry_after_s(error))
            await asyncio.sleep(retry_after_s(error))
        except PARSE_ERRORS as error:
            logger.warning(
                "a call to Telegram failed (%s: %s); retrying in %.0f s",
                type(error).__name__,
                error,
                pause_s,
                exc_info=not isinstance(error, TelegramError),
            )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def retry_after_s(error: RetryAfter) -> float:
    """Return how long Telegram asks us to wait, in seconds."""
    wait = error.retry_after
    return wait if isinstance(wait, int | float) else wait.total_seconds()
