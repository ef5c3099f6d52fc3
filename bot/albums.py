"""Gathers the photos of an album, which Telegram delivers as messages of their own.

Each message of an album waits here until the whole album has been answered, so that an album that
a stop or crash interrupts is left in the inbox whole, and gathered again at the next start.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from telegram import Message
from telegram.constants import MediaGroupLimit

from bot.handling import give_way

SETTLE_S = 0.6
"""How long after its last message an album counts as complete. Telegram hands its messages out
together, or, where a fetch falls between them, with the next fetch."""

MAX_REMEMBERED = 1000
"""Albums of which it is remembered that they have been answered."""


@dataclass(slots=True)
class _Album:
    messages: list[Message] = field(default_factory=list)
    is_complete: asyncio.Event = field(default_factory=asyncio.Event)
    is_answered: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Albums:
    """The albums that are being gathered or answered."""

    def __init__(self) -> None:
        self._under_way: dict[str, _Album] = {}
        self._answered: deque[str] = deque(maxlen=MAX_REMEMBERED)

    @asynccontextmanager
    async def gathered(self, message: Message) -> AsyncIterator[list[Message]]:
        """Yield the messages to be answered together with this one, in the order of sending.

        One message of an album gets all of them; the others get none, once it is answered. So
        does one that comes after that.
        """
        group = message.media_group_id
        if group is None:
            yield [message]
        elif group in self._answered:
            yield []
        elif (album := self._under_way.get(group)) is not None:
            give_way()
            album.messages.append(message)
            if len(album.messages) >= MediaGroupLimit.MAX_MEDIA_LENGTH:
                album.is_complete.set()
            await asyncio.shield(album.is_answered)
            yield []
        else:
            give_way()
            album = self._under_way[group] = _Album([message])
            try:
                await _settle(album)
                yield sorted(album.messages, key=lambda each: each.message_id)
            except asyncio.CancelledError:
                album.is_answered.cancel()  # none of them may count as handled
                raise
            finally:
                del self._under_way[group]
                if not album.is_answered.cancelled():
                    self._answered.append(group)
                    album.is_answered.set_result(None)


async def _settle(album: _Album) -> None:
    """Wait until no message has come for a while, or none can any more."""
    count = 0
    while count < len(album.messages) and not album.is_complete.is_set():
        count = len(album.messages)
        try:
            await asyncio.wait_for(album.is_complete.wait(), SETTLE_S)
        except TimeoutError:
            continue
