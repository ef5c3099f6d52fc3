"""How updates come in and are handled: stored first, at least once, in order for each user.

Telegram forgets an update once we say that we have it: by the next `getUpdates` or the answer to
a webhook. So each is in the table `inbox` before that, and what a stop or crash left unhandled is
handled at the next start. In memory only the numbers wait; what an update says is read when its
turn comes.

It is stored as Telegram sent it and parsed at its turn. What cannot be parsed then could not be at
any other time: its user is told, once, and it is set aside. Of people who may not use the bot only
so many updates may wait, and nothing stays of those that are handled.

**In order** means: a user's updates are begun in the order of their numbers, and the next one not
before the one before is handled or *gives way*: before it waits for something slow, which is the
vision worker, Spotify, or the other photos of an album. So whatever an update changes before such
a wait is there for the next, and /cancel overtakes a photo that is being read, buttons a playlist
that is being written. Different users never wait for each other.

**Errors.** An error of ours is tried again, three times in all, before the next of that user; then
its user is told and it is set aside. That Telegram cannot be reached is no error of ours:
`bot.sending.delivery` waits within the try until it can be, however long that takes.

Nor is a full disk: the update waits for room, here or with Telegram, and its user is told so once.

**Deaths.** What was being handled when the process died is begun alone at the next start, so that
another death shows which of them takes the bot down; after five such deaths it is set aside.
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
"""Updates of one user that may be under way, those that gave way included."""

ALONE_S = 10.0
"""How long an update is handled alone at most; what hangs in it kills nobody."""

PAUSES_S = (1.0, 3.0)
"""Before the second and the third try of what ended in an error."""

DISK_PAUSE_S = 5.0
"""Before the database is asked again that could not answer."""

OF_A_STRANGER = 5
"""Updates that may wait of somebody who may not use the bot; more are dropped."""

OF_STRANGERS = 1000
"""Updates that may wait of all of them."""

LAST_S = 2.0
"""How long a stop waits for what it has cancelled."""


EVERYBODY = Guests(frozenset({EVERYONE}))


class GivenUp(Exception):
    """The bot died over an update too often."""


class WaitsForRoom(Exception):
    """What a user sent must wait, since the disk is full."""

    def __init__(self, user_id: int) -> None:
        super().__init__("the disk is full")
        self.user_id = user_id


class Unparsable(Exception):
    """What a user sent cannot be parsed."""

    def __init__(self, user_id: int) -> None:
        super().__init__("an update cannot be parsed")
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
        guests: Who may use the bot. The application turns the others away; here they are only
            kept from filling the table.
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
        """Store updates as Telegram sent them, and have those handled that are new.

        Args:
            found: The JSON of each.

        Raises:
            sqlite3.Error: They could not be stored, none of them.
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
        """Keep for a while what came in the place of an update.

        Raises:
            sqlite3.Error: It could not be stored.
        """
        aside, now = SetAside(None, reason, text), self._clock()
        await self._records.run(lambda s: s.people.inbox.set_aside(aside, now))
        self._metrics.updates_set_aside.inc()
        logger.error("something came that is no update (%s): it is set aside", reason)

    async def open(self) -> None:
        """Begin to handle: first what was under way when an earlier run died, alone."""
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

    def _without_floods(self, new: list[NewUpdate]) -> list[NewUpdate]:
        """Leave out what strangers send beyond what may wait of theirs."""
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
        """Keep no lane in which nothing is."""
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
        """Try to handle an update until it is done with."""
        pauses_s = iter(PAUSES_S)
        done: dict[str, int] = {}  # what was done though the database could not be told
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
        """Note that an update is done with, and what goes with that; keep nothing of strangers."""
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
        """Tell the user, if they wrote in their own chat, then set the update aside."""
        handling = Handling(update_id, lambda: None, is_last_try=True, done=dict(begun.done))
        with being(handling):
            if user_id is not None and is_private(begun.payload):
                await self._application.process_error(None, Unparsable(user_id))
        await self._finish(user_id, handling, SetAside(user_id, reason, begun.payload))
        self._metrics.updates_set_aside.inc()
        logger.error("an update cannot be parsed (%s): it is set aside", reason)

    async def _tell_to_wait(self, user_id: int | None) -> None:
        """Tell a user that the disk is full, once until it was not."""
        if user_id is not None and user_id not in self._told_to_wait:
            self._told_to_wait.add(user_id)
            await self._application.process_error(None, WaitsForRoom(user_id))


def kind_of(update: Update) -> str:
    """Return what an update holds, as Telegram calls it."""
    return next((kind for kind in ALLOWED_UPDATES if getattr(update, kind) is not None), "other")
