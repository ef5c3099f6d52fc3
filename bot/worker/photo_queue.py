"""A fair, bounded queue in front of the vision worker.

Users with nothing in the queue go first; among equals, it is first come, first served. So a user
who sends many photos does not delay another user's first one.

Photos are fetched from Telegram when their turn comes; until then only their file ids wait.
"""

import asyncio
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

AT_ONCE = 3
"""How many have their turn at a time: one is read while the next ones are fetched."""

LIMIT = 100
"""The most photos that may wait; each photo of an album counts."""


class QueueFull(Exception):
    """Too many photos are waiting."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A place in the queue.

    Args:
        user_id: The user.
        photos: The number of photos.
        before: How many places the same user had when joining.
    """

    user_id: int
    photos: int
    before: int
    _is_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def turn(self) -> None:
        """Wait for this place's turn."""
        await self._is_up.wait()

    def call(self) -> None:
        """Begin this place's turn."""
        self._is_up.set()


class PhotoQueue:
    """The photos that wait and those that have their turn, at most one turn per user.

    Args:
        at_once: How many have their turn at a time.
        limit: The most photos that may wait.
    """

    def __init__(self, at_once: int = AT_ONCE, limit: int = LIMIT) -> None:
        self._at_once = at_once
        self._limit = limit
        self._waiting: list[Ticket] = []  # in the order of their turns
        self._called: list[Ticket] = []

    @contextmanager
    def join(self, user_id: int, photos: int = 1) -> Iterator[Ticket]:
        """Hold a place in the queue during the block, which starts by waiting for its turn.

        Raises:
            QueueFull: There is no space for these photos.
        """
        if self.waiting() + photos > self._limit:
            raise QueueFull
        before = sum(place.user_id == user_id for place in self._waiting + self._called)
        place = Ticket(user_id, photos, before)
        insort(self._waiting, place, key=lambda each: each.before)
        self._call_next()
        try:
            yield place
        finally:
            (self._called if place in self._called else self._waiting).remove(place)
            self._call_next()

    def waiting(self) -> int:
        """Return how many photos wait."""
        return sum(place.photos for place in self._waiting)

    def number(self, place: Ticket) -> int:
        """Return a place's position in the queue, from 1; 0 once it has its turn."""
        return self._waiting.index(place) + 1 if place in self._waiting else 0

    def _call_next(self) -> None:
        while len(self._called) < self._at_once:
            served = {place.user_id for place in self._called}
            place = next((each for each in self._waiting if each.user_id not in served), None)
            if place is None:
                return
            self._waiting.remove(place)
            self._called.append(place)
            place.call()
