"""Recognises a button that is pressed again while its first press is being handled."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bot.current_update import current


class RepeatedPresses:
    """The users whose first press is being handled, or will be retried."""

    def __init__(self) -> None:
        self._first: dict[int, asyncio.Future[None]] = {}

    def is_repeat(self, user_id: int) -> bool:
        """Return whether another press of this user is being handled; a retry is no other one."""
        first = self._first.get(user_id)
        return first is not None and first is not _end_of_update()

    @contextmanager
    def handling(self, user_id: int) -> Iterator[None]:
        """Mark the press that is handled in this block, until no retry of it follows."""
        over = _end_of_update()
        self._first[user_id] = over or asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            if over is None:
                del self._first[user_id]
            else:
                over.add_done_callback(lambda _: self._first.pop(user_id, None))


def _end_of_update() -> asyncio.Future[None] | None:
    handling = current()
    return handling.over if handling is not None else None
