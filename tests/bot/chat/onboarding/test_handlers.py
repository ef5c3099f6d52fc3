import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bot import texts
from bot.storage.people import CONSENT_VERSION
from bot.updates import inbox
from recommender.storage.database import DiskFull
from tests.support.telegram.chatting import AGREE, ANNA, JPEG, NOW, Chat
from vision import Explanation


async def test_no_photo_is_fetched_before_consent_and_the_waiting_one_is_read_after_it(
    chat: Chat,
) -> None:
    asked = await chat.photo(JPEG)
    assert [call.method for call in asked] == ["sendMessage"]
    assert asked[0].text == texts.ASK_CONSENT
    assert chat.worker.photos == []

    await chat.press(asked[0].data("Agree"))

    assert chat.worker.photos == [JPEG]
    assert await chat.records.run(lambda s: s.people.has_consent(ANNA))


async def test_a_stop_while_the_waiting_photo_is_read_does_not_lose_it(chat: Chat) -> None:
    started = asyncio.Event()

    async def read_for_ever(photos: Sequence[bytes], face: int | None) -> Explanation:
        started.set()
        await asyncio.sleep(3600)
        raise AssertionError

    explain, chat.worker.explain = chat.worker.explain, read_for_ever
    (asked,) = await chat.photo(JPEG)
    agreeing = asyncio.create_task(chat.press(asked.data("Agree")))
    await started.wait()
    assert [call.method for call in await chat.press(AGREE)] == ["answerCallbackQuery"]
    agreeing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await agreeing

    chat.worker.explain = explain
    await chat.press(AGREE)  # as the inbox hands it out again at the next start
    await chat.press(AGREE)

    assert chat.worker.photos == [JPEG]


async def test_declining_reads_nothing_and_forgets_the_photo_that_waited(chat: Chat) -> None:
    (asked,) = await chat.photo()
    toast, edit = await chat.press(asked.data("No, thanks"))
    assert toast.method == "answerCallbackQuery"
    assert edit.text == texts.DECLINED

    await chat.press(AGREE)  # the old button, later

    assert chat.worker.photos == []


@pytest.mark.parametrize("text", [texts.WELCOME, texts.ASK_CONSENT])
def test_whatever_stands_above_agree_names_all_that_is_read(text: str) -> None:
    assert "AI" in text
    assert "photo or video" in text
    assert "/privacy" in text


async def test_start_explains_then_asks_once(chat: Chat) -> None:
    (first,) = await chat.say("/start")
    assert first.text == texts.WELCOME
    assert first.text.count("\n") == 2  # three short lines
    await chat.press(first.data("Agree"))
    (again,) = await chat.say("/start")
    assert texts.ALREADY_AGREED in again.text


@pytest.mark.parametrize("data", ["agree", f"agree:{CONSENT_VERSION - 1}"])
async def test_a_button_from_before_the_terms_changed_asks_anew(chat: Chat, data: str) -> None:
    await chat.photo()
    _, asked = await chat.press(data)
    assert asked.text == texts.ASK_CONSENT
    assert not await chat.records.run(lambda s: s.people.has_consent(ANNA))
    await chat.press(asked.data("Agree"))
    assert chat.worker.photos == [JPEG]  # which still waited


async def test_an_outdated_consent_is_asked_for_again(chat: Chat) -> None:
    await chat.records.run(lambda s: s.people.agree(ANNA, NOW))
    await chat.records.run(lambda s: s.people.db.execute("update people set consent_version = 0"))
    (asked,) = await chat.photo()
    assert asked.text == texts.ASK_CONSENT


def agree_pressed(update_id: int) -> dict[str, Any]:
    """Return the update of a pressed *Agree*."""
    user = {"id": ANNA, "is_bot": False, "first_name": "A"}
    chat = {"id": ANNA, "type": "private", "first_name": "A"}
    message = {"message_id": 77, "date": 1_700_000_000, "chat": chat, "text": "…"}
    query = {"id": "1", "chat_instance": "1", "data": AGREE, "from": user, "message": message}
    return {"update_id": update_id, "callback_query": query}


async def press_in_spite_of(chat: Chat, *faults: Exception) -> list[str]:
    """Have *Agree* pressed while reading fails so often; return what was said since then."""
    left, explain = list(faults), chat.worker.explain

    async def fail_first(photos: Sequence[bytes], face: int | None = None) -> Any:
        if left:
            raise left.pop(0)
        return await explain(photos, face)

    chat.worker.explain = fail_first
    before = len(chat.telegram.calls)
    chat.telegram.updates = [agree_pressed(500)]
    async with chat.running():
        async with asyncio.timeout(10):
            while not await is_handled(chat, 500):
                await asyncio.sleep(0.01)
    return [call.text for call in chat.telegram.calls[before:] if call.method == "sendMessage"]


async def is_handled(chat: Chat, update_id: int) -> bool:
    return await chat.records.run(
        lambda s: bool(
            s.people.db.table("inbox").count_where(
                "update_id = ? and handled_utc is not null", [update_id]
            )
        )
    )


async def what_waits(chat: Chat) -> Any:
    (row,) = await chat.records.run(lambda s: list(s.people.db.table("people").rows))
    return row["waiting"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PAUSES_S", (0.02,))
    monkeypatch.setattr(inbox, "DISK_PAUSE_S", 0.02)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "faults",
    [
        [RuntimeError("a fault")],
        [RuntimeError("a fault"), RuntimeError("another")],
        [DiskFull("the disk is full")] * 5,
    ],
)
async def test_a_photo_that_waited_outlives_failures_right_after_agree(
    chat: Chat, faults: list[Exception]
) -> None:
    await chat.photo(JPEG)
    said = await press_in_spite_of(chat, *faults)
    assert chat.worker.photos == [JPEG]
    assert texts.APOLOGY not in said
    assert await what_waits(chat) is None


@pytest.mark.usefixtures("hasty")
async def test_a_photo_that_cannot_be_read_at_all_is_apologised_for_and_waits_no_longer(
    chat: Chat,
) -> None:
    await chat.photo(JPEG)
    said = await press_in_spite_of(chat, *[RuntimeError("a fault")] * 99)
    assert said.count(texts.APOLOGY) == 1
    assert await what_waits(chat) is None


@pytest.mark.usefixtures("hasty")
async def test_what_began_to_wait_meanwhile_is_not_dropped(chat: Chat) -> None:
    await chat.photo(JPEG)
    explain = chat.worker.explain

    async def change_their_mind(photos: Sequence[bytes], face: int | None = None) -> Any:
        chat.worker.explain = explain
        await chat.records.run(lambda s: s.people.withdraw(ANNA))
        await chat.photo(JPEG + b"another")
        return await explain(photos, face)

    chat.worker.explain = change_their_mind
    await chat.press(AGREE)
    assert await what_waits(chat) is not None
