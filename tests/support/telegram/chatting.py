"""A user who talks to the bot: real updates go in, and the outgoing calls are recorded."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.fernet import Fernet, MultiFernet
from telegram import Update

from bot.app import App, build_bot
from bot.chat.connect.handlers import Connecting
from bot.runtime.jobs import schedule
from bot.runtime.serving import running_bot
from bot.sending.pacing import Limits
from bot.services import Services
from bot.storage.backups import Nightly
from bot.storage.people import CONSENT_VERSION
from bot.storage.records import Records
from bot.updates.guests import EVERYONE, Guests
from bot.updates.inbox import Inbox
from bot.updates.polling import poll
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from recommender.catalogue.table import TrackTable
from tests.support.migrated import already_migrated
from tests.support.telegram.fake_telegram import Call, FakeTelegram
from tests.support.telegram.handlers import watch
from vision import EMOTIONS, Explanation, Reading, SeveralFaces

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANNA, BEN = 1, 2
AGREE = f"agree:{CONSENT_VERSION}"
"""What the button that agrees sends."""
JPEG = b"\xff\xd8\xff\xe0 a photo"
"""Begins like a JPEG, which is all that the bot itself checks."""
MP4 = b"\x00\x00\x00\x1cftypisom a video"
"""Begins like an MP4."""
UNHURRIED = Limits(per_second=100_000, burst=100_000)
"""No rate limit, for tests that are not about it."""
A_PICTURE = b"\xff\xd8 a picture"


def a_reading(emotion: str = "happy", confidence: float = 0.72, **changes: Any) -> Reading:
    """Return a reading of one emotion, the rest shared evenly."""
    rest = (1 - confidence) / (len(EMOTIONS) - 1)
    probabilities = {name: confidence if name == emotion else rest for name in EMOTIONS}
    reading = Reading(
        probabilities=probabilities,
        eyes=probabilities,
        face=probabilities,
        answered_by="fused",
        eyes_found="haar",
        faces=1,
        face_box=(10, 10, 100, 100),
        eye_centers=((40.0, 50.0), (80.0, 50.0)),
        step_ms={"find": 1.0},
    )
    return replace(reading, **changes)


class FakeWorker:
    """Reads every photo as told, or fails as told.

    `clearest` is the photo of an album that is read; a `face` that is given is always found.
    """

    def __init__(self) -> None:
        self.outcome: Reading | SeveralFaces | Exception = a_reading()
        self.clearest = 0
        self.photos: list[bytes] = []
        self.faces: list[int | None] = []
        self.videos: list[bytes] = []

    async def explain(
        self, photos: Sequence[bytes], face: int | None = None
    ) -> Explanation | SeveralFaces:
        self.photos += photos
        self.faces.append(face)
        if isinstance(self.outcome, SeveralFaces) and face is None:
            return replace(self.outcome, photo=self.clearest)
        return Explanation(self._reading(), A_PICTURE, self.clearest)

    async def explain_video(self, video: bytes) -> Explanation:
        self.videos.append(video)
        return Explanation(replace(self._reading(), moments=8), A_PICTURE)

    def _reading(self) -> Reading:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return a_reading() if isinstance(self.outcome, SeveralFaces) else self.outcome


@dataclass
class Chat:
    """The bot, and the fakes it is connected to."""

    application: App
    connecting: Connecting
    telegram: FakeTelegram
    worker: FakeWorker
    records: Records
    services: Services
    update_ids: Iterator[int]

    def running(
        self, settle: Callable[[], Awaitable[None]] | None = None
    ) -> AbstractAsyncContextManager[asyncio.Task[None]]:
        """Have the bot fetch and handle what is in `telegram.updates` while a block runs."""
        services = self.services
        inbox = Inbox(
            self.application, self.records, services.clock, services.metrics, services.guests
        )
        fetch = partial(poll, self.application.bot, inbox, services.clock, services.metrics)
        return running_bot(self.application, inbox, fetch, settle)

    async def say(self, text: str, user_id: int = ANNA) -> list[Call]:
        """Send a text or a command; return the calls that answer it."""
        entities = []
        if text.startswith("/"):
            length = len(text.split()[0])
            entities = [{"type": "bot_command", "offset": 0, "length": length}]
        return await self.message({"text": text, "entities": entities}, user_id)

    async def photo(self, photo: bytes = JPEG, user_id: int = ANNA) -> list[Call]:
        """Send a photo; return the calls that answer it."""
        return await self.message({"photo": [self.file(photo)]}, user_id)

    def file(self, content: bytes) -> dict[str, Any]:
        """Put a file where `getFile` finds it and return it as a `PhotoSize`."""
        file_id = f"file{len(self.telegram.files)}"
        self.telegram.files[file_id] = content
        size = len(content)
        return {
            "file_id": file_id,
            "file_unique_id": file_id,
            "width": 640,
            "height": 640,
            "file_size": size,
        }

    async def message(
        self, content: dict[str, Any], user_id: int = ANNA, chat: dict[str, Any] | None = None
    ) -> list[Call]:
        """Send any message; return the calls that answer it."""
        return await self.process({"message": self.written(content, user_id, chat)})

    def written(
        self, content: dict[str, Any], user_id: int = ANNA, chat: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return a message of a user's, as the Bot API shows it."""
        return {
            "message_id": 1000 + next(self.update_ids),
            "date": 1_700_000_000,
            "chat": chat or {"id": user_id, "type": "private", "first_name": "A"},
            "from": {"id": user_id, "is_bot": False, "first_name": "A"},
            **content,
        }

    async def album(self, *parts: dict[str, Any], user_id: int = ANNA) -> list[Call]:
        """Send messages together, as Telegram delivers an album; return the calls that answer."""
        before = len(self.telegram.calls)
        group = {"media_group_id": f"album{next(self.update_ids)}"}
        await asyncio.gather(*(self.message({**part, **group}, user_id) for part in parts))
        return self.telegram.calls[before:]

    async def press(
        self,
        data: str,
        user_id: int = ANNA,
        message_id: int = 77,
        reply_to: dict[str, Any] | None = None,
    ) -> list[Call]:
        """Press a button, maybe under a reply to a message; return the calls that answer it."""
        query = {
            "id": "1",
            "chat_instance": "1",
            "data": data,
            "from": {"id": user_id, "is_bot": False, "first_name": "A"},
            "message": {
                "message_id": message_id,
                "date": 1_700_000_000,
                "chat": {"id": user_id, "type": "private", "first_name": "A"},
                "from": {"id": 999, "is_bot": True, "first_name": "Mirrortape"},
                "text": "…",
                **({"reply_to_message": reply_to} if reply_to else {}),
            },
        }
        return await self.process({"callback_query": query})

    async def react(
        self, message_id: int, *emoji: str, before: Sequence[str] = (), user_id: int = ANNA
    ) -> list[Call]:
        """Put these reactions, and no other, on a message; return the calls that answer it."""
        user = {"id": user_id, "is_bot": False, "first_name": "A"}
        new, old = ([{"type": "emoji", "emoji": each} for each in row] for row in (emoji, before))
        change = {
            "chat": {"id": user_id, "type": "private", "first_name": "A"},
            "message_id": message_id,
            "user": user,
            "date": 1_700_000_000,
            "old_reaction": old,
            "new_reaction": new,
        }
        return await self.process({"message_reaction": change})

    async def process(self, content: dict[str, Any]) -> list[Call]:
        """Push an update through the application; return the calls that answer it."""
        before = len(self.telegram.calls)
        update = Update.de_json(
            {"update_id": next(self.update_ids), **content}, self.application.bot
        )
        await self.application.process_update(update)
        return self.telegram.calls[before:]


def text_update(update_id: int, text: str, user_id: int) -> dict[str, Any]:
    """Return the update of a text, as Telegram delivers it."""
    command = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
    return {
        "update_id": update_id,
        "message": {
            "message_id": update_id,
            "date": 1_700_000_000,
            "chat": {"id": user_id, "type": "private"},
            "from": {"id": user_id, "is_bot": False, "first_name": "A"},
            "text": text,
            "entities": [command] if text.startswith("/") else [],
        },
    }


@asynccontextmanager
async def chatting(
    *,
    allowed_ids: frozenset[str] = frozenset({EVERYONE}),
    connections: Any = None,
    connect_by: Callable[[Records], Any] | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
    database: Path | None = None,
    nightly: Path | None = None,
    table: TrackTable | None = None,
    limits: Limits = UNHURRIED,
    cipher: MultiFernet | None = None,
) -> AsyncIterator[Chat]:
    """Run a bot of its own, with invented tracks and an empty database in memory.

    Its connections are given, or made from its records. Its database may be a file, with a folder
    for nightly backups and a key. Everything that the bot sends must follow the Bot API.
    """
    cipher = cipher or MultiFernet([Fernet(Fernet.generate_key())])
    with already_migrated():
        records = Records(database, cipher)
    if connect_by is not None:
        connections = connect_by(records)
    telegram, worker = FakeTelegram(), FakeWorker()
    services = Services(
        records,
        worker,
        table or _invented_table(),
        connections,
        clock,
        np.random.default_rng(1),
        Guests(allowed_ids),
        Nightly(database, nightly, cipher) if database and nightly else None,
    )
    bot = build_bot(
        services,
        token="1:test",
        api_url="https://telegram.test",
        request=telegram,
        limits=limits,
    )
    application, connecting = bot.application, bot.connecting
    schedule(application, services, bot.playlist_messages)
    watch(application)
    chat = Chat(application, connecting, telegram, worker, records, services, itertools.count(1))
    try:
        async with application:
            yield chat
    finally:
        records.close()
    assert telegram.problems == []


async def with_chat(story: Callable[[Chat], Coroutine[Any, Any, None]], **how: Any) -> None:
    """Run a story with a bot that `chatting` makes."""
    async with chatting(**how) as chat:
        await story(chat)


@cache
def _invented_table() -> TrackTable:
    catalogue = Catalogue(None)
    fill(catalogue, 1)
    return catalogue.load()
