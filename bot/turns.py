"""Whose turn it is: one thing at a time for each user, and nothing broken off half way."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_S = 20.0
"""How long a stop waits for requests that are under way."""


class Turns:
    """A lock for each user, and what is under way for any of them."""

    def __init__(self) -> None:
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._under_way: set[asyncio.Future[Any]] = set()

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

    async def settle(self) -> None:
        """Wait a while for what is under way, before everything is put away."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE_S)
