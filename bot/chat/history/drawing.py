"""Draws the pictures of `/history` in a thread, one at a time."""

import asyncio
from datetime import UTC, datetime

from bot.chat.history.mood_calendar import MoodPage, page_of


class MoodPictures:
    """Draws one picture at a time: matplotlib is not safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def draw(self, page: MoodPage) -> bytes:
        """Return a page of moods as a PNG."""
        async with self._lock:
            return await asyncio.to_thread(_draw, page)


def warm_up() -> None:
    """Draw an empty page at the start: loading matplotlib blocks everything else."""
    _draw(page_of([], [], datetime.now(UTC), UTC, 0))


def _draw(page: MoodPage) -> bytes:
    # Imported here: matplotlib takes a second and 40 MB, which the commands do not need.
    from bot.chat.history.mood_picture import draw_moods

    return draw_moods(page)
