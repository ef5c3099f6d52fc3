"""Gathers the photos of an album, which Telegram delivers as separate messages.

An album is handled as a whole. One of its messages leads: it gets all of them and answers. The
others wait until no retry of the leader follows, and are marked as handled in the same
transaction. So after an error, a stop or a crash, the whole album is still in the inbox. It is
gathered again, and the results of earlier tries are shared by all its messages.
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
"""How long after its last message an album counts as complete. Telegram delivers its messages in
one fetch, or in two consecutive ones."""

MAX_REMEMBERED = 1000
"""How many answered albums are remembered."""


class _Key(NamedTuple):
    """Identifies an album; Telegram's group id may be unique only within a chat."""

    chat_id: int
    user_id: int | None
    group: str


@dataclass(slots=True)
class _Album:
    """An album that is being gathered or answered.

    Args:
        over: Done once no retry follows; cancelled by a shutdown.
        messages: Its messages so far, by id.
        handlings: The updates of these messages, by id.
        is_complete: Set once no more messages can come.
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
        """Mark all its updates as handled."""
        for update_id in list(self.handlings):
            stores.people.inbox.finish(update_id, now)


class Albums:
    """The albums that are being gathered or answered."""

    def __init__(self) -> None:
        self._under_way: dict[_Key, _Album] = {}
        self._answered: deque[_Key] = deque(maxlen=MAX_REMEMBERED)

    @asynccontextmanager
    async def gathered(self, message: Message) -> AsyncIterator[list[Message]]:
        """Yield the messages to handle together with this one, in order.

        The leader of an album gets all of them, at each try. The others get an empty list, after
        the album is answered; so does a message that comes later.
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
                    _act_for_all(handling, album)
                yield [album.messages[number] for number in sorted(album.messages)]
            except asyncio.CancelledError:
                if not _leads(handling, album):  # otherwise the inbox does that
                    album.over.cancel()  # none of them counts as handled
                raise
            finally:
                if not _leads(handling, album) and not album.over.done():  # no retry follows
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
    """Return whether an update leads an album: this is a retry of it then."""
    return handling is not None and handling.over is album.over


def _act_for_all(handling: Handling, album: _Album) -> None:
    """Share the results of steps among all updates of an album, and end them together."""
    for each in list(album.handlings.values()):
        handling.done.update(each.done)  # in place: the next try gets this very dictionary
    handling.at_end(album.finish)


async def _settle(album: _Album) -> None:
    """Wait until no message has come for a while, or the album is complete."""
    count = 0
    while count < len(album.messages) and not album.is_complete.is_set():
        count = len(album.messages)
        try:
            await asyncio.wait_for(album.is_complete.wait(), SETTLE_S)
        except TimeoutError:
            continue
