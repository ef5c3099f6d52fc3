"""How updates come in: fetched, stored, and only then acknowledged to Telegram.

Telegram forgets an update once the next `getUpdates` names a higher offset. PTB's own poller
acknowledges what still waits in memory, so a kill between the two loses it. Here each update is
in the `inbox` table first; what a stop left unhandled is handled at the next start.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from telegram import Bot, Update
from telegram.error import BadRequest, NetworkError, RetryAfter, TimedOut
from telegram.ext import Application, BaseUpdateProcessor

from bot.logs import about_update
from bot.metrics import Metrics
from bot.records import Records

logger = logging.getLogger(__name__)

ALLOWED_UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.MESSAGE_REACTION]
POLL_S = 25
"""How long Telegram may hold a poll open, in seconds."""

LONGEST_PAUSE_S = 30.0

T = TypeVar("T")


class InboxProcessor(BaseUpdateProcessor):
    """Handles updates side by side and marks each in the inbox when it is done."""

    def __init__(self, records: Records, clock: Callable[[], datetime], metrics: Metrics) -> None:
        super().__init__(max_concurrent_updates=256)
        self._records = records
        self._clock = clock
        self._metrics = metrics
        self._under_way: set[asyncio.Task[Any]] = set()
        self._is_abandoned = False

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Handle one update; a cancellation leaves it in the inbox for the next start."""
        assert isinstance(update, Update)
        update_id, task = update.update_id, asyncio.current_task()
        assert task is not None  # PTB handles each update in one of its own
        if self._is_abandoned:
            assert asyncio.iscoroutine(coroutine)
            coroutine.close()
            raise asyncio.CancelledError
        self._under_way.add(task)
        start = time.perf_counter()
        try:
            with about_update(update_id):
                await coroutine
                await self._records.run(
                    lambda stores: stores.people.finish(update_id, self._clock())
                )
                kind, seconds = kind_of(update), time.perf_counter() - start
                self._metrics.update_seconds.labels(kind).observe(seconds)
                logger.info("%s handled in %.2f s", kind, seconds)
        finally:
            self._under_way.discard(task)

    def abandon(self) -> int:
        """Cancel what is being handled, for the next start to take up; return how much it was.

        Nothing more is begun.
        """
        self._is_abandoned = True
        for task in self._under_way:
            task.cancel()
        return len(self._under_way)

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to put away."""


def kind_of(update: Update) -> str:
    """Return what an update holds, as Telegram calls it."""
    return next((kind for kind in ALLOWED_UPDATES if getattr(update, kind) is not None), "other")


async def replay(
    application: Application[Any, Any, Any, Any, Any, Any],
    records: Records,
    clock: Callable[[], datetime],
) -> None:
    """Queue what an earlier run received but did not handle."""
    for stored in await records.run(lambda stores: stores.people.retake(clock())):
        logger.warning("update %d was left unhandled; it is handled now", stored.update_id)
        update = Update.de_json(json.loads(stored.payload), application.bot)
        await application.update_queue.put(update)


async def poll(
    application: Application[Any, Any, Any, Any, Any, Any],
    records: Records,
    clock: Callable[[], datetime],
    metrics: Metrics,
) -> None:
    """Fetch updates until cancelled.

    Raises:
        telegram.error.InvalidToken: Telegram does not know this bot's token.
        telegram.error.Conflict: Another instance is fetching the same bot's updates.
    """
    bot: Bot = application.bot
    # A webhook of an earlier life would make Telegram refuse every fetch.
    await patiently(bot.delete_webhook)
    offset: int | None = None

    async def fetch() -> tuple[Update, ...]:
        try:
            updates = await bot.get_updates(
                offset=offset, timeout=POLL_S, allowed_updates=ALLOWED_UPDATES
            )
        except TimedOut:
            return ()  # a quiet poll whose answer got lost; nothing was acknowledged
        metrics.fetched(clock())
        return updates

    while True:
        for update in await patiently(fetch):
            if await _store(records, update, clock()):
                await application.update_queue.put(update)
            offset = update.update_id + 1


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask Telegram until it can be reached, with longer and longer pauses between."""
    pause_s = 1.0
    while True:
        try:
            return await ask()
        except RetryAfter as error:
            await asyncio.sleep(_seconds(error))
        except BadRequest:
            raise  # a kind of NetworkError, though the network is fine
        except NetworkError as error:
            logger.warning("Telegram cannot be reached (%s); next try in %.0f s", error, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _store(records: Records, update: Update, now: datetime) -> bool:
    """Put an update into the inbox and return whether it is new."""
    user_id = update.effective_user.id if update.effective_user else None
    return await records.run(
        lambda stores: stores.people.receive(update.update_id, user_id, update.to_json(), now)
    )


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait if isinstance(wait, int | float) else wait.total_seconds()
