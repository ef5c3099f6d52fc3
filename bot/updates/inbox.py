"""Handles updates at least once, in order for each user, after storing them durably.

Telegram forgets an update once we acknowledge it, by the next `getUpdates` or the answer to a
webhook. So each one is stored in the table `inbox` before that, and updates left by a stop or
crash are handled at the next start. Only their numbers are queued in memory.

An update is stored as Telegram sent it and parsed when its turn comes. One that cannot be parsed
is set aside, and its user is told once. Of people who may not use the bot, only a limited number
of updates is stored, and none after they are handled.

**Order.** A user's updates start in the order of their numbers. The next one starts when the one
before is handled or *gives way* before waiting for something slow: the vision worker, Spotify, or
the other photos of an album. So changes made before such a wait are visible to the next update,
and /cancel can overtake a photo that is being read. Different users never wait for each other.

**Errors.** An update that fails is tried up to three times before the user's next one; then it is
set aside and the user is told. If Telegram cannot be reached, that does not count as a failure:
`bot.sending.delivery` waits until it can. A full disk does not count either: the update waits for
room, and the user is told once.

**Crashes.** Updates that were being handled when the process died are handled one at a time at the
next start, so that another crash shows which one causes it. After five such crashes it is set
aside.
"""

import asyncio
import logging
import sqlite3
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telegram import Update
from telegram.ext import Application

from bot.current_update import Handling, being
from bot.logs import about_update
from bot.metrics import Metrics
from bot.sending.bot_api import UNPARSABLE
from bot.storage.inbox_table import UNREAD_FOR, BegunUpdate, NewUpdate, SetAside
from bot.storage.records import Records, Stores
from bot.updates.guests import EVERYONE, Guests
from bot.updates.raw_updates import as_json, is_private, new_update, parsed
from recommender.storage.database import DiskFull, immediate

logger = logging.getLogger(__name__)

ALLOWED_UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.MESSAGE_REACTION]

AT_ONCE = 20
"""The most updates of one user in progress, including those that gave way."""

ALONE_S = 10.0
"""How long an update is handled alone after a crash, if it hangs."""

PAUSES_S = (1.0, 3.0)
"""Pauses before the second and the third try of a failed update."""

DISK_PAUSE_S = 5.0
"""Pause before retrying a database that is not available."""

OF_A_STRANGER = 5
"""The most queued updates of a person who may not use the bot; others are dropped."""

OF_STRANGERS = 1000
"""The most queued updates of all such people."""

LAST_S = 2.0
"""How long a shutdown waits for cancelled tasks."""


EVERYBODY = Guests(frozenset({EVERYONE}))


class GivenUp(Exception):
    """The bot crashed too often while handling an update."""


class WaitsForRoom(Exception):
    """An update must wait because the disk is full."""

    def __init__(self, user_id: int) -> None:
        super().__init__("the disk is full")
        self.user_id = user_id


class Unparsable(Exception):
    """An update cannot be parsed."""

    def __init__(self, user_id: int) -> None:
        super().__init__("an update cannot be parsed")
        self.user_id = user_id


@dataclass(slots=True)
class _Lane:
    """The queue of a user: the numbers of waiting updates, and those in progress."""

    waiting: deque[int] = field(default_factory=deque)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    is_running: bool = False


class Inbox:
    """Stores updates and dispatches them to the application.

    Args:
        application: The bot.
        records: The user data, with the table `inbox`.
        clock: Returns the time now, in UTC.
        metrics: Times the handling.
        guests: The allow-list. The application turns other people away; here they are only kept
            from filling the table.
    """

    def __init__(
        self,
        application: Application[Any, Any, Any, Any, Any, Any],
        records: Records,
        clock: Callable[[], datetime],
        metrics: Metrics,
        guests: Guests = EVERYBODY,
    ) -> None:
        self._application = application
        self._records = records
        self._clock = clock
        self._metrics = metrics
        self._guests = guests
        self._lanes: defaultdict[int | None, _Lane] = defaultdict(_Lane)
        self._running: set[asyncio.Task[None]] = set()
        self._is_open = False
        self._told_to_wait: set[int] = set()

    async def receive(self, found: Iterable[Any]) -> None:
        """Store updates as Telegram sent them, and queue the new ones.

        Args:
            found: The JSON of each.

        Raises:
            sqlite3.Error: None of them could be stored.
        """
        new, now = [], self._clock()
        for each in found:
            update = new_update(each)
            if update is not None:
                new.append(update)
            else:
                await self.set_aside(as_json(each), "no number")
        new = self._without_floods(new)
        try:
            stored = await self._records.run(lambda s: s.people.inbox.add(new, now))
        except DiskFull:
            for update in new:
                await self._tell_to_wait(update.user_id)
            raise
        if new:
            self._told_to_wait.clear()
        for update in stored:
            self._queue(update.user_id, update.update_id)

    async def set_aside(self, text: str, reason: str) -> None:
        """Set aside what arrived instead of an update.

        Raises:
            sqlite3.Error: It could not be stored.
        """
        aside, now = SetAside(None, reason, text), self._clock()
        await self._records.run(lambda s: s.people.inbox.set_aside(aside, now))
        self._metrics.updates_set_aside.inc()
        logger.error("something came that is no update (%s): it is set aside", reason)

    async def open(self) -> None:
        """Start handling; updates in progress at an earlier crash come first, one at a time."""
        now = self._clock()
        left = await self._records.run(lambda s: s.people.inbox.retake(now))
        if locked := await self._records.run(lambda s: s.people.inbox.locked()):
            logger.warning(
                "%d updates wait that SECRET_KEY does not open: add the key that they were stored "
                "under. They are dropped after %d days",
                locked,
                UNREAD_FOR.days,
            )
        if left:
            logger.warning("%d updates were left unhandled; they are handled now", len(left))
        for waiting in left:
            if not waiting.was_begun:
                self._queue(waiting.user_id, waiting.update_id)
        for waiting in left:
            if waiting.was_begun:
                way = self._begin(waiting.user_id, waiting.update_id, is_alone=True)
                with suppress(TimeoutError):
                    await asyncio.wait_for(way.wait(), ALONE_S)
                await self._acquit(waiting.update_id)
        self._is_open = True
        for user_id in list(self._lanes):
            self._start(user_id)

    async def close(self, grace_s: float) -> None:
        """Stop; updates in progress get some time, the rest is left for the next start."""
        self._is_open = False
        under_way = {task for lane in self._lanes.values() for task in lane.under_way}
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                logger.warning("%d updates are left for the next start", len(late))
                await asyncio.wait(late, timeout=LAST_S)
        await self._records.run(lambda s: s.people.inbox.call_off())

    def _without_floods(self, new: list[NewUpdate]) -> list[NewUpdate]:
        """Drop strangers' updates beyond their limits."""
        waiting = Counter(
            {
                user_id: len(lane.waiting) + len(lane.under_way)
                for user_id, lane in self._lanes.items()
                if not self._is_guest(user_id)
            }
        )
        total, kept = waiting.total(), []
        for update in new:
            if not self._is_guest(update.user_id):
                is_one = update.user_id is not None
                if total >= OF_STRANGERS or (is_one and waiting[update.user_id] >= OF_A_STRANGER):
                    self._metrics.updates_dropped.inc()
                    continue
                waiting[update.user_id] += 1
                total += 1
            kept.append(update)
        return kept

    def _is_guest(self, user_id: int | None) -> bool:
        return user_id is not None and self._guests.admits(user_id)

    # -- turns --

    def _queue(self, user_id: int | None, update_id: int) -> None:
        self._lanes[user_id].waiting.append(update_id)
        if self._is_open:
            self._start(user_id)

    def _start(self, user_id: int | None) -> None:
        lane = self._lanes[user_id]
        if not lane.is_running:
            lane.is_running = True
            task = asyncio.create_task(self._run(user_id, lane))
            self._running.add(task)  # keeps a reference to the task
            task.add_done_callback(self._running.discard)

    async def _run(self, user_id: int | None, lane: _Lane) -> None:
        """Start a user's updates, one after the other."""
        while lane.waiting and self._is_open:
            if len(lane.under_way) >= AT_ONCE:
                await asyncio.wait(lane.under_way, return_when=asyncio.FIRST_COMPLETED)
                continue
            await self._begin(user_id, lane.waiting.popleft()).wait()
        lane.is_running = False
        self._tidy(user_id)

    def _begin(
        self, user_id: int | None, update_id: int, *, is_alone: bool = False
    ) -> asyncio.Event:
        """Start handling an update; the returned event is set once the next one may start."""
        way, lane = asyncio.Event(), self._lanes[user_id]
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end(task: asyncio.Task[None]) -> None:
            way.set()
            if task.cancelled():
                over.cancel()
            else:
                over.set_result(None)
            lane.under_way.discard(task)
            self._tidy(user_id)

        handling = self._handle(user_id, update_id, way.set, over, is_alone=is_alone)
        task = asyncio.create_task(handling)
        lane.under_way.add(task)
        task.add_done_callback(end)
        return way

    def _tidy(self, user_id: int | None) -> None:
        """Remove a user's queue if it is empty."""
        lane = self._lanes[user_id]
        if not (lane.waiting or lane.under_way or lane.is_running):
            del self._lanes[user_id]

    async def _acquit(self, update_id: int) -> None:
        await self._records.run(lambda s: s.people.inbox.acquit(update_id))

    # -- tries --

    async def _handle(
        self,
        user_id: int | None,
        update_id: int,
        give_way: Callable[[], None],
        over: asyncio.Future[None],
        *,
        is_alone: bool,
    ) -> None:
        """Try to handle an update until it is handled or set aside."""
        pauses_s = iter(PAUSES_S)
        done: dict[str, int] = {}  # results of steps that could not be stored
        with about_update(update_id):
            while True:
                try:
                    if await self._is_done_with(
                        user_id, update_id, give_way, over, done, is_alone=is_alone
                    ):
                        return
                except sqlite3.Error as error:
                    logger.error("the database cannot be used (%s); it is tried again", error)
                    if isinstance(error, DiskFull):
                        await self._tell_to_wait(user_id)
                    await asyncio.sleep(DISK_PAUSE_S)
                else:
                    await asyncio.sleep(next(pauses_s, PAUSES_S[-1]))
                is_alone = False

    async def _is_done_with(
        self,
        user_id: int | None,
        update_id: int,
        give_way: Callable[[], None],
        over: asyncio.Future[None],
        done: dict[str, int],
        *,
        is_alone: bool,
    ) -> bool:
        """Try once; return whether the update is handled, or set aside."""
        run, start = self._records.run, time.perf_counter()
        begun = await run(lambda s: s.people.inbox.begin(update_id, is_alone=is_alone))
        if begun is None:
            return True
        try:
            update = parsed(begun.payload, self._application.bot)
        except UNPARSABLE as error:
            await self._give_up_parsing(user_id, update_id, begun, type(error).__name__)
            return True
        is_last = begun.is_last_try or begun.is_given_up
        done.update(begun.done)
        handling = Handling(update_id, give_way, is_last, done, over)
        with being(handling):
            if begun.is_given_up:
                await self._application.process_error(update, GivenUp())
            else:
                await self._application.process_update(update)
        if handling.met_full_disk:
            raise DiskFull("the disk is full")
        if handling.has_failed:
            await run(lambda s: s.people.inbox.fail(update_id))
            return False
        await self._finish(user_id, handling)
        kind, seconds = kind_of(update), time.perf_counter() - start
        self._metrics.update_seconds.labels(kind).observe(seconds)
        logger.info("%s handled in %.2f s", kind, seconds)
        return True

    async def _finish(
        self, user_id: int | None, handling: Handling, aside: SetAside | None = None
    ) -> None:
        """Mark an update as handled and run its final work; keep nothing of strangers."""
        now, is_guest = self._clock(), self._is_guest(user_id)

        def finish(stores: Stores) -> None:
            inbox = stores.people.inbox
            with immediate(stores.people.db):
                handling.end(stores, now)
                if aside is not None and (is_guest or user_id is None):
                    inbox.set_aside(aside, now)
                if is_guest:
                    inbox.finish(handling.update_id, now)
                else:
                    inbox.drop(handling.update_id)

        await self._records.run(finish)

    async def _give_up_parsing(
        self, user_id: int | None, update_id: int, begun: BegunUpdate, reason: str
    ) -> None:
        """Tell the user, if it was a private chat, then set the update aside."""
        handling = Handling(update_id, lambda: None, is_last_try=True, done=dict(begun.done))
        with being(handling):
            if user_id is not None and is_private(begun.payload):
                await self._application.process_error(None, Unparsable(user_id))
        await self._finish(user_id, handling, SetAside(user_id, reason, begun.payload))
        self._metrics.updates_set_aside.inc()
        logger.error("an update cannot be parsed (%s): it is set aside", reason)

    async def _tell_to_wait(self, user_id: int | None) -> None:
        """Tell a user that the disk is full, once until there is room again."""
        if user_id is not None and user_id not in self._told_to_wait:
            self._told_to_wait.add(user_id)
            await self._application.process_error(None, WaitsForRoom(user_id))


def kind_of(update: Update) -> str:
    """Return the kind of an update, as Telegram names it."""
    return next((kind for kind in ALLOWED_UPDATES if getattr(update, kind) is not None), "other")
