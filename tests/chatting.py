"""A user who talks to the bot: real updates go in, and the calls that go out can be looked at."""

import itertools
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.fernet import Fernet, MultiFernet
from telegram import Update

from bot.app import App, build_application
from bot.backups import Nightly
from bot.connecting import Connecting
from bot.records import Records
from bot.services import Services
from recommender.catalogue import Catalogue
from recommender.invented import fill
from recommender.table import TrackTable
from tests.fake_telegram import Call, FakeTelegram
from vision import EMOTIONS, Reading

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANNA, BEN = 1, 2
JPEG = b"\xff\xd8\xff\xe0 a photo"
"""What begins like a JPEG, as far as the bot itself looks."""


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
    """Reads every photo as told, or fails as told."""

    def __init__(self) -> None:
        self.outcome: Reading | Exception = a_reading()
        self.photos: list[bytes] = []

    async def explain(self, photo: bytes) -> tuple[Reading, bytes]:
        self.photos.append(photo)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome, b"\xff\xd8 a picture"


@dataclass
class Chat:
    """The bot, and what it is connected to."""

    application: App
    connecting: Connecting
    telegram: FakeTelegram
    worker: FakeWorker
    records: Records
    services: Services
    update_ids: Iterator[int]

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
        message = {
            "message_id": 1000 + next(self.update_ids),
            "date": 1_700_000_000,
            "chat": chat or {"id": user_id, "type": "private", "first_name": "A"},
            "from": {"id": user_id, "is_bot": False, "first_name": "A"},
            **content,
        }
        return await self.process({"message": message})

    async def press(self, data: str, user_id: int = ANNA, message_id: int = 77) -> list[Call]:
        """Press a button; return the calls that answer it."""
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
            },
        }
        return await self.process({"callback_query": query})

    async def process(self, content: dict[str, Any]) -> list[Call]:
        """Push an update through the application; return the calls that answer it."""
        before = len(self.telegram.calls)
        update = Update.de_json(
            {"update_id": next(self.update_ids), **content}, self.application.bot
        )
        await self.application.process_update(update)
        return self.telegram.calls[before:]


async def with_chat(
    story: Callable[[Chat], Coroutine[Any, Any, None]],
    *,
    allowed_ids: frozenset[str] = frozenset("*"),
    connections: Any = None,
    connect_by: Callable[[Records], Any] | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
    database: Path | None = None,
    nightly: Path | None = None,
    table: TrackTable | None = None,
) -> None:
    """Tell a story to a bot of its own, with invented tracks and an empty database in memory.

    Its connections are given, or made from its records; its database may be a file too, with a
    folder for nightly copies of it, and its tracks others. All that the bot sends must be as the
    Bot API wants it.
    """
    cipher = MultiFernet([Fernet(Fernet.generate_key())])
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
        Nightly(database, nightly, cipher) if database and nightly else None,
    )
    application, connecting = build_application(
        services,
        token="1:test",
        api_url="https://telegram.test",
        allowed_ids=allowed_ids,
        request=telegram,
    )
    chat = Chat(application, connecting, telegram, worker, records, services, itertools.count(1))
    try:
        async with application:
            await story(chat)
    finally:
        records.close()
    assert telegram.problems == []


@cache
def _invented_table() -> TrackTable:
    catalogue = Catalogue(None)
    fill(catalogue, 1)
    return catalogue.load()
