"""A bounded, fair queue in front of the vision worker.

A user with fewer photos in the queue goes first; otherwise it is first come, first served. So
somebody who sends many photos does not delay others' first one.

Photos are downloaded only when it is their turn: the queue holds file ids, not bytes.
"""

import asyncio
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

AT_ONCE = 3
"""Concurrent turns: one photo is read while the next ones are downloaded."""

LIMIT = 100
"""The most waiting photos; each photo of an album counts."""


class QueueFull(Exception):
    """The queue is full."""


@dataclass(slots=True, eq=False)
class Place:
    """A place in the queue.

    Args:
        user_id: Whose it is.
        photos: The number of photos.
        before: The number of places that the user had before it.
    """

    user_id: int
    photos: int
    before: int
    _is_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def turn(self) -> None:
        """Wait for its turn."""
        await self._is_up.wait()

    def call(self) -> None:
        """Give it its turn."""
        self._is_up.set()


class PhotoQueue:
    """The waiting photos and the current turns, at most one turn per user.

    Args:
        at_once: The number of concurrent turns.
        limit: The most waiting photos.
    """

    def __init__(self, at_once: int = AT_ONCE, limit: int = LIMIT) -> None:
        self._at_once = at_once
        self._limit = limit
        self._waiting: list[Place] = []  # in order of their turns
        self._called: list[Place] = []

    @contextmanager
    def join(self, user_id: int, photos: int = 1) -> Iterator[Place]:
        """Hold a place during the block, which must first wait for its turn.

        Raises:
            QueueFull: There is no room for these photos.
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
        """Return the number of waiting photos."""
        return sum(place.photos for place in self._waiting)

    def number(self, place: Place) -> int:
        """Return a place's number in the queue, from 1; 0 once it has its turn."""
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
