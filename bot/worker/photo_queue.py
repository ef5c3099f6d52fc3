"""Whose photo is next: a bounded queue before the vision worker that no one fills for others.

Whoever has nothing under way goes before whoever has; among equals, whoever came first does. So
each sees the photos of somebody who sends many stand behind their own first one.

Only what has its turn is fetched from Telegram: what waits is a handle, not bytes.
"""

import asyncio
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

AT_ONCE = 3
"""How many have their turn at a time: one is read while the next are being fetched."""

LIMIT = 100
"""Photos that may wait; each photo of an album counts."""


class QueueFull(Exception):
    """As many photos wait as may."""


@dataclass(slots=True, eq=False)
class Place:
    """Somebody's place in the queue.

    Args:
        user_id: Whose it is.
        photos: For how many photos.
        before: How many places the same user had then.
    """

    user_id: int
    photos: int
    before: int
    _is_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def turn(self) -> None:
        """Wait until it is this one's turn."""
        await self._is_up.wait()

    def call(self) -> None:
        """Say that it is this one's turn."""
        self._is_up.set()


class PhotoQueue:
    """The photos that wait and those that have their turn, at most one of each user.

    Args:
        at_once: How many have their turn at a time.
        limit: How many photos may wait.
    """

    def __init__(self, at_once: int = AT_ONCE, limit: int = LIMIT) -> None:
        self._at_once = at_once
        self._limit = limit
        self._waiting: list[Place] = []  # whose turn comes first stands first
        self._called: list[Place] = []

    @contextmanager
    def join(self, user_id: int, photos: int = 1) -> Iterator[Place]:
        """Have a place while the block runs, which begins by waiting for its turn.

        Raises:
            QueueFull: There is no room for so many photos.
        """
        if self.waiting() + photos > self._limit:
            raise QueueFull
        before = sum(place.user_id == user_id for place in self._waiting + self._called)
        place = Place(user_id, photos, before)
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

    def number(self, place: Place) -> int:
        """Return how many turns it takes until a place has its own, 0 once it has it."""
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
