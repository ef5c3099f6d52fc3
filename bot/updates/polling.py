"""Fetches updates by long polling."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from telegram import Bot
from telegram.error import Conflict, InvalidToken, TelegramError, TimedOut

from bot.metrics import Metrics
from bot.sending.bot_api import MOST_AT_ONCE, StrangeAnswer, raw_updates
from bot.sending.retry import persistently
from bot.updates.inbox import ALLOWED_UPDATES, DISK_PAUSE_S, Inbox
from bot.updates.raw_updates import number_of

logger = logging.getLogger(__name__)

POLL_S = 25
"""How long Telegram may hold a poll, in seconds."""

BETWEEN_S = 1.0
"""Pause between polls if another instance polls too, or if polls are not held."""

NEWCOMER_S = 60.0
"""How long after its start a bot counts as the newer one of two instances."""

CONFLICT_S = {"newcomer": 10.0, "old hand": 60.0}
"""How long a conflict may last before the bot stops. The newer instance stops first. A few seconds
are allowed for an older one that is shutting down."""


async def poll(bot: Bot, inbox: Inbox, clock: Callable[[], datetime], metrics: Metrics) -> None:
    """Fetch updates until cancelled, retrying after any error but the following.

    Raises:
        telegram.error.InvalidToken: Telegram says that the token is wrong.
        telegram.error.Conflict: Another instance keeps fetching the same bot's updates.
    """
    # Telegram refuses polls while a webhook is set.
    await persistently(bot.delete_webhook)
    conflicts = _Conflicts()
    offset: int | None = None
    hold_s = 0  # the first poll is not held, so that its success is known at once
    limit = MOST_AT_ONCE

    async def fetch() -> list[Any]:
        nonlocal hold_s, limit
        try:
            found = await raw_updates(
                bot, offset, hold_s=hold_s, allowed=ALLOWED_UPDATES, limit=limit
            )
            if found and not _numbers(found):
                raise StrangeAnswer("updates without numbers")
        except TimedOut:
            return []  # an empty poll whose answer got lost; nothing was acknowledged
        except TelegramError:
            limit = 1  # if one update breaks the answer, those before it still arrive
            raise
        conflicts.end()
        hold_s, limit = POLL_S, MOST_AT_ONCE
        metrics.fetched(clock())
        return found

    while True:
        asked_s, may_be_held = time.monotonic(), hold_s > 0
        try:
            found = await persistently(fetch, giving_up_on=(InvalidToken, Conflict))
            await inbox.receive(found)
        except Conflict as conflict:
            await conflicts.bear(conflict)
        except sqlite3.Error as error:
            logger.error("updates cannot be stored (%s), so Telegram keeps them", error)
            await asyncio.sleep(DISK_PAUSE_S)
        else:
            if found:
                offset = max(_numbers(found)) + 1
            elif may_be_held:  # some servers answer at once even if nothing is new
                await asyncio.sleep(max(0.0, asked_s + BETWEEN_S - time.monotonic()))


def _numbers(found: list[Any]) -> list[int]:
    return [number for each in found if (number := number_of(each)) is not None]


class _Conflicts:
    """Tracks how long another instance has been polling too."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._since_s: float | None = None

    def end(self) -> None:
        """Record a successful poll."""
        self._since_s = None

    async def bear(self, conflict: Conflict) -> None:
        """Wait a little, or raise if the conflict has lasted too long."""
        now_s = time.monotonic()
        if self._since_s is None:
            self._since_s = now_s
            logger.warning("another instance of this bot is fetching its updates")
        who = "newcomer" if self._since_s - self._start_s < NEWCOMER_S else "old hand"
        if now_s - self._since_s >= CONFLICT_S[who]:
            raise conflict
        await asyncio.sleep(BETWEEN_S)
