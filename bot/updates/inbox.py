"""The inbox: stores each update first, then handles it at least once and in order for each user.

Telegram forgets an update once we acknowledge it, by the next `getUpdates` or by the answer to a
webhook. So each update is stored in the table `inbox` before that, and what a stop or crash left
unhandled is handled after the next start. Memory holds only the ids; the content is read when it
is handled.

Updates are stored as Telegram sent them and parsed when they are handled. An update that cannot be
parsed is set aside, and its user is told once. People who may not use the bot can only have a
limited number of updates waiting, and nothing of theirs is kept once handled.

**Order.** A user's updates start in the order of their ids. The next one starts when the one
before is handled or *gives way*, which it does before waiting for something slow: the vision
worker, Spotify, or the rest of an album. So an update's changes before such a wait are visible to
the next one, /cancel overtakes a photo that is being read, and a button overtakes a playlist that
is being written. Users never wait for each other.

**Errors.** After an error of ours, an update is tried up to three times in all, before the user's
next one. Then the user is told and the update is set aside. An unreachable Telegram is not such an
error: `bot.sending.delivery` waits for it within the try. Nor is a full disk: the update waits for
space, here or at Telegram, and its user is told once.

**Crashes.** An update that was being handled when the process died is handled alone after the next
start, so that another crash shows which one is the cause. After five such crashes it is set aside.
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
from bot.sending.bot_api import PARSE_ERRORS
from bot.storage.inbox_table import UNDECRYPTABLE_FOR, BegunUpdate, NewUpdate, SetAside
from bot.storage.records import Records, Stores
from bot.updates.guests import EVERYONE, Guests
from bot.updates.raw_updates import as_json, is_private, new_update, parsed
from recommender.storage.database import DiskFull, immediate

logger = logging.getLogger(__name__)

ALLOWED_UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.MESSAGE_REACTION]

AT_ONCE = 20
"""The most updates of one user in progress, including those that gave way."""

MAX_ALONE_S = 10.0
"""How long an update is handled alone at most. One that hangs for longer doesn't crash the bot."""

PAUSES_S = (1.0, 3.0)
"""Before the second and the third try after an error."""

DISK_PAUSE_S = 5.0
"""Before a failed database operation is retried."""

MAX_PER_STRANGER = 5
"""The most waiting updates of a person who may not use the bot; more are dropped."""

MAX_FROM_STRANGERS = 1000
"""The most waiting updates of all such people together."""

CANCEL_S = 2.0
"""How long a stop waits for cancelled tasks."""


EVERYBODY = Guests(frozenset({EVERYONE}))


class GivenUp(Exception):
    """The bot died too often while handling this update."""


class MustWaitForDisk(Exception):
    """A user's update must wait because the disk is full."""

    def __init__(self, user_id: int) -> None:
        super().__init__("the disk is full")
        self.user_id = user_id


class Unparsable(Exception):
    """A user's update cannot be parsed."""

    def __init__(self, user_id: int) -> None:
        super().__init__("an update cannot be parsed")
        self.user_id = user_id


@dataclass(slots=True)
class _Lane:
    """One user's updates: the ids that wait, and the tasks in progress."""

    waiting: deque[int] = field(default_factory=deque)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    is_running: bool = False


class Inbox:
    """Stores updates and passes them to the application.

    Args:
        application: The bot.
        records: The database.
        clock: Returns the time now, in UTC.
        metrics: Records handling times.
        guests: Who may use the bot. The application answers the others; the inbox only limits how
            many of their updates wait.
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
        """Store updates as Telegram sent them and queue the new ones.

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
        """Keep data for a while that came in place of an update.

        Raises:
            sqlite3.Error: It could not be stored.
        """
        aside, now = SetAside(None, reason, text), self._clock()
        await self._records.run(lambda s: s.people.inbox.set_aside(aside, now))
        self._metrics.updates_set_aside.inc()
        logger.error("received data that is not an update (%s): set aside", reason)

    async def open(self) -> None:
        """Start handling: first, alone, what was in progress when an earlier run died."""
        now = self._clock()
        left = await self._records.run(lambda s: s.people.inbox.unhandled(now))
        if locked := await self._records.run(lambda s: s.people.inbox.undecryptable()):
            logger.warning(
                "%d waiting updates cannot be decrypted: add the key that they were stored with "
                "to SECRET_KEY. They are dropped after %d days",
                locked,
                UNDECRYPTABLE_FOR.days,
            )
        if left:
            logger.warning("handling %d updates that the last run left", len(left))
        for waiting in left:
            if not waiting.was_begun:
                self._queue(waiting.user_id, waiting.update_id)
        for waiting in left:
            if waiting.was_begun:
                way = self._begin(waiting.user_id, waiting.update_id, is_alone=True)
                with suppress(TimeoutError):
                    await asyncio.wait_for(way.wait(), MAX_ALONE_S)
                await self._clear_deaths(waiting.update_id)
        self._is_open = True
        for user_id in list(self._lanes):
            self._start(user_id)

    async def close(self, grace_s: float) -> None:
        """Finish updates in progress, as far as time allows; the next start handles the rest."""
        self._is_open = False
        under_way = {task for lane in self._lanes.values() for task in lane.under_way}
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                logger.warning("%d updates are left for the next start", len(late))
                await asyncio.wait(late, timeout=CANCEL_S)
        await self._records.run(lambda s: s.people.inbox.mark_stopped())

    def _without_floods(self, new: list[NewUpdate]) -> list[NewUpdate]:
        """Drop updates of strangers beyond their limits."""
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
                if total >= MAX_FROM_STRANGERS or (
                    is_one and waiting[update.user_id] >= MAX_PER_STRANGER
                ):
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
            self._running.add(task)  # asyncio itself keeps only a weak reference
            task.add_done_callback(self._running.discard)

    async def _run(self, user_id: int | None, lane: _Lane) -> None:
        """Start a user's updates one after the other."""
        while lane.waiting and self._is_open:
            if len(lane.under_way) >= AT_ONCE:
                await asyncio.wait(lane.under_way, return_when=asyncio.FIRST_COMPLETED)
                continue
            await self._begin(user_id, lane.waiting.popleft()).wait()
        lane.is_running = False
        self._drop_if_empty(user_id)

    def _begin(
        self, user_id: int | None, update_id: int, *, is_alone: bool = False
    ) -> asyncio.Event:
        """Start handling an update; return an event that is set once the next may start."""
        way, lane = asyncio.Event(), self._lanes[user_id]
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end(task: asyncio.Task[None]) -> None:
            way.set()
            if task.cancelled():
                over.cancel()
            else:
                over.set_result(None)
            lane.under_way.discard(task)
            self._drop_if_empty(user_id)

        handling = self._handle(user_id, update_id, way.set, over, is_alone=is_alone)
        task = asyncio.create_task(handling)
        lane.under_way.add(task)
        task.add_done_callback(end)
        return way

    def _drop_if_empty(self, user_id: int | None) -> None:
        """Delete an empty lane."""
        lane = self._lanes[user_id]
        if not (lane.waiting or lane.under_way or lane.is_running):
            del self._lanes[user_id]

    async def _clear_deaths(self, update_id: int) -> None:
        await self._records.run(lambda s: s.people.inbox.clear_deaths(update_id))

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
        """Try to handle an update until it is finished."""
        pauses_s = iter(PAUSES_S)
        done: dict[str, int] = {}  # also what could not be stored
        with about_update(update_id):
            while True:
                try:
                    if await self._try_once(
                        user_id, update_id, give_way, over, done, is_alone=is_alone
                    ):
                        return
                except sqlite3.Error as error:
                    logger.error("the database cannot be used (%s); retrying", error)
                    if isinstance(error, DiskFull):
                        await self._tell_to_wait(user_id)
                    await asyncio.sleep(DISK_PAUSE_S)
                else:
                    await asyncio.sleep(next(pauses_s, PAUSES_S[-1]))
                is_alone = False

    async def _try_once(
        self,
        user_id: int | None,
        update_id: int,
        give_way: Callable[[], None],
        over: asyncio.Future[None],
        done: dict[str, int],
        *,
        is_alone: bool,
    ) -> bool:
        """Try once; return whether the update is handled or set aside."""
        run, start = self._records.run, time.perf_counter()
        begun = await run(lambda s: s.people.inbox.begin(update_id, is_alone=is_alone))
        if begun is None:
            return True
        try:
            update = parsed(begun.payload, self._application.bot)
        except PARSE_ERRORS as error:
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
        """Store that an update is finished, with its final writes; keep nothing of strangers."""
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
        """Tell the user if the chat is private, then set the update aside."""
        handling = Handling(update_id, lambda: None, is_last_try=True, done=dict(begun.done))
        with being(handling):
            if user_id is not None and is_private(begun.payload):
                await self._application.process_error(None, Unparsable(user_id))
        await self._finish(user_id, handling, SetAside(user_id, reason, begun.payload))
        self._metrics.updates_set_aside.inc()
        logger.error("an update cannot be parsed (%s): set aside", reason)

    async def _tell_to_wait(self, user_id: int | None) -> None:
        """Tell a user that the disk is full, once until there is space again."""
        if user_id is not None and user_id not in self._told_to_wait:
            self._told_to_wait.add(user_id)
            await self._application.process_error(None, MustWaitForDisk(user_id))


def kind_of(update: Update) -> str:
    """Return Telegram's name for the kind of an update."""
    return next((kind for kind in ALLOWED_UPDATES if getattr(update, kind) is not None), "other")
