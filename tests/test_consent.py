import asyncio
from collections.abc import Sequence

import pytest

from bot import texts
from bot.people import CONSENT_VERSION
from tests.chatting import AGREE, ANNA, JPEG, NOW, Chat, with_chat
from vision import Explanation


def test_no_photo_is_fetched_before_consent_and_the_waiting_one_is_read_after_it() -> None:
    async def story(chat: Chat) -> None:
        asked = await chat.photo(JPEG)
        assert [call.method for call in asked] == ["sendMessage"]
        assert asked[0].text == texts.ASK_CONSENT
        assert chat.worker.photos == []

        await chat.press(asked[0].data("Agree"))

        assert chat.worker.photos == [JPEG]
        assert await chat.records.run(lambda s: s.people.has_consent(ANNA))

    asyncio.run(with_chat(story))


def test_a_stop_while_the_waiting_photo_is_read_does_not_lose_it() -> None:
    async def story(chat: Chat) -> None:
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

    asyncio.run(with_chat(story))


def test_declining_reads_nothing_and_forgets_the_photo_that_waited() -> None:
    async def story(chat: Chat) -> None:
        (asked,) = await chat.photo()
        toast, edit = await chat.press(asked.data("No, thanks"))
        assert toast.method == "answerCallbackQuery"
        assert edit.text == texts.DECLINED

        await chat.press(AGREE)  # the old button, later

        assert chat.worker.photos == []

    asyncio.run(with_chat(story))


@pytest.mark.parametrize("text", [texts.WELCOME, texts.ASK_CONSENT])
def test_whatever_stands_above_agree_names_all_that_is_read(text: str) -> None:
    assert "AI" in text
    assert "photo or video" in text
    assert "/privacy" in text


def test_start_explains_then_asks_once() -> None:
    async def story(chat: Chat) -> None:
        (first,) = await chat.say("/start")
        assert first.text == texts.WELCOME
        assert first.text.count("\n") == 2  # three short lines
        await chat.press(first.data("Agree"))
        (again,) = await chat.say("/start")
        assert texts.ALREADY_AGREED in again.text

    asyncio.run(with_chat(story))


@pytest.mark.parametrize("data", ["agree", f"agree:{CONSENT_VERSION - 1}"])
def test_a_button_from_before_the_terms_changed_asks_anew(data: str) -> None:
    async def story(chat: Chat) -> None:
        await chat.photo()
        _, asked = await chat.press(data)
        assert asked.text == texts.ASK_CONSENT
        assert not await chat.records.run(lambda s: s.people.has_consent(ANNA))
        await chat.press(asked.data("Agree"))
        assert chat.worker.photos == [JPEG]  # which still waited

    asyncio.run(with_chat(story))


def test_an_outdated_consent_is_asked_for_again() -> None:
    async def story(chat: Chat) -> None:
        await chat.records.run(lambda s: s.people.agree(ANNA, NOW))
        await chat.records.run(
            lambda s: s.people.db.execute("update people set consent_version = 0")
        )
        (asked,) = await chat.photo()
        assert asked.text == texts.ASK_CONSENT

    asyncio.run(with_chat(story))
