"""Asking Telegram for updates, again and again (long polling)."""

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
"""How long Telegram may hold a poll open, in seconds."""

BETWEEN_S = 1.0
"""From one poll to the next, where the first met somebody else's or was not held open."""

NEWCOMER_S = 60.0
"""For how long after its start a bot is the newcomer of two that ask for the same updates."""

CONFLICT_S = {"newcomer": 10.0, "old hand": 60.0}
"""How long a conflict may last before the bot stops. The newcomer stops first, so the one that was
there before goes on; some seconds are for one that is just being stopped."""


async def poll(bot: Bot, inbox: Inbox, clock: Callable[[], datetime], metrics: Metrics) -> None:
    """Fetch updates until cancelled, whatever Telegram or something before it answers.

    Raises:
        telegram.error.InvalidToken: Telegram does not know this bot's token.
        telegram.error.Conflict: Another instance keeps fetching the same bot's updates.
    """
    # A webhook of an earlier life would make Telegram refuse every fetch.
    await persistently(bot.delete_webhook)
    conflicts = _Conflicts()
    offset: int | None = None
    hold_s = 0  # the first poll is answered at once, so that it is soon known that all is well
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
            return []  # a quiet poll whose answer got lost; nothing was acknowledged
        except TelegramError:
            limit = 1  # if one update is at fault, those before it come through
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
            elif may_be_held:  # some servers answer at once even where nothing is new
                await asyncio.sleep(max(0.0, asked_s + BETWEEN_S - time.monotonic()))


def _numbers(found: list[Any]) -> list[int]:
    return [number for each in found if (number := number_of(each)) is not None]


class _Conflicts:
    """How long somebody else has been fetching this bot's updates."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._since_s: float | None = None

    def end(self) -> None:
        """Note that a fetch went well."""
        self._since_s = None

    async def bear(self, conflict: Conflict) -> None:
        """Wait a little, unless it has lasted too long."""
        now_s = time.monotonic()
        if self._since_s is None:
            self._since_s = now_s
            logger.warning("another instance of this bot is fetching its updates")
        who = "newcomer" if self._since_s - self._start_s < NEWCOMER_S else "old hand"
        if now_s - self._since_s >= CONFLICT_S[who]:
            raise conflict
        await asyncio.sleep(BETWEEN_S)
