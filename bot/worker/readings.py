"""Reads users' photos and videos: a few at a time for each user, in a fair queue, cancellable."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bot.metrics import Metrics
from bot.worker.photo_queue import PhotoQueue, Ticket
from bot.worker.process import Explainer
from vision import Explanation, SeveralFaces
from vision.photo.formats import sniff, sniff_video

T = TypeVar("T")

MAX_OPEN = 2
"""Photos of one user that may be unanswered at a time."""

ANNOUNCE_AFTER_S = 1.0
"""How long a photo waits before its user is told their number: most never need to know."""

ANNOUNCE_EVERY_S = 10.0
"""How often they are told again. With a full queue that is a third of Telegram's rate limit."""

FETCH_TIMEOUT_S = 60.0
"""How long a photo keeps its turn while Telegram does not deliver it."""

Answer = Explanation | SeveralFaces


class TooManyPhotos(Exception):
    """The user has `MAX_OPEN` unanswered photos.

    Args:
        is_news: Whether the user has not been told yet: a flood is answered once.
    """

    def __init__(self, is_news: bool) -> None:
        super().__init__("too many photos of one user")
        self.is_news = is_news


class Readings:
    """The photos that are being read or answered.

    Args:
        worker: Reads photos in another process.
        metrics: Counts and times the steps.
    """

    def __init__(self, worker: Explainer, metrics: Metrics) -> None:
        self._worker = worker
        self._metrics = metrics
        self._queue = PhotoQueue()
        self._open: Counter[int] = Counter()
        self._tasks: defaultdict[int, set[asyncio.Task[Any]]] = defaultdict(set)
        self._told: set[int] = set()
        metrics.photos_waiting.set_function(self._queue.waiting)

    @contextmanager
    def open(self, user_id: int) -> Iterator[None]:
        """Count one photo of a user, from its arrival until it is answered.

        Raises:
            TooManyPhotos: There are `MAX_OPEN` already.
        """
        if self._open[user_id] >= MAX_OPEN:
            is_news = user_id not in self._told
            self._told.add(user_id)
            raise TooManyPhotos(is_news)
        self._open[user_id] += 1
        try:
            yield
        finally:
            self._told.discard(user_id)
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]
                self._tasks.pop(user_id, None)

    def stop(self, user_id: int) -> bool:
        """Cancel reading this user's photos; return whether any was being read."""
        tasks = self._tasks.get(user_id, ())
        for task in tasks:
            task.cancel()
        return bool(tasks)

    async def cancellable(self, user_id: int, work: Coroutine[Any, Any, T]) -> T | None:
        """Run `work` so that `stop` can cancel it; return None if it did."""
        task = asyncio.create_task(work)
        self._tasks[user_id].add(task)
        try:
            return await task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                task.cancel()  # shutdown: the inbox keeps the update for the next start
                raise
            return None
        finally:
            self._tasks[user_id].discard(task)

    async def explain(
        self,
        user_id: int,
        count: int,
        fetch: Callable[[], Awaitable[list[bytes]]],
        announce: Callable[[int], Awaitable[object]],
        *,
        is_video: bool = False,
        face: int | None = None,
    ) -> Answer:
        """Wait for a turn, fetch the files, and have the worker read them.

        Args:
            user_id: Whose they are.
            count: How many files there are.
            fetch: Downloads them; called once it is their turn.
            announce: Called with the number in the queue while waiting.
            is_video: Whether the file is a video.
            face: Which face is meant, from 0 and from the left; None for the clearest.

        Raises:
            QueueFull: Too many photos are waiting.
            TimeoutError: Fetching took longer than `FETCH_TIMEOUT_S`.
            VisionError: Nothing can be read.
            WorkerFailed: The worker died or took too long.
        """
        with self._queue.join(user_id, count) as place:
            await self._wait(place, announce)
            with self._metrics.step("download"):
                async with asyncio.timeout(FETCH_TIMEOUT_S):
                    files = await fetch()
            if is_video:
                sniff_video(files[0])
                with self._metrics.step("read video"):
                    return await self._worker.explain_video(files[0])
            if len(files) == 1:
                sniff(files[0])
            with self._metrics.step("read"):
                return await self._worker.explain(files, face)

    async def _wait(self, place: Ticket, announce: Callable[[int], Awaitable[object]]) -> None:
        """Wait for a photo's turn; announce its number if that takes long."""

        async def announce_numbers() -> None:
            await asyncio.sleep(ANNOUNCE_AFTER_S)
            last = 0
            while (number := self._queue.number(place)) > 0:
                if number != last:
                    last = number
                    await announce(number)
                await asyncio.sleep(ANNOUNCE_EVERY_S)

        announcing = asyncio.create_task(announce_numbers())
        try:
            await place.turn()
        finally:
            announcing.cancel()
