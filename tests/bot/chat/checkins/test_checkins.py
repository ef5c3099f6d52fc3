"""Check-ins come on time, once, through restarts, jumps of the clock and failures."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from telegram.error import TimedOut

from bot import texts
from bot.runtime.jobs import ASKING_EVERY
from bot.storage.schedules import GRACE
from tests.support.spotify.spotify_chat import run_job
from tests.support.telegram.chatting import AGREE, ANNA, BEN, Chat, with_chat
from tests.support.telegram.fake_telegram import Call

START = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # a Monday, 06:00 in Berlin
AT_0830 = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


class Killed(BaseException):
    """The end of the process."""


class Clock:
    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


async def plan(chat: Chat, words: str, zone: str = "Berlin", user_id: int = ANNA) -> None:
    await chat.press(AGREE, user_id)
    await chat.say(f"/schedule zone {zone}", user_id)
    await chat.say(f"/schedule {words}", user_id)


async def tick(chat: Chat) -> list[Call]:
    """Run the job once; return what it said."""
    before = len(chat.telegram.calls)
    await run_job(chat, "ask")
    return chat.telegram.calls[before:]


async def moments(chat: Chat, clock: Clock, until: datetime) -> list[str]:
    """Let time pass, with a tick every quarter of an hour; return when somebody was asked."""
    asked = []
    while clock.now < until:
        clock.now += timedelta(minutes=15)
        asked += [f"{clock.now:%d %H:%M}" for _ in await tick(chat)]
    return asked


def told(story: Callable[[Chat], Coroutine[Any, Any, None]], clock: Clock, **how: Any) -> None:
    asyncio.run(with_chat(story, clock=clock, **how))


def test_a_check_in_asks_for_a_selfie_at_the_users_time() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 weekdays")
        clock.now = AT_0830 - timedelta(seconds=1)
        assert await tick(chat) == []
        clock.now = AT_0830
        (asked,) = await tick(chat)
        assert asked.parameters["chat_id"] == ANNA
        assert asked.text == texts.check_in(8)
        assert asked.text.startswith("Good morning")
        assert asked.data("😢 sad") == "mood:sad"
        for _ in range(3):
            clock.now += ASKING_EVERY
            assert await tick(chat) == []

    told(story, clock)


def test_weekdays_leave_the_weekend_alone() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 weekdays")
        asked = await moments(chat, clock, START + timedelta(days=9))
        assert asked == [f"{day} 07:30" for day in (23, 24, 25, 26, 27, 30)] + [
            "01 07:30",
        ]

    told(story, clock)


@pytest.mark.parametrize(
    ("zone", "words", "begin", "expected"),
    [
        ("Berlin", "08:30", "2027-03-27", ["27 07:30", "28 06:30", "29 06:30"]),
        ("Berlin", "02:30", "2027-03-27", ["27 01:30", "28 01:30", "29 00:30"]),
        ("Berlin", "02:30", "2026-10-24", ["24 00:30", "25 00:30", "26 01:30"]),
        ("New York", "01:30", "2026-10-31", ["31 05:30", "01 05:30", "02 06:30"]),
        ("New York", "02:30", "2027-03-13", ["13 07:30", "14 07:30", "15 06:30"]),
        ("Kolkata", "08:30", "2027-03-27", ["27 03:00", "28 03:00", "29 03:00"]),
        ("Kathmandu", "08:30", "2027-03-27", ["27 02:45", "28 02:45", "29 02:45"]),
        ("Lord Howe", "02:15", "2026-10-02", ["02 15:45", "03 15:45", "04 15:15"]),
    ],
)
def test_on_days_when_the_clock_jumps_each_comes_once(
    zone: str, words: str, begin: str, expected: list[str]
) -> None:
    clock = Clock(datetime.fromisoformat(begin).replace(tzinfo=UTC))

    async def story(chat: Chat) -> None:
        await plan(chat, words, zone)
        assert await moments(chat, clock, clock.now + timedelta(days=3)) == expected

    told(story, clock)


def test_a_change_of_zone_moves_what_comes() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        assert await moments(chat, clock, START + timedelta(days=1)) == ["23 07:30"]
        await chat.say("/schedule zone New York")
        assert await moments(chat, clock, START + timedelta(days=3)) == ["24 13:30", "25 13:30"]
        await chat.say("/schedule zone Kolkata")
        assert await moments(chat, clock, START + timedelta(days=4)) == ["27 03:00"]

    told(story, clock)


def test_two_users_and_several_times_each_come_once() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 20:00 daily")
        await plan(chat, "08:30 daily", "New York", BEN)
        before = len(chat.telegram.calls)
        await moments(chat, clock, START + timedelta(days=1))
        asked = [call.parameters["chat_id"] for call in chat.telegram.calls[before:]]
        assert asked == [ANNA, BEN, ANNA]

    told(story, clock)


def test_through_ten_restarts_each_is_asked_once(tmp_path: Path) -> None:
    clock, asked = Clock(), []

    async def first(chat: Chat) -> None:
        await plan(chat, "08:30 12:00 20:00 daily")

    async def again(chat: Chat) -> None:
        asked.extend(await moments(chat, clock, clock.now + timedelta(hours=2, minutes=30)))

    told(first, clock, database=tmp_path / "mirrortape.db")
    for _ in range(10):
        told(again, clock, database=tmp_path / "mirrortape.db")
    assert clock.now == START + timedelta(hours=25)
    assert asked == ["23 07:30", "23 11:00", "23 19:00"]


def test_ten_restarts_around_its_moment_ask_once(tmp_path: Path) -> None:
    clock, asked = Clock(), []

    async def first(chat: Chat) -> None:
        await plan(chat, "08:30 daily")

    async def again(chat: Chat) -> None:
        clock.now += timedelta(seconds=6)
        asked.extend(await tick(chat))
        asked.extend(await tick(chat))

    told(first, clock, database=tmp_path / "mirrortape.db")
    clock.now = AT_0830 - timedelta(seconds=30)
    for _ in range(10):
        told(again, clock, database=tmp_path / "mirrortape.db")
    assert len(asked) == 1


def test_what_a_stop_missed_is_asked_late_within_the_grace_and_then_skipped() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        clock.now = AT_0830 + GRACE - timedelta(seconds=1)
        assert len(await tick(chat)) == 1
        clock.now = AT_0830 + timedelta(days=1) + GRACE
        assert await tick(chat) == []
        # Down for three days: of all that was missed, the last alone is still welcome.
        clock.now = AT_0830 + timedelta(days=4, minutes=15)
        assert len(await tick(chat)) == 1
        assert await moments(chat, clock, AT_0830 + timedelta(days=5)) == ["28 07:30"]

    told(story, clock)


def test_two_that_were_missed_together_are_one_message() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 08:45 daily")
        clock.now = AT_0830 + timedelta(minutes=20)
        assert len(await tick(chat)) == 1
        clock.now += ASKING_EVERY
        assert await tick(chat) == []

    told(story, clock)


def test_killed_in_the_middle_of_sending_costs_at_most_one_double(tmp_path: Path) -> None:
    clock, asked = Clock(), []

    async def first(chat: Chat) -> None:
        await plan(chat, "08:30 daily")

    async def killed(chat: Chat) -> None:
        clock.now += ASKING_EVERY
        chat.telegram.after_sending = Killed()
        with suppress(Killed):
            await tick(chat)
        asked.extend(chat.telegram.calls)

    database = tmp_path / "mirrortape.db"
    told(first, clock, database=database)
    clock.now = AT_0830
    for number in (1, 2, 2, 2):
        told(killed, clock, database=database)
        assert len(asked) == number


def test_kills_while_others_are_asked_cost_nobody_their_message(tmp_path: Path) -> None:
    clock, asked = Clock(), []
    database = tmp_path / "mirrortape.db"

    async def first(chat: Chat) -> None:
        for user_id in (ANNA, BEN):
            await plan(chat, "08:30 daily", user_id=user_id)

    async def killed(chat: Chat) -> None:
        chat.telegram.after_sending = Killed()
        with suppress(Killed):
            await tick(chat)

    async def at_last(chat: Chat) -> None:
        asked.extend(await tick(chat))

    told(first, clock, database=database)
    clock.now = AT_0830
    for _ in range(2):
        told(killed, clock, database=database)
    told(at_last, clock, database=database)
    assert [call.parameters["chat_id"] for call in asked] == [BEN]


def test_a_lost_answer_costs_at_most_one_double_too() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        clock.now, chat.telegram.after_sending = AT_0830, TimedOut()
        asked = [len(await tick(chat)) for _ in range(4)]
        assert asked == [1, 1, 0, 0]
        chat.telegram.after_sending = None
        assert await moments(chat, clock, AT_0830 + timedelta(days=1)) == ["24 07:30"]

    told(story, clock)


def test_who_blocked_the_bot_is_asked_no_more() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 20:00 daily")
        await plan(chat, "08:30 daily", user_id=BEN)
        chat.telegram.blocked_by.add(ANNA)
        clock.now = AT_0830
        assert [call.parameters["chat_id"] for call in await tick(chat)] == [BEN]
        chat.telegram.blocked_by.clear()
        (shown,) = await chat.say("/schedule")
        assert shown.text == texts.NO_CHECK_INS
        clock.now += timedelta(days=1)
        assert [call.parameters["chat_id"] for call in await tick(chat)] == [BEN]

    told(story, clock)


def test_who_is_gone_is_asked_no_more() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        clock.now, chat.telegram.refusals["sendMessage"] = AT_0830, "Bad Request: chat not found"
        await tick(chat)
        chat.telegram.refusals.clear()
        assert await moments(chat, clock, AT_0830 + timedelta(days=1)) == []

    told(story, clock)


def test_what_telegram_could_not_take_is_sent_once_it_can() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        clock.now, chat.telegram.is_down = AT_0830, True
        for _ in range(20):
            assert await tick(chat) == []
            clock.now += ASKING_EVERY
        chat.telegram.is_down = False
        assert len(await tick(chat)) == 1
        assert await tick(chat) == []

    told(story, clock)


def test_what_telegram_could_not_take_for_too_long_is_skipped() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        clock.now, chat.telegram.is_down = AT_0830, True
        assert await tick(chat) == []
        clock.now, chat.telegram.is_down = AT_0830 + GRACE, False
        assert await tick(chat) == []

    told(story, clock)


def test_without_consent_nobody_is_asked_until_they_agree_again() -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        await chat.press("withdraw")
        assert await moments(chat, clock, START + timedelta(days=1)) == []
        await chat.press(AGREE)
        assert await moments(chat, clock, START + timedelta(days=2)) == ["24 07:30"]

    told(story, clock)


@pytest.mark.parametrize("words", ["/schedule off", "forget:yes"])
def test_after_the_end_nobody_is_asked(words: str) -> None:
    clock = Clock()

    async def story(chat: Chat) -> None:
        await plan(chat, "08:30 daily")
        await (chat.say(words) if words.startswith("/") else chat.press(words))
        assert await moments(chat, clock, START + timedelta(days=1)) == []

    told(story, clock)


@pytest.mark.parametrize(
    ("hour", "greeting"),
    [(4, "Hello"), (5, "Good morning"), (12, "Hello"), (18, "Good evening"), (23, "Hello")],
)
def test_the_greeting_fits_the_users_hour(hour: int, greeting: str) -> None:
    assert texts.check_in(hour).startswith(f"{greeting}!")
