import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from telegram import Bot
from telegram.error import NetworkError, RetryAfter, TimedOut

from bot import texts
from bot.chat.media import Media
from bot.chat.selfie import handlers as selfies
from bot.chat.selfie import messages
from bot.current_update import Handling, being
from bot.sending import retry
from bot.worker import readings
from bot.worker.photo_queue import AT_ONCE, PhotoQueue
from bot.worker.process import WorkerFailed
from tests.support.telegram.chatting import (
    AGREE,
    ANNA,
    BEN,
    JPEG,
    Chat,
    FakeWorker,
    a_reading,
    chatting,
)
from tests.support.telegram.fake_telegram import Call
from vision import Explanation, SeveralFaces, VisionError
from vision import errors as vision_errors

PHOTO_ERRORS = [kind for kind in texts.VISION_ERRORS if "Weights" not in kind.__name__]


async def test_a_photo_becomes_a_picture_with_buttons_and_a_playlist(chat: Chat) -> None:
    await chat.press(AGREE)
    calls = await chat.photo(JPEG)
    assert [call.method for call in calls] == [
        "sendMessage",  # the status ...
        "getFile",
        "editMessageMedia",  # ... which becomes the picture
        "sendMessage",
        "editMessageText",
    ]
    assert chat.worker.photos == [JPEG]
    status, _, picture, _, playlist = calls
    assert status.text == texts.STATUS_READING
    assert "You look <b>happy</b> (72 %)" in picture.text
    labels = [button["text"] for button in picture.buttons]
    assert labels == ["Right", "Not quite", "• Match •", "Lift", "Calm"]
    assert "20 tracks" in playlist.text
    assert "(invented)" in playlist.text


async def test_an_unsure_reading_asks_and_makes_no_playlist_until_it_is_told(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = a_reading("fear", messages.SURE_FROM - 0.01)
    calls = await chat.photo()
    picture = calls[-1]
    assert picture.method == "editMessageMedia"
    assert picture.text.startswith("I'm not sure")
    assert len(picture.buttons) == 7

    answered = await chat.press(picture.data("😢 sad"))

    assert "You say: <b>sad</b>" in answered[1].text
    assert "Sad · Match" in answered[-1].text


async def test_a_corrected_emotion_rewrites_the_playlist_in_its_own_message(chat: Chat) -> None:
    await chat.press(AGREE)
    *_, picture, _, playlist = await chat.photo()
    _, asked = await chat.press(picture.data("Not quite"))
    assert asked.method == "editMessageReplyMarkup"

    *_, rewritten = await chat.press(asked.data("😠 angry"))

    assert "Angry · Match" in rewritten.text
    assert rewritten.parameters["message_id"] == playlist.parameters["message_id"]


async def test_right_settles_the_question(chat: Chat) -> None:
    await chat.press(AGREE)
    *_, picture, _, _ = await chat.photo()
    toast, edit = await chat.press(picture.data("Right"))
    assert toast.parameters["text"] == texts.CONFIRMED
    assert [button["text"] for button in edit.buttons] == ["• Match •", "Lift", "Calm"]


@pytest.mark.parametrize("verb", ["right:1", "correct:1:sad", "mode:1:lift"])
async def test_nobody_presses_the_buttons_of_another(chat: Chat, verb: str) -> None:
    await chat.press(AGREE)
    await chat.photo()
    (toast,) = await chat.press(verb, BEN)
    assert toast.parameters["text"] == texts.GONE


@pytest.mark.parametrize("kind", PHOTO_ERRORS)
async def test_each_kind_of_bad_photo_gets_its_own_answer_and_nothing_is_stored(
    chat: Chat,
    kind: type[VisionError],
) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = kind("…")
    *_, answer = await chat.photo()
    assert answer.method == "editMessageText"
    assert answer.text == texts.VISION_ERRORS[kind]
    assert await chat.records.run(lambda s: s.music.last_reading(ANNA)) is None


def test_every_vision_error_has_a_sentence_of_its_own() -> None:
    kinds = [
        kind
        for kind in vars(vision_errors).values()
        if isinstance(kind, type) and issubclass(kind, VisionError) and not kind.__subclasses__()
    ]
    sentences = [texts.explain_error(kind("…")) for kind in kinds]
    assert len(set(sentences)) == len(kinds) > 8


async def test_a_lost_worker_is_apologised_for(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = WorkerFailed("gone")
    *_, answer = await chat.photo()
    assert answer.text == texts.WORKER_FAILED


def test_several_faces_and_estimated_eyes_are_said() -> None:
    reading = a_reading(faces=3, eyes_found="estimated")
    caption = messages.reading_caption(reading)
    assert "3 faces" in caption
    assert "estimated" in caption
    assert "3 faces" not in messages.reading_caption(a_reading(faces=3, is_chosen=True))


async def test_an_image_document_is_a_photo_too_but_not_over_20_mb(chat: Chat) -> None:
    await chat.press(AGREE)
    small = {**chat.file(JPEG), "mime_type": "image/heic", "file_name": "a.heic"}
    await chat.message({"document": small})
    large = {**small, "file_size": 20_000_001}
    (answer,) = await chat.message({"document": large})
    assert chat.worker.photos == [JPEG]
    assert answer.text == texts.TOO_MUCH["file too big"]


async def test_cancel_stops_the_reading_and_takes_its_status_away(chat: Chat) -> None:
    class SlowWorker:
        async def explain(self, photos: Sequence[bytes], face: int | None) -> None:
            started.set()
            await asyncio.Event().wait()

    started = asyncio.Event()

    await chat.press(AGREE)
    chat.worker.explain = SlowWorker().explain
    reading = asyncio.create_task(chat.photo())
    await started.wait()
    (answer,) = await chat.say("/cancel")
    assert answer.text == texts.CANCELLED
    await reading
    assert chat.telegram.calls[-1].method == "deleteMessage"
    (answer,) = await chat.say("/cancel")
    assert answer.text == texts.NOTHING_TO_CANCEL


class BusyWorker(FakeWorker):
    """Reads nothing until it is free."""

    def __init__(self) -> None:
        super().__init__()
        self.is_free = asyncio.Event()

    async def explain(
        self, photos: Sequence[bytes], face: int | None = None
    ) -> Explanation | SeveralFaces:
        await self.is_free.wait()
        return await super().explain(photos, face)


def said(chat: Chat, user_id: int) -> list[str]:
    """Return what the bot wrote in texts and edits to a user."""
    kinds = ("sendMessage", "editMessageText")
    return [
        call.text
        for call in chat.telegram.calls
        if call.method in kinds and call.parameters["chat_id"] == user_id
    ]


async def test_a_flood_of_photos_is_asked_to_wait_once(chat: Chat) -> None:
    await chat.press(AGREE)
    busy = BusyWorker()
    chat.worker.explain = busy.explain
    flood = [asyncio.create_task(chat.photo()) for _ in range(5)]
    await asyncio.wait(flood[2:])  # the first two wait for the worker
    assert said(chat, ANNA).count(texts.STILL_READING) == 1
    busy.is_free.set()
    await asyncio.gather(*flood)
    assert len(busy.photos) == 2


async def test_the_next_update_does_not_wait_for_the_word_that_a_photo_is_too_many(
    chat: Chat,
) -> None:
    await chat.press(AGREE)
    busy = BusyWorker()
    chat.worker.explain = busy.explain
    two = [asyncio.create_task(chat.photo()) for _ in range(2)]
    async with asyncio.timeout(10):
        while said(chat, ANNA).count(texts.STATUS_READING) < 2:
            await asyncio.sleep(0.01)
    told: list[str] = []
    third = Handling(7, lambda: told.append("next"), is_last_try=False, done={})

    async def hear(call: Call) -> None:
        told.append(call.text)

    chat.telegram.before = hear
    with being(third):
        await chat.photo()
    chat.telegram.before = None
    assert told == ["next", texts.STILL_READING]
    busy.is_free.set()
    await asyncio.gather(*two)


async def test_a_photo_counts_until_it_is_answered(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: object) -> None:
        await is_sent.wait()

    is_sent = asyncio.Event()
    monkeypatch.setattr(selfies, "show_picture", slow)

    await chat.press(AGREE)
    two = [asyncio.create_task(chat.photo()) for _ in range(2)]
    async with asyncio.timeout(10):
        while len(chat.worker.photos) < 2:
            await asyncio.sleep(0.01)
    assert [call.text for call in await chat.photo()] == [texts.STILL_READING]
    is_sent.set()
    await asyncio.gather(*two)
    assert "20 tracks" in (await chat.photo())[-1].text


async def crowded(chat: Chat, people: range) -> list[asyncio.Task[list[Call]]]:
    """Let people agree and send a photo each, one after the other."""
    sent = []
    for user_id in people:
        await chat.press(AGREE, user_id)
        sent.append(asyncio.create_task(chat.photo(user_id=user_id)))
        await asyncio.sleep(0.01)
    return sent


async def test_who_waits_is_told_which_number_they_are(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "ANNOUNCE_AFTER_S", 0.05)
    monkeypatch.setattr(readings, "ANNOUNCE_EVERY_S", 0.05)

    busy = BusyWorker()
    chat.worker.explain = busy.explain
    last = AT_ONCE + 3
    sent = await crowded(chat, range(1, last + 1))
    third, second = (texts.STATUS_WAITING.format(number=number) for number in (3, 2))
    await heard(chat, last, third)
    await chat.say("/cancel", last - 1)
    await heard(chat, last, second)
    assert said(chat, last)[-3:] == [texts.STATUS_READING, third, second]
    assert said(chat, 1)[-1] == texts.STATUS_READING
    busy.is_free.set()
    await asyncio.gather(*sent)
    assert len(busy.photos) == last - 1
    assert "20 tracks" in said(chat, last)[-1]


async def heard(chat: Chat, user_id: int, text: str) -> None:
    async with asyncio.timeout(10):
        while text not in said(chat, user_id):
            await asyncio.sleep(0.01)


async def test_a_full_queue_is_told_and_room_in_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readings, "PhotoQueue", partial(PhotoQueue, limit=2))
    async with chatting() as chat:
        busy = BusyWorker()
        chat.worker.explain = busy.explain
        sent = await crowded(chat, range(1, AT_ONCE + 4))
        refused = await sent.pop()
        assert [call.text for call in refused] == [texts.STATUS_READING, texts.QUEUE_FULL]
        sample = chat.services.metrics.registry.get_sample_value
        assert sample("mirrortape_photos_waiting") == 2
        busy.is_free.set()
        await asyncio.gather(*sent)
        assert sample("mirrortape_photos_waiting") == 0
        assert len(busy.photos) == AT_ONCE + 2


async def test_a_file_that_telegram_does_not_hand_out_holds_up_nobody(
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readings, "FETCH_TIMEOUT_S", 0.1)

    async def never(bot: Bot, media: Media) -> list[bytes]:
        await asyncio.Event().wait()
        raise AssertionError

    await chat.press(AGREE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selfies, "fetch", never)
        *_, answer = await chat.photo()
    assert answer.text == texts.FETCH_FAILED
    assert "20 tracks" in (await chat.photo())[-1].text


async def test_the_mode_chosen_stays_when_the_emotion_is_corrected(chat: Chat) -> None:
    await chat.press(AGREE)
    *_, picture, _, _ = await chat.photo()
    await chat.press(picture.data("Calm"))
    _, caption, *_, playlist = await chat.press("correct:1:angry")
    assert "• Calm •" in [button["text"] for button in caption.buttons]
    assert "Angry · Calm" in playlist.text
    _, keyboard, *_ = await chat.press(picture.data("Lift"))
    assert [b["text"] for b in keyboard.buttons] == ["Match", "• Lift •", "Calm"]


async def test_messages_that_the_user_deleted_are_sent_anew(chat: Chat) -> None:
    await chat.press(AGREE)
    gone = "Bad Request: message to edit not found"
    chat.telegram.refusals = {"editMessageMedia": gone, "editMessageText": gone}
    calls = await chat.photo()
    assert [call.method for call in calls if call.method == "sendPhoto"] == ["sendPhoto"]
    assert "20 tracks" in calls[-1].text
    assert calls[-1].method == "sendMessage"


async def test_a_photo_that_cannot_be_fetched_leaves_no_status_behind(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.telegram.refusals = {"getFile": "Bad Request: wrong file_id"}
    *_, removed, apology = await chat.photo()
    assert removed.method == "deleteMessage"
    assert apology.text == texts.APOLOGY


async def test_not_quite_has_a_way_back(chat: Chat) -> None:
    await chat.press(AGREE)
    *_, picture, _, _ = await chat.photo()
    _, asked = await chat.press(picture.data("Not quite"))
    _, again = await chat.press(asked.data("‹ Back"))
    assert again.buttons == picture.buttons


async def test_a_photo_that_telegram_cannot_hand_out_now_is_read_later(
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.02)

    await chat.press(AGREE)
    failures = [NetworkError("Bad Gateway"), RetryAfter(1), TimedOut()]

    async def fail(call: Call) -> None:
        if call.method == "getFile" and failures:
            raise failures.pop(0)

    chat.telegram.before = fail
    with being(Handling(7, lambda: None, is_last_try=True, done={})):
        assert "20 tracks" in (await chat.photo())[-1].text
    assert chat.worker.photos == [JPEG]
