"""Gathers the photos of an album, which Telegram delivers as messages of their own.

An album is tried, and answered, as a whole. One of its messages leads: it gets all of them and
answers. The others wait until no try of that one follows, and are marked as handled in the same
transaction. So after an error, a stop or a crash the whole album is still in the inbox: it is
gathered again, and what an earlier try did counts, whichever of its messages leads now.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from telegram import Message
from telegram.constants import MediaGroupLimit

from bot.current_update import Handling, current, give_way

SETTLE_S = 0.6
"""How long after its last message an album counts as complete. Telegram hands its messages out
together, or, where a fetch falls between them, with the next fetch."""

MAX_REMEMBERED = 1000
"""Albums of which it is remembered that they have been answered."""


class _Key(NamedTuple):
    """What tells albums apart: what Telegram calls the group need not be unique beyond a chat."""

    chat_id: int
    user_id: int | None
    group: str


@dataclass(slots=True)
class _Album:
    """An album that is being gathered or answered.

    Args:
        over: Is done once it is answered, or its user told why not; cancelled by a stop.
        messages: What came of it so far, by number.
        handlings: On behalf of which updates.
        is_complete: Set once nothing more can come.
    """

    over: asyncio.Future[None]
    messages: dict[int, Message] = field(default_factory=dict)
    handlings: dict[int, Handling] = field(default_factory=dict)
    is_complete: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, message: Message, handling: Handling | None) -> None:
        self.messages[message.message_id] = message
        if handling is not None:
            self.handlings[handling.update_id] = handling
        if len(self.messages) >= MediaGroupLimit.MAX_MEDIA_LENGTH:
            self.is_complete.set()

    def finish(self, stores: Any, now: datetime) -> None:
        """Mark all its messages as handled."""
        for update_id in list(self.handlings):
            stores.people.inbox.finish(update_id, now)


class Albums:
    """The albums that are being gathered or answered."""

    def __init__(self) -> None:
        self._under_way: dict[_Key, _Album] = {}
        self._answered: deque[_Key] = deque(maxlen=MAX_REMEMBERED)

    @asynccontextmanager
    async def gathered(self, message: Message) -> AsyncIterator[list[Message]]:
        """Yield the messages to be answered together with this one, in the order of sending.

        One message of an album gets all of them, at each try; the others get none, once the album
        is answered. So does one that comes after that.
        """
        key, handling = _key_of(message), current()
        album = None if key is None else self._under_way.get(key)
        if key is None:
            yield [message]
        elif key in self._answered:
            yield []
        elif album is not None and not _leads(handling, album):
            give_way()
            album.add(message, handling)
            await asyncio.shield(album.over)
            yield []
        else:
            give_way()
            album = album or self._begin(key, handling)
            album.add(message, handling)
            try:
                await _settle(album)
                if handling is not None:
                    _speak_for_all(handling, album)
                yield [album.messages[number] for number in sorted(album.messages)]
            except asyncio.CancelledError:
                if not _leads(handling, album):  # else the inbox does so
                    album.over.cancel()  # none of them may count as handled
                raise
            finally:
                if not _leads(handling, album) and not album.over.done():  # no other try follows
                    album.over.set_result(None)

    def _begin(self, key: _Key, handling: Handling | None) -> _Album:
        over = handling.over if handling is not None else None
        album = _Album(over or asyncio.get_running_loop().create_future())
        self._under_way[key] = album

        def end(over: asyncio.Future[None]) -> None:
            del self._under_way[key]
            if not over.cancelled():
                self._answered.append(key)

        album.over.add_done_callback(end)
        return album


def _key_of(message: Message) -> _Key | None:
    group, sender = message.media_group_id, message.from_user
    return None if group is None else _Key(message.chat_id, sender.id if sender else None, group)


def _leads(handling: Handling | None, album: _Album) -> bool:
    """Return whether an update is the one that answers an album: this is its next try then."""
    return handling is not None and handling.over is album.over


def _speak_for_all(handling: Handling, album: _Album) -> None:
    """Let what is done for an album count for all its messages, and what was done, for this."""
    done = [each.done for each in album.handlings.values()]
    handling.done = {name: result for each in done for name, result in each.items()}
    handling.at_end(album.finish)


async def _settle(album: _Album) -> None:
    """Wait until no message has come for a while, or none can any more."""
    count = 0
    while count < len(album.messages) and not album.is_complete.is_set():
        count = len(album.messages)
        try:
            await asyncio.wait_for(album.is_complete.wait(), SETTLE_S)
        except TimeoutError:
            continue
