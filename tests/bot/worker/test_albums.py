"""Albums whose handling fails, at whatever step: none of their photos is lost, or answered twice.

The end of each story is compared with that of one in which nothing failed.
"""

import asyncio
import itertools
from collections import Counter
from typing import Any

import pytest

from bot import texts
from bot.updates import inbox
from bot.worker import albums
from recommender.storage.database import DiskFull
from tests.support.telegram.chatting import AGREE, ANNA, BEN, JPEG, Chat, with_chat
from tests.support.telegram.failing import Failing
from tests.support.telegram.fake_telegram import Call
from tests.support.telegram.updates import all_handled

UPDATES = range(500, 503)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "SETTLE_S", 0.03)
    monkeypatch.setattr(inbox, "PAUSES_S", (0.02,))
    monkeypatch.setattr(inbox, "DISK_PAUSE_S", 0.02)
    monkeypatch.setattr("bot.runtime.serving.GRACE_S", 0.1)


def album(chat: Chat, *update_ids: int, user_id: int = ANNA) -> list[dict[str, Any]]:
    """Return the updates of an album, one for each photo."""
    return [
        {
            "update_id": update_id,
            "message": chat.written(
                {"photo": [chat.file(JPEG + bytes([n]))], "media_group_id": "a"}, user_id
            )
            | {"message_id": 2000 + update_id},
        }
        for n, update_id in enumerate(update_ids)
    ]


async def end_of(chat: Chat) -> dict[str, Any]:
    """Return what is stored in the end, and what the user sees."""

    def look_up(stores: Any) -> dict[str, Any]:
        count = {
            table: stores.people.db.table(table).count
            for table in ("readings", "playlists", "shown", "shown_messages")
        }
        inbox_rows = stores.people.db.query("select update_id, handled_utc, done from inbox")
        return count | {"inbox": list(inbox_rows)}

    told_to_wait = {texts.DISK_FULL}
    visible = [message for message in seen(chat) if message not in told_to_wait]
    return await chat.records.run(look_up) | {"seen": visible}


def seen(chat: Chat) -> list[str]:
    """Return the kinds of the messages that stand in the chat in the end."""
    messages: dict[int, str] = {}
    numbers = itertools.count(1)
    for call in chat.telegram.calls:
        if call.method.startswith("send") and call.method != "sendChatAction":
            messages[next(numbers)] = _kind(call)
        elif call.method.startswith("edit"):
            messages[call.parameters["message_id"]] = _kind(call)
        elif call.method == "deleteMessage":
            messages.pop(call.parameters["message_id"], None)
    return sorted(messages.values())


def _kind(call: Call) -> str:
    if call.method == "editMessageMedia":
        return "picture"
    return "playlist" if "20 tracks" in call.text else call.text


async def handle(chat: Chat, *update_ids: int, user_id: int = ANNA) -> None:
    """Have an album handled by the inbox."""
    chat.telegram.updates = album(chat, *update_ids, user_id=user_id)
    async with chat.running():
        await all_handled(chat, len(UPDATES))


def undisturbed() -> dict[str, Any]:
    """Return how it ends where nothing fails."""
    ends = []

    async def story(chat: Chat) -> None:
        await chat.press(AGREE)
        chat.telegram.calls.clear()
        await handle(chat, *UPDATES)
        ends.append(await end_of(chat))

    asyncio.run(with_chat(story))
    assert ends[0]["seen"] == ["picture", "playlist"]
    return ends[0]


async def handled_in_spite_of(chat: Chat, failing: Failing) -> None:
    """Have the album handled; where it hangs, by a bot that is started anew."""
    async with chat.running():
        handled = asyncio.create_task(all_handled(chat, len(UPDATES)))
        failed = asyncio.create_task(failing.failed.wait())
        await asyncio.wait([handled, failed], return_when=asyncio.FIRST_COMPLETED)
        if failing.hangs and failing.failed.is_set():
            handled.cancel()
        else:
            await handled
        failed.cancel()
    async with chat.running():
        await all_handled(chat, len(UPDATES))


async def test_an_album_whose_reading_fails_once_is_answered_once(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.telegram.calls.clear()
    explain = chat.worker.explain

    async def fail(*_: Any) -> Any:
        chat.worker.explain = explain
        raise RuntimeError("a passing fault")

    chat.worker.explain = fail
    await handle(chat, *UPDATES)
    assert chat.worker.photos == [JPEG + bytes([n]) for n in range(3)]
    assert seen(chat) == ["picture", "playlist"]


async def test_an_album_that_cannot_be_handled_is_apologised_for_once(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.telegram.calls.clear()

    async def fail(*_: Any) -> Any:
        raise RuntimeError("a lasting fault")

    chat.worker.explain = fail
    await handle(chat, *UPDATES)
    assert seen(chat).count(texts.APOLOGY) == 1
    rows = await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))
    assert [row["payload"] for row in rows] == [None] * len(UPDATES)


FAULTS = {
    "error": lambda chat, at: Failing(chat, at, RuntimeError("a fault")),
    "error after": lambda chat, at: Failing(chat, at, RuntimeError("a fault"), after=True),
    "full disk": lambda chat, at: Failing(chat, at, DiskFull("the disk is full")),
    "stop": lambda chat, at: Failing(chat, at, None),
    "stop after": lambda chat, at: Failing(chat, at, None, after=True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_at_whatever_step_it_fails_an_album_ends_as_if_nothing_had(fault: str) -> None:
    expected = undisturbed()
    stored = {name: value for name, value in expected.items() if name != "seen"}
    for at in itertools.count():
        ends: list[tuple[dict[str, Any], bool]] = []

        async def story(chat: Chat, at: int = at, ends: Any = ends) -> None:
            await chat.press(AGREE)
            chat.telegram.calls.clear()
            failing = FAULTS[fault](chat, at)
            chat.telegram.updates = album(chat, *UPDATES)
            await handled_in_spite_of(chat, failing)
            ends.append((await end_of(chat), failing.failed.is_set()))

        asyncio.run(with_chat(story))
        ((end, has_failed),) = ends
        shown, expected_to_be_shown = Counter(end.pop("seen")), Counter(expected["seen"])
        assert end == stored, f"failed at step {at}"
        assert not expected_to_be_shown - shown, f"failed at step {at}"
        # Telegram took a message, and nothing could note that: it may stand there twice.
        assert (shown - expected_to_be_shown).total() <= 1, f"failed at step {at}"
        if not has_failed:
            break
    assert at > 20


async def test_two_who_share_a_group_are_answered_apart(chat: Chat) -> None:
    for user_id in (ANNA, BEN):
        await chat.press(AGREE, user_id)
    chat.telegram.calls.clear()
    chat.telegram.updates = album(chat, 500, 501) + album(chat, 600, 601, user_id=BEN)
    async with chat.running():
        await all_handled(chat, 4)
    for user_id in (ANNA, BEN):
        kinds = [
            call.method
            for call in chat.telegram.calls
            if call.parameters.get("chat_id") == user_id
        ]
        assert kinds.count("editMessageMedia") == 1
    readings = await chat.records.run(
        lambda s: list(s.people.db.query("select user_id from readings order by user_id"))
    )
    assert [row["user_id"] for row in readings] == [ANNA, BEN]
