"""Waking those who wait for news, from whichever thread the news comes."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Bell:
    """Lets coroutines wait until something has changed."""

    def __init__(self) -> None:
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._is_silenced = False

    def ring(self) -> None:
        """Wake everybody who waits."""
        for loop, event in list(self._waiting):
            loop.call_soon_threadsafe(event.set)

    def silence(self) -> None:
        """Wake everybody for good, so that the server can stop at once."""
        self._is_silenced = True
        self.ring()

    async def wait_for(self, look: Callable[[], T | None], timeout_s: float) -> T | None:
        """Return the first result of `look` that is not None, or None on timeout."""
        event = asyncio.Event()
        waiter = (asyncio.get_running_loop(), event)
        self._waiting.add(waiter)  # before the first look, so that no ring is missed
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                event.clear()
                found = look()
                remaining_s = deadline - time.monotonic()
                if found is not None or remaining_s <= 0 or self._is_silenced:
                    return found
                try:
                    await asyncio.wait_for(event.wait(), remaining_s)
                except TimeoutError:
                    return look()
        finally:
            self._waiting.discard(waiter)
