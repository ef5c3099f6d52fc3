"""Whose turn it is: one thing at a time for each user, and nothing broken off half way."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bot.current_update import give_way

T = TypeVar("T")

REQUESTS_AT_ONCE = 32
"""More wait for one of these to end. A thread that waits for an answer costs next to nothing."""

GRACE_S = 10.0
"""How long a stop waits for requests that are under way."""


class Turns:
    """A lock for each user, and what is under way for any of them."""

    def __init__(self) -> None:
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._threads = ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="spotify")

    def of(self, user_id: int) -> asyncio.Lock:
        """Return the lock to hold while something of this user's is changed."""
        return self._locks[user_id]

    async def undisturbed(self, work: Coroutine[Any, Any, T]) -> T:
        """Finish `work` even if whoever waits for it is cancelled.

        A request cannot be called back: Spotify may have made the playlist, or replaced the
        refresh token, and if we did not store that, it would be lost.
        """
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def request(self, ask: Callable[..., T], *args: object) -> T:
        """Ask Spotify in a thread that is kept for that.

        Those that everything else shares are few, and an answer may be long in coming.
        """
        give_way()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, ask, *args)

    async def settle(self) -> None:
        """Wait a while for what is under way, before everything is put away."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE_S)
