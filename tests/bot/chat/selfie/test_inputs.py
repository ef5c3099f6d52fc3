"""All that a face or a mood can come in: albums, videos, stickers, several people, words."""

import asyncio
from typing import Any

import pytest

from bot import texts
from bot.chat.media import MAX_ALBUM_BYTES, Media
from bot.chat.mood_words import WEIGHT
from bot.storage.people import UNREAD
from bot.worker import albums
from tests.support.telegram.chatting import (
    AGREE,
    ANNA,
    BEN,
    JPEG,
    MP4,
    NOW,
    Chat,
    a_reading,
)
from tests.support.telegram.fake_telegram import Call
from vision import NoFaceFound, SeveralFaces
from vision.errors import DamagedVideo, FaceTooBlurred

TWO_PEOPLE = SeveralFaces(2, b"\xff\xd8 numbered")
WEBP = b"RIFF\x00\x00\x00\x00WEBP a sticker"


@pytest.fixture(autouse=True)
def _soon_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "SETTLE_S", 0.05)


def photos(chat: Chat, count: int, **more: Any) -> list[dict[str, Any]]:
    """Return the messages of an album of different photos."""
    return [{"photo": [chat.file(JPEG + bytes([n]))], **more} for n in range(count)]


def video(
    chat: Chat, kind: str = "video_note", content: bytes = MP4, **more: Any
) -> dict[str, Any]:
    """Return a message with a video."""
    shape = {"length": 384} if kind == "video_note" else {"width": 640, "height": 480}
    file = {**chat.file(content), **shape, "duration": 4, **more}
    return {kind: {name: value for name, value in file.items() if name in file}}


def sticker(chat: Chat) -> dict[str, Any]:
    kind = {"type": "regular", "is_animated": False, "is_video": False}
    return {"sticker": {**chat.file(WEBP), **kind}}


def picture_in(calls: list[Call]) -> Call:
    return next(call for call in calls if call.method == "editMessageMedia")


# -- albums --


async def test_of_an_album_the_clearest_is_read_once_and_said_to_be(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.clearest = 1
    calls = await chat.album(*photos(chat, 3))
    assert chat.worker.photos == [JPEG + bytes([n]) for n in range(3)]
    assert calls[0].text == texts.STATUS_ALBUM.format(count=3)
    assert texts.ALBUM_READ.format(count=3, number=2) in picture_in(calls).text
    assert [call.method for call in calls].count("editMessageMedia") == 1
    assert "20 tracks" in calls[-1].text


async def test_the_photos_of_an_album_keep_their_order_however_they_arrive(chat: Chat) -> None:
    await chat.press(AGREE)
    parts = [chat.written({**part, "media_group_id": "a"}) for part in photos(chat, 3)]
    await asyncio.gather(*(chat.process({"message": part}) for part in reversed(parts)))
    assert chat.worker.photos == [JPEG + bytes([n]) for n in range(3)]


async def test_a_message_of_an_album_that_comes_late_is_not_answered_again(chat: Chat) -> None:
    await chat.press(AGREE)
    first, second, late = photos(chat, 3, media_group_id="a")
    await asyncio.gather(chat.message(first), chat.message(second))
    assert await chat.message(late) == []
    assert len(chat.worker.photos) == 2


async def test_a_full_album_is_not_waited_for(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(albums, "SETTLE_S", 3600)

    await chat.press(AGREE)
    await asyncio.wait_for(chat.album(*photos(chat, 10)), 30)
    assert len(chat.worker.photos) == 10


async def test_an_album_that_cannot_be_read_says_what_came_nearest(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = FaceTooBlurred("…")
    *_, answer = await chat.album(*photos(chat, 2))
    why = texts.VISION_ERRORS[FaceTooBlurred]
    assert answer.text == texts.ALBUM_UNREADABLE.format(count=2, why=why)


async def test_the_videos_of_an_album_are_passed_over_unless_there_is_nothing_else(
    chat: Chat,
) -> None:
    await chat.press(AGREE)
    calls = await chat.album(*photos(chat, 1), video(chat, "video"))
    assert chat.worker.videos == []
    assert texts.VIDEOS_PASSED_OVER in picture_in(calls).text
    await chat.album(video(chat, "video"), video(chat, "video"))
    assert chat.worker.videos == [MP4]


@pytest.mark.parametrize("more", [{"duration": 300}, {"file_size": 90_000_000}])
async def test_a_video_that_is_passed_over_may_be_as_long_and_large_as_it_likes(
    chat: Chat,
    more: dict[str, int],
) -> None:
    await chat.press(AGREE)
    calls = await chat.album(*photos(chat, 2), video(chat, "video", **more))
    assert len(chat.worker.photos) == 2
    assert texts.VIDEOS_PASSED_OVER in picture_in(calls).text


async def test_an_album_of_files_beyond_what_memory_is_for_is_not_fetched(chat: Chat) -> None:
    await chat.press(AGREE)
    file = {**chat.file(JPEG), "mime_type": "image/jpeg", "file_size": MAX_ALBUM_BYTES // 4}
    (answer,) = await chat.album(*([{"document": file}] * 5))
    assert answer.text == texts.TOO_MUCH["album too big"]


async def test_a_whole_album_waits_for_consent(chat: Chat) -> None:
    (asked,) = await chat.album(*photos(chat, 3, caption="rough day"))
    assert asked.text == texts.ASK_CONSENT
    assert chat.worker.photos == []
    calls = await chat.press(asked.data("Agree"))
    assert chat.worker.photos == [JPEG + bytes([n]) for n in range(3)]
    assert "<i>rough</i> for sad" in picture_in(calls).text


async def test_what_waits_for_consent_is_sealed(chat: Chat) -> None:
    await chat.album(*photos(chat, 2, caption="rough day"))
    (row,) = await chat.records.run(lambda s: list(s.people.db.table("people").rows))
    for secret in ("file0", "rough"):
        assert secret not in row[UNREAD.column]


def test_what_waits_is_the_same_after_json() -> None:
    media = Media("album", ("a", "b"), (1, 2), "not happy,😢", passed_over=1, face=0)
    assert Media.from_json(media.to_json()) == media


async def test_an_album_that_a_stop_interrupts_is_gathered_again_at_the_next_start(
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its messages stand in the inbox until the whole album has been answered."""
    monkeypatch.setattr("bot.runtime.serving.GRACE_S", 0.1)

    await chat.press(AGREE)
    parts = photos(chat, 3, media_group_id="a")
    chat.telegram.updates = [
        {"update_id": 500 + n, "message": chat.written(part)} for n, part in enumerate(parts)
    ]
    monkeypatch.setattr(albums, "SETTLE_S", 3600)
    async with chat.running():
        async with asyncio.timeout(5):
            while len(await waiting(chat)) < 3:
                await asyncio.sleep(0.01)
    assert chat.worker.photos == []
    assert await waiting(chat) == [500, 501, 502]

    monkeypatch.setattr(albums, "SETTLE_S", 0.05)
    async with chat.running():
        async with asyncio.timeout(5):
            while await waiting(chat):
                await asyncio.sleep(0.01)
    assert chat.worker.photos == [JPEG + bytes([n]) for n in range(3)]


async def waiting(chat: Chat) -> list[int]:
    """Return which updates are not handled."""
    left = await chat.records.run(lambda s: s.people.inbox.unhandled(NOW))
    return [update.update_id for update in left]


# -- videos --


@pytest.mark.parametrize("kind", ["video_note", "video"])
async def test_a_short_video_is_read_and_its_moments_are_told(chat: Chat, kind: str) -> None:
    await chat.press(AGREE)
    calls = await chat.message(video(chat, kind))
    assert chat.worker.videos == [MP4]
    assert calls[0].text == texts.STATUS_VIDEO
    assert texts.VIDEO_READ.format(count=8) in picture_in(calls).text
    assert "20 tracks" in calls[-1].text


async def test_a_video_sent_as_a_file_is_read_too(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.message({"document": {**chat.file(MP4), "mime_type": "video/quicktime"}})
    assert chat.worker.videos == [MP4]


@pytest.mark.parametrize(
    ("more", "fault"),
    [({"duration": 61}, "video too long"), ({"file_size": 20_000_001}, "video too big")],
)
async def test_too_long_and_too_large_videos_are_told_apart_and_not_fetched(
    chat: Chat, more: dict[str, int], fault: Any
) -> None:
    await chat.press(AGREE)
    (answer,) = await chat.message(video(chat, "video", **more))
    assert answer.text == texts.TOO_MUCH[fault]
    assert chat.worker.videos == []


async def test_a_video_note_of_a_whole_minute_is_read(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.message(video(chat, duration=60))
    assert chat.worker.videos == [MP4]


async def test_what_only_says_that_it_is_a_video_never_reaches_the_worker(chat: Chat) -> None:
    await chat.press(AGREE)
    *_, answer = await chat.message(video(chat, content=b"#EXTM3U\n"))
    assert "can't open that kind of video" in answer.text
    assert chat.worker.videos == []


async def test_a_damaged_video_says_so(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = DamagedVideo("…")
    *_, answer = await chat.message(video(chat))
    assert answer.text == texts.VISION_ERRORS[DamagedVideo]


async def test_a_video_waits_for_consent_like_a_photo(chat: Chat) -> None:
    (asked,) = await chat.message(video(chat))
    assert chat.worker.videos == []
    await chat.press(asked.data("Agree"))
    assert chat.worker.videos == [MP4]


# -- stickers --


async def test_a_still_sticker_is_read_like_a_photo(chat: Chat) -> None:
    await chat.press(AGREE)
    calls = await chat.message(sticker(chat))
    assert chat.worker.photos == [WEBP]
    assert "You look" in picture_in(calls).text


async def test_a_sticker_without_a_face_gets_its_own_words(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = NoFaceFound("…")
    *_, answer = await chat.message(sticker(chat))
    assert answer.text == texts.STICKER_WITHOUT_FACE


# -- several people --


async def test_of_several_people_one_is_chosen_by_a_button(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = TWO_PEOPLE
    photo = chat.written({"photo": [chat.file(JPEG)]})
    *_, removed, question = await chat.process({"message": photo})
    assert removed.method == "deleteMessage"  # the status
    assert question.method == "sendPhoto"
    assert question.text == texts.WHOSE_MOOD.format(count=2)
    assert question.parameters["reply_parameters"]["message_id"] == photo["message_id"]
    assert [b["text"] for b in question.buttons] == ["1", "2"]
    assert await chat.records.run(lambda s: s.music.last_reading(ANNA)) is None

    calls = await chat.press(question.data("2"), reply_to=photo)

    assert chat.worker.faces == [None, 1]
    assert chat.worker.photos == [JPEG, JPEG]
    assert "You look" in picture_in(calls).text
    assert "20 tracks" in calls[-1].text


async def test_the_question_replies_to_the_clearest_photo_of_an_album(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome, chat.worker.clearest = TWO_PEOPLE, 2
    parts = [chat.written({**part, "media_group_id": "a"}) for part in photos(chat, 3)]
    await asyncio.gather(*(chat.process({"message": part}) for part in parts))
    question = chat.telegram.calls[-1]
    assert texts.ALBUM_READ.format(count=3, number=3) in question.text
    assert question.parameters["reply_parameters"]["message_id"] == parts[2]["message_id"]


async def test_another_person_can_be_chosen_later_also_by_a_new_process(chat: Chat) -> None:
    await chat.press(AGREE)
    photo = chat.written({"photo": [chat.file(JPEG)]})
    for number in ("0", "1"):  # all that the buttons need is in the chat
        await chat.press(f"face:{number}", reply_to=photo)
    assert chat.worker.faces == [0, 1]


async def test_a_photo_that_left_the_chat_must_be_sent_again(chat: Chat) -> None:
    await chat.press(AGREE)
    _, answer = await chat.press("face:0")
    assert answer.text == texts.PHOTO_GONE
    _, answer = await chat.press("face:0", reply_to=chat.written({"text": "hello"}))
    assert answer.text == texts.PHOTO_GONE


async def test_a_face_is_not_read_after_the_consent_was_taken_back(chat: Chat) -> None:
    photo = chat.written({"photo": [chat.file(JPEG)]})
    _, asked = await chat.press("face:1", reply_to=photo)
    assert asked.text == texts.ASK_CONSENT
    assert chat.worker.photos == []
    await chat.press(asked.data("Agree"))
    assert chat.worker.faces == [1]


# -- words --


async def test_the_words_of_a_caption_multiply_the_reading_and_are_told(chat: Chat) -> None:
    await chat.press(AGREE)
    read = {"neutral": 0.5, "sad": 0.3}
    rest = dict.fromkeys(("angry", "disgust", "fear", "happy", "surprise"), 0.04)
    chat.worker.outcome = a_reading(probabilities=read | rest)
    calls = await chat.message({"photo": [chat.file(JPEG)], "caption": "rough day"})
    caption = picture_in(calls).text
    assert "You look <b>sad</b> (56 %)" in caption  # 3 × 0.3 / (3 × 0.3 + 0.7)
    assert "I counted your words: <i>rough</i> for sad." in caption
    assert "From the photo alone: neutral (50 %)." in caption
    stored = await chat.records.run(lambda s: s.music.last_reading(ANNA))
    assert stored is not None
    assert stored.probabilities["neutral"] == 0.5  # what was read stays as it was
    assert stored.weighed["sad"] == pytest.approx(0.9 / 1.6)
    assert stored.evidence[4] == pytest.approx(WEIGHT)
    assert stored.emotion == "sad"
    assert "Sad · Match" in calls[-1].text


async def test_a_sure_reading_stands_against_one_word(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = a_reading("happy", 0.8)
    calls = await chat.message({"photo": [chat.file(JPEG)], "caption": "lonely"})
    assert "You look <b>happy</b>" in picture_in(calls).text
    assert "From the photo alone: happy (80 %)." in picture_in(calls).text
    assert texts.LOOKED_CLEARLY.format(emotion="happy") in picture_in(calls).text


@pytest.mark.parametrize(
    ("emotion", "confidence", "caption", "told"),
    [
        ("neutral", 0.9, "rough day", "The photo looked clearly neutral, so they move"),
        ("sad", 0.9, "rough day", "They say what the photo says."),
        ("neutral", 0.3, "sad and lonely", "They made the difference: sad."),
        ("happy", 0.4, "not sad", "The photo still looked more happy"),
    ],
)
async def test_it_is_told_what_the_words_of_a_caption_did(
    chat: Chat, emotion: str, confidence: float, caption: str, told: str
) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = a_reading(emotion, confidence)
    calls = await chat.message({"photo": [chat.file(JPEG)], "caption": caption})
    assert told in picture_in(calls).text


async def test_a_caption_without_a_mood_changes_nothing_and_says_nothing(chat: Chat) -> None:
    await chat.press(AGREE)
    calls = await chat.message({"photo": [chat.file(JPEG)], "caption": "me <b>and</b> Rex"})
    assert "counted" not in picture_in(calls).text
    stored = await chat.records.run(lambda s: s.music.last_reading(ANNA))
    assert stored is not None
    assert stored.evidence == ()


async def test_words_and_earlier_answers_are_weighed_together(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = a_reading("neutral", 0.4)
    await chat.photo()
    await chat.press("correct:1:sad")
    calls = await chat.message({"photo": [chat.file(JPEG)], "caption": "sad and lonely"})
    assert "I counted your words: <i>sad</i>, <i>lonely</i> for sad." in (picture_in(calls).text)
    assert "Adjusted by your earlier answer. From the photo" in picture_in(calls).text


async def test_the_caption_counts_for_whoever_is_chosen_of_several(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = TWO_PEOPLE
    photo = chat.written({"photo": [chat.file(JPEG)], "caption": "we are not happy 😢"})
    *_, question = await chat.process({"message": photo})
    calls = await chat.press(question.data("1"), reply_to=photo)
    told = "<i>not happy</i> against happy, <i>😢</i> for sad"
    assert f"I counted your words: {told}." in picture_in(calls).text


async def test_more_words_than_a_button_holds_are_cut_not_refused(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = TWO_PEOPLE
    words = "melancholy depressed frightened heartbroken astonished not overjoyed"
    *_, question = await chat.message({"photo": [chat.file(JPEG)], "caption": words})
    data = [button["callback_data"] for button in question.buttons]
    assert data[0] == "face:0:melancholy,depressed,frightened,heartbroken,astonished"
    assert all(len(each.encode()) <= 64 for each in data)


async def test_a_mood_can_be_said_in_plain_words(chat: Chat) -> None:
    heard, status, playlist = await chat.say("feeling kind of down today")
    assert heard.text == (
        "I counted your words: <i>down</i> for sad. So here is music for <b>sad</b>; "
        "/mood chooses another."
    )
    assert status.text == texts.STATUS_CHOOSING
    assert "Sad · Match" in playlist.text


@pytest.mark.parametrize(
    ("words", "told", "title"),
    [
        (
            "joyful",
            "<i>joyful</i> for happy. So here is music for <b>happy</b>;",
            "Happy · Match",
        ),
        (
            "tired",
            "<i>tired</i> for calm. So here is music for <b>neutral</b>, in",
            "Neutral · Calm",
        ),
        (
            "sad calm",
            "<i>sad</i>, <i>calm</i>. So here is music for <b>sad</b>, in",
            "Sad · Calm",
        ),
        ("calm", "<i>calm</i>. So here is music for <b>neutral</b>, in", "Neutral · Calm"),
        ("I'm sad, cheer me up", "<i>sad</i>, <i>cheer</i> for lift.", "Sad · Lift"),
        (
            "a bit angry",
            "<i>angry</i>. So here is music for a bit <b>angry</b>;",
            "Angry · Match",
        ),
    ],
)
@pytest.mark.parametrize("before", ["/mood ", ""])
async def test_mood_and_plain_words_are_read_alike(
    chat: Chat, before: str, words: str, told: str, title: str
) -> None:
    heard, *_, playlist = await chat.say(before + words)
    assert told in heard.text
    assert title in playlist.text


async def test_a_word_of_many_meanings_is_a_mood_where_one_is_asked_for(chat: Chat) -> None:
    assert "Sad · Match" in (await chat.say("/mood down"))[-1].text
    (asked,) = await chat.say("turn it down")
    assert asked.text == texts.NOT_A_PHOTO["text"]
    (asked,) = await chat.say("/mood happy and nervous")
    assert asked.text.endswith("Which mood is it?")
    (asked,) = await chat.say("/mood purple")
    assert asked.text == texts.UNKNOWN_MOOD


async def test_words_that_name_two_moods_are_asked_about(chat: Chat) -> None:
    (asked,) = await chat.say("happy and nervous")
    assert asked.text == (
        "I counted your words: <i>happy</i>, <i>nervous</i> for fear. Which mood is it?"
    )
    assert len(asked.buttons) == 7


@pytest.mark.parametrize("text", ["hello there", "sad " * 40, "<b>_*[x](y)"])
async def test_words_that_name_none_are_answered_as_ever(chat: Chat, text: str) -> None:
    (asked,) = await chat.say(text)
    assert asked.text == texts.NOT_A_PHOTO["text"]
    assert len(asked.buttons) == 7
    assert await chat.records.run(lambda s: s.music.last_playlist(ANNA)) is None


# -- one after the other --


async def test_an_album_is_one_of_the_two_that_may_wait(chat: Chat) -> None:
    is_free = asyncio.Event()
    explain = chat.worker.explain

    async def when_free(*given: Any) -> Any:
        await is_free.wait()
        return await explain(*given)

    chat.worker.explain = when_free
    await chat.press(AGREE)
    await chat.press(AGREE, BEN)
    first = asyncio.create_task(chat.album(*photos(chat, 3)))
    second = asyncio.create_task(chat.photo())
    await asyncio.sleep(0.3)
    (told,) = await chat.message(video(chat))
    assert told.text == texts.STILL_READING
    others = asyncio.create_task(chat.photo(user_id=BEN))
    is_free.set()
    await asyncio.gather(first, second, others)
    assert len(chat.worker.photos) == 5
