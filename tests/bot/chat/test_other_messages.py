import asyncio

import pytest
from telegram import Bot

from bot import app, texts
from bot.chat.settings.handlers import Preferring
from tests.support.telegram.chatting import AGREE, ANNA, JPEG, Chat, chatting, with_chat
from tests.support.telegram.other_messages import MESSAGES


def test_every_kind_is_tried() -> None:
    assert set(MESSAGES) == set(texts.NOT_A_PHOTO) == {"text", *app.OTHER_MESSAGES}


@pytest.mark.parametrize("kind", MESSAGES)
async def test_each_kind_of_message_gets_its_own_answer_and_stores_nothing(
    chat: Chat, kind: str
) -> None:
    await chat.press(AGREE)
    (answer,) = await chat.message(MESSAGES[kind])
    assert answer.text == texts.NOT_A_PHOTO[kind]
    assert chat.worker.photos == []
    assert await chat.records.run(lambda s: s.music.last_playlist(ANNA)) is None


async def test_service_messages_are_nobodys_question(chat: Chat) -> None:
    assert await chat.message({"new_chat_title": "x"}) == []


async def test_a_stranger_is_told_whom_to_ask() -> None:
    async with chatting(allowed_ids=frozenset({str(ANNA)})) as chat:
        (answer,) = await chat.photo(user_id=4711)
        assert "4711" in answer.text
        assert chat.worker.photos == []
        assert await chat.say("/help", user_id=ANNA)


async def test_a_stranger_who_cannot_be_told_is_not_let_in() -> None:
    async with chatting(allowed_ids=frozenset({str(ANNA)})) as chat:
        chat.telegram.refusals["sendMessage"] = "Bad Request: chat not found"
        assert await chat.photo(user_id=4711) == []
        (toast,) = await chat.press(AGREE, user_id=4711)
        assert toast.method == "answerCallbackQuery"
        assert not await chat.records.run(lambda s: s.people.has_consent(4711))


async def test_a_group_that_the_bot_may_not_write_to_is_declined_all_the_same(chat: Chat) -> None:
    chat.telegram.refusals["sendMessage"] = "Bad Request: not enough rights"
    group = {"id": -5, "type": "group", "title": "Friends"}
    entities = [{"type": "bot_command", "offset": 0, "length": 7}]
    assert await chat.message({"text": "/export", "entities": entities}, chat=group) == []


async def test_groups_are_declined_kindly_and_their_chatter_ignored(chat: Chat) -> None:
    group = {"id": -5, "type": "group", "title": "Friends"}
    entities = [{"type": "bot_command", "offset": 0, "length": 5}]
    (answer,) = await chat.message({"text": "/help", "entities": entities}, chat=group)
    assert answer.text == texts.PRIVATE_CHATS_ONLY
    assert await chat.message({"text": "hi all"}, chat=group) == []


def test_what_no_handler_foresaw_is_logged_and_apologised_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(chat: Chat) -> None:
        await chat.press(AGREE)
        chat.worker.outcome = RuntimeError("a secret detail")
        *_, answer = await chat.photo()
        assert answer.text == texts.APOLOGY
        assert "secret" not in answer.text

    asyncio.run(with_chat(story))
    assert "an update could not be handled" in caplog.text


async def test_what_failed_in_one_group_is_not_answered_by_the_next(
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(self: Preferring, bot: Bot, user_id: int, text: str) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Preferring, "_years_typed", fail)

    await chat.press("ask:years")
    (answer,) = await chat.say("I am happy")
    assert answer.text == texts.APOLOGY
    chat.telegram.refusals["sendMessage"] = "Bad Request: chat not found"
    assert await chat.say("I am happy") == []


async def test_a_button_of_another_age_is_answered(chat: Chat) -> None:
    (toast,) = await chat.press("frobnicate:1")
    assert toast.parameters["text"] == texts.UNKNOWN_BUTTON


async def test_a_heic_that_does_not_say_what_it_is_is_still_a_photo(chat: Chat) -> None:
    await chat.press(AGREE)
    heic = {**chat.file(JPEG), "file_name": "IMG_1.HEIC", "mime_type": "application/x"}
    await chat.message({"document": heic})
    assert chat.worker.photos == [JPEG]
