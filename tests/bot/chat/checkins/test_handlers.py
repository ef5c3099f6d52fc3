"""/schedule as a user meets it: times, the question for the zone, and buttons to remove."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import texts
from bot.storage.schedules import MOST_PER_USER
from tests.support.telegram.chatting import AGREE, ANNA, BEN, NOW, Chat, chatting, with_chat
from tests.support.telegram.fake_telegram import Call
from tests.support.telegram.other_messages import ROME

IN_BERLIN = ["• 08:30 weekdays"]


def lines(call: Call) -> list[str]:
    return [line for line in call.text.splitlines() if line.startswith("•")]


def labels(call: Call) -> list[str]:
    return [button["text"] for button in call.buttons]


async def settle_in_berlin(chat: Chat, words: str = "/schedule 08:30 weekdays") -> None:
    await chat.press(AGREE)
    await chat.say("/schedule zone Berlin")
    await chat.say(words)


async def test_a_first_check_in_asks_for_the_zone_and_begins_with_the_answer(chat: Chat) -> None:
    await chat.press(AGREE)
    noted, asked = await chat.say("/schedule 08:30 weekdays")
    assert lines(noted) == IN_BERLIN
    assert texts.ZONE_MISSING in noted.text
    assert asked.text == texts.ASK_ZONE
    (row,) = asked.parameters["reply_markup"]["keyboard"]
    assert row == [{"text": texts.SEND_LOCATION, "request_location": True}]

    told, overview = await chat.say("Berlin")

    assert told.text == texts.ZONE_NOTED.format(clock="Berlin (13:00)")
    assert told.parameters["reply_markup"] == {"remove_keyboard": True}
    # NOW is a Friday, past 08:30.
    assert "Berlin (13:00)" in overview.text
    assert "on Mon, 23 Nov at 08:30" in overview.text


async def test_a_location_offers_the_clocks_near_it_and_is_not_kept(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.say("/schedule 20:00")
    thanks, asked = await chat.message(ROME)
    assert thanks.text == texts.LOOKED_AT_LOCATION
    assert thanks.parameters["reply_markup"] == {"remove_keyboard": True}
    assert labels(asked)[0] == "13:00 · Rome"

    *_, overview = await chat.press(asked.data("13:00 · Rome"))

    assert "today at 20:00" in overview.text
    dump = await chat.records.run(lambda s: "\n".join(s.people.db.conn.iterdump()))
    assert "Europe/Rome" in dump
    assert "41.9" not in dump


async def test_a_location_that_nobody_asked_for_changes_nothing(chat: Chat) -> None:
    await settle_in_berlin(chat)
    (answer,) = await chat.message(ROME)
    assert answer.text == texts.NOT_A_PHOTO["location"]
    assert await rows(chat, "zones") == [
        {"user_id": ANNA, "zone": "Europe/Berlin", "asked_utc": None}
    ]


async def test_a_country_with_several_clocks_asks_which(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.say("/schedule 20:00")
    (asked,) = await chat.say("USA")
    assert labels(asked)[:2] == ["07:00 · New York", "06:00 · Chicago"]
    removed, told, overview = (
        call
        for call in await chat.press(asked.data("06:00 · Chicago"))
        if call.method != "answerCallbackQuery"
    )
    assert removed.method == "deleteMessage"
    assert "Chicago (06:00)" in told.text
    assert "today at 20:00" in overview.text


async def test_an_unknown_place_is_asked_for_again_and_other_words_are_left_alone() -> None:
    times = [NOW]

    async with chatting(clock=lambda: times[0]) as chat:
        await chat.press(AGREE)
        (before,) = await chat.say("Berlin")
        assert before.text == texts.NOT_A_PHOTO["text"]
        await chat.say("/schedule 20:00")
        (answer,) = await chat.say("Atlantis")
        assert answer.text == texts.UNKNOWN_PLACE
        times[0] = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)
        (answer,) = await chat.say("Atlantis")
        assert answer.text == texts.NOT_A_PHOTO["text"]
        told, _ = await chat.say("Berlin")  # a place is taken however late
        assert "Berlin (13:10)" in told.text
        (after,) = await chat.say("Paris")
        assert after.text == texts.NOT_A_PHOTO["text"]


async def test_a_mood_in_words_is_no_answer_to_the_question_for_the_zone(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.say("/schedule 20:00")
    *_, answer = await chat.say("I feel sad")
    assert "20 tracks" in answer.text


@pytest.mark.parametrize("by_location", [True, False])
def test_the_story_goes_on_after_a_restart_at_any_point(
    tmp_path: Path, *, by_location: bool
) -> None:
    buttons: dict[str, str] = {}

    async def begin(chat: Chat) -> None:
        await chat.press(AGREE)
        noted, _ = await chat.say("/schedule 08:30 20:00")
        buttons["remove"] = noted.data("✕ 08:30 daily")

    async def answer(chat: Chat) -> None:
        asked = (await chat.message(ROME) if by_location else await chat.say("Italy"))[-1]
        if by_location:
            buttons["rome"] = asked.data("13:00 · Rome")

    async def choose(chat: Chat) -> None:
        if by_location:
            await chat.press(buttons["rome"])
        (shown,) = await chat.say("/schedule")
        assert "Rome (13:00). The next one comes today at 20:00" in shown.text

    async def remove(chat: Chat) -> None:
        _, edit = await chat.press(buttons["remove"])
        assert lines(edit) == ["• 20:00 daily"]

    for part in (begin, answer, choose, remove):
        asyncio.run(with_chat(part, database=tmp_path / "mirrortape.db"))


async def test_cancel_ends_the_question_for_the_zone_and_no_check_in(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.say("/schedule 08:30")
    (unknown,) = await chat.say("Atlantis")
    assert "/cancel" in unknown.text
    (answer,) = await chat.say("/cancel")
    assert answer.text == texts.CANCELLED
    assert answer.parameters["reply_markup"] == {"remove_keyboard": True}
    (mood,) = await chat.say("Atlantis")
    assert mood.text == texts.NOT_A_PHOTO["text"]
    planned = await chat.records.run(lambda s: s.schedules.load(ANNA))
    assert len(planned.check_ins) == 1


async def test_off_stops_everything_the_question_included(chat: Chat) -> None:
    await chat.press(AGREE)
    (nothing,) = await chat.say("/schedule off")
    assert nothing.text == texts.NO_SCHEDULE
    await chat.say("/schedule 08:30 20:00 daily")
    (done,) = await chat.say("/schedule OFF")
    assert done.text == texts.SCHEDULE_OFF
    assert done.parameters["reply_markup"] == {"remove_keyboard": True}
    assert await rows(chat, "check_ins") == []
    (answer,) = await chat.say("Berlin")
    assert answer.text == texts.NOT_A_PHOTO["text"]


async def test_several_check_ins_are_listed_with_buttons_to_remove_each(chat: Chat) -> None:
    await settle_in_berlin(chat, "/schedule 08:30 weekdays 10:00 weekends")
    await chat.say("/schedule 8:30 PM mon,wed,fri")
    (shown,) = await chat.say("/schedule")
    assert lines(shown) == ["• 08:30 weekdays", "• 10:00 weekends", "• 20:30 Mon, Wed, Fri"]
    toast, edit = await chat.press(shown.data("✕ 10:00 weekends"))
    assert toast.parameters["text"] == texts.CHECK_IN_REMOVED
    assert edit.method == "editMessageText"
    assert lines(edit) == ["• 08:30 weekdays", "• 20:30 Mon, Wed, Fri"]
    toast, _ = await chat.press(shown.data("✕ 10:00 weekends"))  # the old button, again
    assert toast.parameters["text"] == texts.GONE
    await chat.press(shown.data("✕ 08:30 weekdays"))
    *_, edit = await chat.press(shown.data("✕ 20:30 Mon, Wed, Fri"))
    assert edit.text == texts.NO_CHECK_INS


async def test_the_same_time_again_gets_further_days(chat: Chat) -> None:
    await settle_in_berlin(chat)
    (shown,) = await chat.say("/schedule 08:30 sat")
    assert lines(shown) == ["• 08:30 Mon, Tue, Wed, Thu, Fri, Sat"]
    assert "tomorrow at 08:30" in shown.text
    (shown,) = await chat.say("/schedule 08:30 sun")
    assert lines(shown) == ["• 08:30 daily"]


async def test_suggestions_are_taken_by_button(chat: Chat) -> None:
    await chat.press(AGREE)
    (offer,) = await chat.say("/schedule")
    assert labels(offer) == ["08:30 weekdays", "20:00 daily", "10:00 weekends"]
    _, noted, asked = await chat.press(offer.data("20:00 daily"))
    assert lines(noted) == ["• 20:00 daily"]
    assert asked.text == texts.ASK_ZONE


@pytest.mark.parametrize(("half", "time"), [("9 am", "09:00"), ("9 pm", "21:00")])
def test_an_hour_alone_is_asked_about_with_two_buttons(
    tmp_path: Path, half: str, time: str
) -> None:
    buttons: dict[str, str] = {}

    async def ask(chat: Chat) -> None:
        await settle_in_berlin(chat)
        noted, asked = await chat.say("/schedule 9 weekdays 18:30 sat")
        assert lines(noted) == ["• 08:30 weekdays", "• 18:30 Sat"]
        assert asked.text == "Do you mean 9 am, or 9 pm?"
        assert labels(asked) == ["9 am", "9 pm"]
        buttons[half] = asked.data(half)

    async def answer(chat: Chat) -> None:  # after a restart
        _, removed, noted = await chat.press(buttons[half])
        assert removed.method == "deleteMessage"
        assert f"• {time} weekdays" in lines(noted)
        await chat.press(buttons[half])  # once more, by an impatient finger
        (shown,) = await chat.say("/schedule")
        assert lines(shown) == lines(noted)

    for part in (ask, answer):
        asyncio.run(with_chat(part, database=tmp_path / "mirrortape.db"))


async def test_each_hour_alone_is_asked_about_and_noon_by_its_name(chat: Chat) -> None:
    await chat.press(AGREE)
    twelve, seven = await chat.say("/schedule 7 and 12")
    assert (labels(twelve), labels(seven)) == (["midnight", "noon"], ["7 am", "7 pm"])
    _, _, noted, zone = await chat.press(twelve.data("noon"))
    assert lines(noted) == ["• 12:00 daily"]
    assert zone.text == texts.ASK_ZONE


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("25:00", texts.NOT_A_TIME.format(word="25:00")),
        ("weekdays", texts.NO_TIME),
        ("8:30 <b>_*[x](y)", texts.NOT_A_TIME.format(word="&lt;b&gt;_*[x](y)")),
        ("x" * 4000, texts.NOT_A_TIME.format(word="x" * 40)),
    ],
)
async def test_wrong_words_are_answered_with_an_example_that_works(
    chat: Chat, words: str, answer: str
) -> None:
    await settle_in_berlin(chat)
    (told,) = await chat.say(f"/schedule {words}")
    assert told.text == f"{answer} {texts.SCHEDULE_USAGE}"
    for example in ("08:30 weekdays", "9 am 6:30 pm mon,wed,fri"):
        assert f"/schedule {example}" in told.text
        (shown,) = await chat.say(f"/schedule {example}")
        assert shown.text.startswith(texts.CHECK_INS)


async def test_there_is_an_end_to_how_many(chat: Chat) -> None:
    await settle_in_berlin(chat, "/schedule 08:30")
    many = " ".join(f"{hour}:00" for hour in range(MOST_PER_USER))
    (told,) = await chat.say(f"/schedule {many}")
    assert told.text == texts.TOO_MANY_CHECK_INS.format(most=MOST_PER_USER)
    (shown,) = await chat.say("/schedule")
    assert lines(shown) == ["• 08:30 daily"]


@pytest.mark.parametrize("words", ["/schedule 08:30", "/schedule zone Berlin", "/schedule zone"])
async def test_without_consent_nothing_is_kept(chat: Chat, words: str) -> None:
    first, asked = await chat.say(words)
    assert (first.text, asked.text) == (texts.CONSENT_FIRST, texts.ASK_CONSENT)
    for data in ("plan:510:01234", "half:540:01234", "zone:Europe/Berlin", "zone"):
        await chat.press(data)
    assert await rows(chat, "check_ins") == await rows(chat, "zones") == []


async def test_the_zone_changes_by_button_and_by_words(chat: Chat) -> None:
    await settle_in_berlin(chat)
    (shown,) = await chat.say("/schedule")
    _, asked = await chat.press(shown.data(texts.CHANGE_ZONE))
    assert asked.text == texts.ASK_ZONE
    told, overview = await chat.say("Kolkata")
    assert "Kolkata (17:30)" in told.text
    assert "Kolkata (17:30)" in overview.text
    (unknown,) = await chat.say("/schedule zone Atlantis")
    assert unknown.text == texts.UNKNOWN_PLACE
    told, overview = await chat.say("Rome")  # as that asked for
    assert "Rome (13:00)" in overview.text
    told, overview = await chat.say("/schedule timezone new york")
    assert "New York (07:00)" in overview.text
    assert "today at 08:30" in overview.text


async def test_the_settings_lead_to_the_zone(chat: Chat) -> None:
    await chat.press(AGREE)
    (settings,) = await chat.say("/settings")
    _, asked = await chat.press(settings.data(texts.ZONE_BUTTON))
    assert asked.text == texts.ASK_ZONE
    (told,) = await chat.say("Rome")
    assert told.text == texts.ZONE_NOTED.format(clock="Rome (13:00)")


@pytest.mark.parametrize("name", ["Factory", "../../etc/passwd", "Mars/Olympus"])
async def test_a_zone_that_there_is_not_is_on_no_button(chat: Chat, name: str) -> None:
    await chat.press(AGREE)
    (toast,) = await chat.press(f"zone:{name}")
    assert toast.parameters["text"] == texts.UNKNOWN_BUTTON


async def test_nobody_touches_the_check_ins_of_another(chat: Chat) -> None:
    await settle_in_berlin(chat)
    (shown,) = await chat.say("/schedule")
    toast, *_ = await chat.press(shown.data("✕ 08:30 weekdays"), BEN)
    assert toast.parameters["text"] == texts.GONE
    (shown,) = await chat.say("/schedule")
    assert lines(shown) == IN_BERLIN


async def test_forgetting_deletes_check_ins_and_zone(chat: Chat) -> None:
    await settle_in_berlin(chat)
    kept = [await rows(chat, table) for table in ("zones", "check_ins")]
    assert [len(each) for each in kept] == [1, 1]
    await chat.press("forget:yes")
    assert [await rows(chat, table) for table in ("zones", "check_ins")] == [[], []]


async def rows(chat: Chat, table: str) -> list[dict[str, Any]]:
    return await chat.records.run(lambda s: list(s.people.db.table(table).rows))
