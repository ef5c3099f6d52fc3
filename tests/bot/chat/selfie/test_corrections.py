"""A listener's answers adjust their later readings, nobody else's, until they take that back."""

import json

from bot import texts
from bot.chat.selfie import messages
from bot.storage.records import Stores
from recommender.listeners.saved import StoredReading
from recommender.mood.targets import plan
from tests.support.telegram.chatting import AGREE, ANNA, BEN, NOW, Chat, a_reading
from tests.support.telegram.fake_telegram import Call

DOUBTFUL = a_reading(
    probabilities={
        "angry": 0.02,
        "disgust": 0.01,
        "fear": 0.02,
        "happy": 0.02,
        "sad": 0.37,
        "surprise": 0.02,
        "neutral": 0.54,
    }
)
ENOUGH = 12
"""Corrections that make the doubtful reading a sad one."""


async def teach(chat: Chat, times: int = ENOUGH) -> None:
    """Let Anna have said as often, earlier, that the doubtful reading is sad; then send it."""

    def say_so(stores: Stores) -> None:
        stores.people.agree(ANNA, NOW)
        for _ in range(times):
            reading_id = stores.music.add_reading(ANNA, DOUBTFUL.probabilities, "haar", NOW)
            stores.music.correct_reading(reading_id, ANNA, "sad")

    await chat.records.run(say_so)
    chat.worker.outcome = DOUBTFUL


async def newest(chat: Chat, user_id: int = ANNA) -> StoredReading:
    reading = await chat.records.run(lambda s: s.music.last_reading(user_id))
    assert reading is not None
    return reading


def picture_of(calls: list[Call]) -> Call:
    return next(call for call in calls if call.method == "editMessageMedia")


async def test_the_first_reading_is_the_networks_own(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = DOUBTFUL
    picture = picture_of(await chat.photo())
    assert picture.text == "You look <b>neutral</b> (54 %) 😐 My best guess."
    assert (await newest(chat)).shift == ()


async def test_after_corrections_caption_and_playlist_follow(chat: Chat) -> None:
    await chat.press(AGREE)
    chat.worker.outcome = DOUBTFUL
    for _ in range(ENOUGH):
        await chat.photo()
        await chat.press(f"correct:{(await newest(chat)).id}:sad")
    calls = await chat.photo()
    first, second = picture_of(calls).text.split("\n")
    assert first.startswith("You look <b>sad</b> (")
    assert second == ("Adjusted by your earlier 12 answers. From the photo alone: neutral (54 %).")
    assert "Sad · Match" in calls[-1].text
    (wanted,) = plan((await newest(chat)).weighed, "match", 1)
    target = await chat.records.run(first_target)
    assert target == {"valence": wanted.valence, "energy": wanted.energy}


def first_target(stores: Stores) -> dict[str, float]:
    """Return what Anna's newest playlist was made for, as it was logged."""
    saved = stores.music.last_playlist(ANNA)
    assert saved is not None
    rows = stores.music.db.query(
        "select target from shown where playlist_id = ? and position = 0", [saved.id]
    )
    return json.loads(next(iter(rows))["target"])


async def test_what_was_shown_is_what_right_confirms_and_other_modes_use(chat: Chat) -> None:
    await teach(chat)
    picture = picture_of(await chat.photo())
    shown = await newest(chat)
    assert shown.emotion == "sad"
    assert shown.probabilities == DOUBTFUL.probabilities  # nothing feeds back

    await chat.press("correct:1:happy")  # later answers leave it as it was
    assert (await newest(chat)).mood == shown.mood
    *_, playlist = await chat.press(picture.data("Lift"))
    assert "Sad · Lift" in playlist.text

    await chat.press(picture.data("Right"))
    assert (await newest(chat)).corrected == "sad"


async def test_an_unsure_reading_becomes_a_claim_and_the_other_way_round(chat: Chat) -> None:
    await teach(chat)
    unsure = DOUBTFUL.probabilities | {"sad": 0.45, "neutral": 0.46}
    chat.worker.outcome = a_reading(probabilities=unsure)
    calls = await chat.photo()
    assert "You look <b>sad</b>" in picture_of(calls).text
    assert "From the photo alone: neutral (46 %)" in picture_of(calls).text

    claimed = DOUBTFUL.probabilities | {"sad": 0.2, "neutral": 0.5, "happy": 0.23}
    chat.worker.outcome = a_reading(probabilities=claimed)
    calls = await chat.photo()
    assert picture_of(calls) is calls[-1]  # no playlist until it is told
    assert calls[-1].text.startswith("I'm not sure: ")
    assert "From the photo alone: neutral (50 %)" in calls[-1].text


async def test_another_user_is_read_as_before(chat: Chat) -> None:
    await teach(chat)
    await chat.press(AGREE, BEN)
    calls = await chat.photo(user_id=BEN)
    assert picture_of(calls).text == "You look <b>neutral</b> (54 %) 😐 My best guess."
    assert "Neutral · Match" in calls[-1].text


async def test_forgetting_the_corrections_brings_the_networks_reading_back(chat: Chat) -> None:
    await teach(chat)
    (privacy,) = await chat.say("/privacy")
    before = await newest(chat)

    _, kept, told = await chat.press(privacy.data(texts.RESET))

    assert told.text == texts.WAS_RESET
    assert [button["text"] for button in kept.buttons] == [texts.WITHDRAW]
    assert (
        picture_of(await chat.photo()).text == "You look <b>neutral</b> (54 %) 😐 My best guess."
    )
    assert await reading(chat, before.id) == before  # what was told stays as it was
    (privacy,) = await chat.say("/privacy")
    assert texts.RESET not in [button["text"] for button in privacy.buttons]


async def test_answers_after_a_reset_count_again_and_older_ones_do_not(chat: Chat) -> None:
    await teach(chat)
    await chat.press("reset")
    await teach(chat, 1)
    await chat.press("correct:1:happy")  # about a reading from before
    await chat.photo()
    after = await newest(chat)
    assert after.answers == 1
    assert after.emotion == "neutral"
    assert after.weighed["sad"] > DOUBTFUL.probabilities["sad"]


async def test_an_old_reset_button_of_a_forgotten_user_stores_nothing(chat: Chat) -> None:
    await teach(chat, 2)
    await chat.press("reset")
    await teach(chat, 2)
    assert await rows(chat) == {"mood_shifts": 2, "shift_resets": 1}
    await chat.press("forget:yes")
    assert await rows(chat) == {"mood_shifts": 0, "shift_resets": 0}
    *_, told = await chat.press("reset")
    assert told.text == texts.NOTHING_TO_RESET
    assert await rows(chat) == {"mood_shifts": 0, "shift_resets": 0}


async def test_privacy_offers_only_what_can_be_taken_back(chat: Chat) -> None:
    (privacy,) = await chat.say("/privacy")
    assert privacy.buttons == []
    await teach(chat, 1)
    (privacy,) = await chat.say("/privacy")
    assert [b["text"] for b in privacy.buttons] == [texts.RESET, texts.WITHDRAW]
    await chat.press("withdraw")
    (privacy,) = await chat.say("/privacy")
    assert [b["text"] for b in privacy.buttons] == [texts.RESET]


def test_nothing_is_said_where_the_picture_shows_the_same() -> None:
    hardly = DOUBTFUL.probabilities | {"sad": 0.368, "neutral": 0.542}
    assert "picture" not in messages.reading_caption(DOUBTFUL, hardly, 1)
    a_little = DOUBTFUL.probabilities | {"sad": 0.36, "neutral": 0.55}
    assert "Adjusted by your earlier answer." in messages.reading_caption(DOUBTFUL, a_little, 1)


async def reading(chat: Chat, reading_id: int) -> StoredReading:
    return await chat.records.run(lambda s: s.music.reading(reading_id, ANNA))


async def rows(chat: Chat) -> dict[str, int]:
    def count(stores: Stores) -> dict[str, int]:
        tables = ("mood_shifts", "shift_resets")
        return {name: stores.music.db.table(name).count for name in tables}

    return await chat.records.run(count)
