"""How updates come in and are handled: stored first, at least once, in order for each user.

Telegram forgets an update once we say that we have it: by the next `getUpdates` or the answer to
a webhook. So each is in the table `inbox` before that, and what a stop or crash left unhandled is
handled at the next start. In memory only the numbers wait; what an update says is read when its
turn comes.

**In order** means: a user's updates are begun in the order of their numbers, and the next one not
before the one before is handled or *gives way*: before it waits for something slow, which is the
vision worker, Spotify, or the other photos of an album. So whatever an update changes before such
a wait is there for the next, and /cancel overtakes a photo that is being read, buttons a playlist
that is being written. Different users never wait for each other.

**Errors.** An error of ours is tried again, three times in all, before the next of that user; then
its user is told and it is set aside. That Telegram cannot be reached is no error of ours:
`bot.delivery` waits within the try until it can be, however long that takes.

Nor is a full disk: the update waits for room, here or with Telegram, and its user is told so once.

**Deaths.** What was being handled when the process died is begun alone at the next start, so that
another death shows which of them takes the bot down; after five such deaths it is set aside.
"""

import asyncio
import json
import logging
import sqlite3
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telegram import Update
from telegram.ext import Application

from bot.handling import Handling, being
from bot.logs import about_update
from bot.metrics import Metrics
from bot.received import NewUpdate
from bot.records import Records
from recommender.database import DiskFull

logger = logging.getLogger(__name__)

ALLOWED_UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.MESSAGE_REACTION]

AT_ONCE = 20
"""Updates of one user that may be under way, those that gave way included."""

ALONE_S = 10.0
"""How long an update is handled alone at most; what hangs in it kills nobody."""

PAUSES_S = (1.0, 3.0)
"""Before the second and the third try of what ended in an error."""

DISK_PAUSE_S = 5.0
"""Before the database is asked again that could not answer."""

LAST_S = 2.0
"""How long a stop waits for what it has cancelled."""


class GivenUp(Exception):
    """The bot died over an update too often."""


class WaitsForRoom(Exception):
    """What a user sent must wait, since the disk is full."""

    def __init__(self, user_id: int) -> None:
        super().__init__("the disk is full")
        self.user_id = user_id


@dataclass(slots=True)
class _Lane:
    """What one user sent: the numbers of what waits, and what is under way."""

    waiting: deque[int] = field(default_factory=deque)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    is_running: bool = False


class Inbox:
    """Stores updates and has the application handle them.

    Args:
        application: The bot.
        records: Where the table is.
        clock: Returns the time now, in UTC.
        metrics: Times what is handled.
    """

    def __init__(
        self,
        application: Application[Any, Any, Any, Any, Any, Any],
        records: Records,
        clock: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._application = application
        self._records = records
        self._clock = clock
        self._metrics = metrics
        self._lanes: defaultdict[int | None, _Lane] = defaultdict(_Lane)
        self._running: set[asyncio.Task[None]] = set()
        self._is_open = False
        self._told_to_wait: set[int] = set()

    async def receive(self, updates: Iterable[Update]) -> None:
        """Store updates, and have those handled that are new.

        Raises:
            sqlite3.Error: They could not be stored, none of them.
        """
        new, now = [_as_row(update) for update in updates], self._clock()
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

    async def open(self) -> None:
        """Begin to handle: first what was under way when an earlier run died, alone."""
        now = self._clock()
        left = await self._records.run(lambda s: s.people.inbox.retake(now))
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
        """Finish what is under way, as far as there is time; the next start does the rest."""
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
            self._running.add(task)  # else nobody would hold it
            task.add_done_callback(self._running.discard)

    async def _run(self, user_id: int | None, lane: _Lane) -> None:
        """Begin what a user sent, one after the other."""
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
        """Begin to handle an update; what is returned is set once the next may begin."""
        way, lane = asyncio.Event(), self._lanes[user_id]

        def end(task: asyncio.Task[None]) -> None:
            way.set()
            lane.under_way.discard(task)
            self._tidy(user_id)

        handling = self._handle(user_id, update_id, way.set, is_alone=is_alone)
        task = asyncio.create_task(handling)
        lane.under_way.add(task)
        task.add_done_callback(end)
        return way

    def _tidy(self, user_id: int | None) -> None:
        """Keep no lane in which nothing is."""
        lane = self._lanes[user_id]
        if not (lane.waiting or lane.under_way or lane.is_running):
            del self._lanes[user_id]

    async def _acquit(self, update_id: int) -> None:
        await self._records.run(lambda s: s.people.inbox.acquit(update_id))

    # -- tries --

    async def _handle(
        self, user_id: int | None, update_id: int, give_way: Callable[[], None], *, is_alone: bool
    ) -> None:
        """Try to handle an update until it is done with."""
        pauses_s = iter(PAUSES_S)
        done: dict[str, int] = {}  # what was done though the database could not be told
        with about_update(update_id):
            while True:
                try:
                    if await self._is_done_with(update_id, give_way, done, is_alone=is_alone):
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
        self, update_id: int, give_way: Callable[[], None], done: dict[str, int], *, is_alone: bool
    ) -> bool:
        """Try once; return whether the update is handled, or set aside."""
        run, start = self._records.run, time.perf_counter()
        begun = await run(lambda s: s.people.inbox.begin(update_id, is_alone=is_alone))
        if begun is None:
            return True
        update = Update.de_json(json.loads(begun.payload), self._application.bot)
        is_last = begun.is_last_try or begun.is_given_up
        done.update(begun.done)
        handling = Handling(update_id, give_way, is_last, done)
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
        await run(lambda s: s.people.inbox.finish(update_id, self._clock()))
        kind, seconds = kind_of(update), time.perf_counter() - start
        self._metrics.update_seconds.labels(kind).observe(seconds)
        logger.info("%s handled in %.2f s", kind, seconds)
        return True

    async def _tell_to_wait(self, user_id: int | None) -> None:
        """Tell a user that the disk is full, once until it was not."""
        if user_id is not None and user_id not in self._told_to_wait:
            self._told_to_wait.add(user_id)
            await self._application.process_error(None, WaitsForRoom(user_id))


def kind_of(update: Update) -> str:
    """Return what an update holds, as Telegram calls it."""
    return next((kind for kind in ALLOWED_UPDATES if getattr(update, kind) is not None), "other")


def _as_row(update: Update) -> NewUpdate:
    user = update.effective_user
    return NewUpdate(update.update_id, user.id if user else None, update.to_json())
