"""A disk without room: who writes is told once, nothing is lost, and it goes on by itself.

SQLite is told to let the file grow no more, which fails as a full disk does; tests/chaos fills a
disk for real.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot import texts
from recommender.storage.database import DiskFull
from tests.support.database_writers import NOW, PLAYLIST, TRACKS, faults
from tests.support.health import get
from tests.support.telegram.chatting import ANNA, BEN, Chat, text_update, with_chat
from tests.support.telegram.fake_telegram import Call

AT_MOST_PAGES = 2**31


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("inbox", "polling"):
        monkeypatch.setattr(f"bot.updates.{module}.DISK_PAUSE_S", 0.05)


async def fill_disk(chat: Chat) -> None:
    def fill(stores: Any) -> None:
        (pages,) = stores.people.db.execute("pragma page_count").fetchone()
        stores.people.db.execute(f"pragma max_page_count = {pages}")

    await chat.records.run(fill)


async def make_room(chat: Chat) -> None:
    await chat.records.run(
        lambda s: s.people.db.execute(f"pragma max_page_count = {AT_MOST_PAGES}")
    )


def writing(chat: Chat, text: str, *users: int) -> None:
    """Have users send a text, which Telegram keeps until it is told that we have it."""
    updates = [text_update(number, text, user_id) for number, user_id in enumerate(users, start=1)]

    async def give(call: Call) -> list[dict[str, Any]]:
        await asyncio.sleep(0.01)
        return [each for each in updates if each["update_id"] >= call.parameters.get("offset", 0)]

    chat.telegram.give = give


def said(chat: Chat) -> list[tuple[int, str]]:
    return [
        (call.parameters["chat_id"], call.parameters["text"])
        for call in chat.telegram.calls
        if call.method == "sendMessage"
    ]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


def told(story: Callable[[Chat], Awaitable[None]], folder: Path, *admitted: str) -> None:
    async def run(chat: Chat) -> None:
        await story(chat)

    guests = frozenset(admitted or "*")
    asyncio.run(with_chat(run, database=folder / "mirrortape.db", allowed_ids=guests))


def test_what_cannot_be_stored_waits_with_telegram(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(chat: Chat) -> None:
        writing(chat, "/help " + "please " * 500, ANNA, BEN, ANNA)
        await fill_disk(chat)
        async with chat.running():
            with caplog.at_level(logging.ERROR):
                await until(lambda: caplog.text.count("Telegram keeps them") > 3)
            assert said(chat) == [(ANNA, texts.DISK_FULL), (BEN, texts.DISK_FULL)]
            assert "updates cannot be stored (the disk is full)" in caplog.text
            assert await chat.records.run(lambda s: s.people.inbox.waiting()) == 0
            answer = await get(chat, "/healthz")
            assert (answer.status_code, answer.json()["disk"]) == (503, False)
            await make_room(chat)
            await until(lambda: len(said(chat)) == 5)
            assert sorted(user for user, _ in said(chat)[2:]) == [ANNA, ANNA, BEN]
            assert (await get(chat, "/healthz")).json()["disk"] is True

    told(story, tmp_path)


def test_what_was_stored_already_is_answered_once_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(chat: Chat) -> None:
        calls = chat.telegram.calls
        writing(chat, "/mood sad", ANNA)
        await fill_disk(chat)
        async with chat.running():
            with caplog.at_level(logging.ERROR):
                await until(lambda: caplog.text.count("the disk is full") > 5)
            assert [text for _, text in said(chat)] == [texts.STATUS_CHOOSING, texts.DISK_FULL]
            await make_room(chat)
            await until(lambda: any("20 tracks" in c.parameters.get("text", "") for c in calls))
            assert len(said(chat)) == 2  # the first of them shows the playlist now
        assert texts.APOLOGY not in str(said(chat))
        assert chat.services.metrics.updates_failed._value.get() == 0
        rows = await chat.records.run(lambda s: list(s.people.db.query("select * from playlists")))
        assert len(rows) == 1

    told(story, tmp_path)


def test_who_may_not_use_the_bot_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(chat: Chat) -> None:
        writing(chat, "/help " + "please " * 500, BEN, ANNA)
        await fill_disk(chat)
        async with chat.running():
            with caplog.at_level(logging.ERROR):
                await until(lambda: "Telegram keeps them" in caplog.text)
        assert said(chat) == [(ANNA, texts.DISK_FULL)]

    told(story, tmp_path, str(ANNA))


def test_of_what_does_not_fit_nothing_is_stored(tmp_path: Path) -> None:
    async def story(chat: Chat) -> None:
        await fill_disk(chat)
        stored = 0

        async def store_on() -> None:
            nonlocal stored
            while True:
                await chat.records.run(
                    lambda s: s.music.add_playlist(ANNA, PLAYLIST, "lift", None, "sad", NOW)
                )
                stored += 1

        with pytest.raises(DiskFull):
            await store_on()
        shown = await chat.records.run(lambda s: s.people.db.table("shown").count)
        assert shown == stored * TRACKS
        assert faults(tmp_path / "mirrortape.db") == []

    told(story, tmp_path)
