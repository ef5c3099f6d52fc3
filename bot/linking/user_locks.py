"""One lock per user for changes to their music account, and shielding from cancellation."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bot.current_update import give_way

T = TypeVar("T")

MAX_CONCURRENT_REQUESTS = 32
"""Threads for blocking requests. One that waits for an answer costs next to nothing."""

SHUTDOWN_GRACE_S = 10.0
"""How long a shutdown waits for requests in flight."""


class UserLocks:
    """A lock for each user, and the set of tasks in flight for all of them."""

    def __init__(self) -> None:
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._in_flight: set[asyncio.Future[Any]] = set()
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS, thread_name_prefix="spotify")

    def of(self, user_id: int) -> asyncio.Lock:
        """Return the lock to hold while this user's account or playlist changes."""
        return self._locks[user_id]

    async def shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end even if the caller is cancelled.

        A request that was sent cannot be taken back: Spotify may have created the playlist or
        replaced the refresh token, and a result that we do not store is lost.
        """
        task = asyncio.ensure_future(work)
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return await asyncio.shield(task)

    async def request(self, send: Callable[..., T], *args: object) -> T:
        """Send a blocking request in a thread of a pool reserved for Spotify.

        Slow answers would otherwise use up the default pool, which everything else shares.
        """
        give_way()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, send, *args)

    async def settle(self) -> None:
        """Wait up to `SHUTDOWN_GRACE_S` for the tasks in flight."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=SHUTDOWN_GRACE_S)
