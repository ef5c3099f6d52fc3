"""Fetches updates from Telegram by long polling."""

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
from bot.sending.bot_api import MAX_UPDATES, InvalidAnswer, raw_updates
from bot.sending.retry import retry_until_done
from bot.updates.inbox import ALLOWED_UPDATES, DISK_PAUSE_S, Inbox
from bot.updates.raw_updates import number_of

logger = logging.getLogger(__name__)

POLL_S = 25
"""How long Telegram may hold a poll open, in seconds."""

BETWEEN_S = 1.0
"""The pause after a conflict, or after a poll that was not held open."""

NEWCOMER_S = 60.0
"""For this long after its start, a bot counts as the newer of two that poll for the same updates.
"""

CONFLICT_S = {"newcomer": 10.0, "old hand": 60.0}
"""How long a conflict may last before the bot stops. The newcomer stops first, so that the older
one goes on; a few seconds allow for one that is just being stopped.
"""


async def poll(bot: Bot, inbox: Inbox, clock: Callable[[], datetime], metrics: Metrics) -> None:
    """Fetch updates until cancelled, whatever Telegram or a proxy answers.

    Raises:
        telegram.error.InvalidToken: Telegram does not know this bot's token.
        telegram.error.Conflict: Another instance keeps fetching the same bot's updates.
    """
    # While a webhook is set, Telegram refuses every poll.
    await retry_until_done(bot.delete_webhook)
    conflicts = _Conflicts()
    offset: int | None = None
    hold_s = 0  # the first poll returns at once, to show quickly that polling works
    limit = MAX_UPDATES

    async def fetch() -> list[Any]:
        nonlocal hold_s, limit
        try:
            found = await raw_updates(
                bot, offset, hold_s=hold_s, allowed=ALLOWED_UPDATES, limit=limit
            )
            if found and not _numbers(found):
                raise InvalidAnswer("updates without numbers")
        except TimedOut:
            return []  # nothing was acknowledged
        except TelegramError:
            limit = 1  # if one update is at fault, those before it get through
            raise
        conflicts.end()
        hold_s, limit = POLL_S, MAX_UPDATES
        metrics.fetched(clock())
        return found

    while True:
        asked_s, may_be_held = time.monotonic(), hold_s > 0
        try:
            found = await retry_until_done(fetch, fatal=(InvalidToken, Conflict))
            await inbox.receive(found)
        except Conflict as conflict:
            await conflicts.wait_or_raise(conflict)
        except sqlite3.Error as error:
            logger.error("updates cannot be stored (%s); Telegram keeps them", error)
            await asyncio.sleep(DISK_PAUSE_S)
        else:
            if found:
                offset = max(_numbers(found)) + 1
            elif may_be_held:  # some servers never hold a poll open
                await asyncio.sleep(max(0.0, asked_s + BETWEEN_S - time.monotonic()))


def _numbers(found: list[Any]) -> list[int]:
    return [number for each in found if (number := number_of(each)) is not None]


class _Conflicts:
    """Tracks how long another instance has been fetching this bot's updates."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()
        self._since_s: float | None = None

    def end(self) -> None:
        """Note that a fetch succeeded."""
        self._since_s = None

    async def wait_or_raise(self, conflict: Conflict) -> None:
        """Wait briefly; raise the conflict if it has lasted too long."""
        now_s = time.monotonic()
        if self._since_s is None:
            self._since_s = now_s
            logger.warning("another instance of this bot is fetching its updates")
        who = "newcomer" if self._since_s - self._start_s < NEWCOMER_S else "old hand"
        if now_s - self._since_s >= CONFLICT_S[who]:
            raise conflict
        await asyncio.sleep(BETWEEN_S)
