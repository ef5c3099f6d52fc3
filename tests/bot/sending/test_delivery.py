"""What becomes of a request when Telegram fails, asks for patience, or is not heard again."""

import asyncio
import time
from collections import Counter

import pytest
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TimedOut

from bot.chat.replies import edit, say
from bot.current_update import Handling, being
from bot.sending import delivery
from bot.sending.delivery import Undelivered
from bot.storage.inbox_table import NewUpdate
from tests.support.telegram.chatting import ANNA, BEN, NOW, Chat
from tests.support.telegram.fake_telegram import Call, Failing


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.02)


def an_update(**done: int) -> Handling:
    return Handling(7, lambda: None, is_last_try=True, done=done)


@pytest.mark.timed
async def test_a_failing_telegram_is_asked_again_with_longer_and_longer_pauses(chat: Chat) -> None:
    chat.telegram.before = failing = Failing(ANNA, *[NetworkError("Bad Gateway")] * 4)
    with being(an_update()):
        await say(chat.application.bot, ANNA, "hello")
    pauses_s = [b - a for a, b in zip(failing.came_s, failing.came_s[1:], strict=False)]
    for pause_s, least_s in zip(pauses_s, (0.02, 0.04, 0.08, 0.16), strict=True):
        assert least_s <= pause_s + 0.002 < least_s + 0.2
    assert len(chat.telegram.calls) == 1


@pytest.mark.timed
async def test_the_chat_concerned_waits_as_long_as_told_and_no_other(chat: Chat) -> None:
    bot, start_s = chat.application.bot, time.monotonic()
    chat.telegram.before = failing = Failing(ANNA, RetryAfter(1))
    with being(an_update()):
        first = asyncio.create_task(say(bot, ANNA, "hello"))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(edit(bot, ANNA, 5, "hello again"))
        await say(bot, BEN, "hello")
        assert time.monotonic() - start_s < 0.5
        await asyncio.gather(first, second)
    told_s, *later_s = failing.came_s
    assert len(later_s) == 2
    assert all(came_s - told_s >= 1.0 for came_s in later_s)


async def test_a_job_is_told_at_once_and_keeps_nobody_waiting(chat: Chat) -> None:
    bot = chat.application.bot
    chat.telegram.before = failing = Failing(ANNA, RetryAfter(60), NetworkError("Bad Gateway"))
    with pytest.raises(RetryAfter):
        await say(bot, ANNA, "hello")
    with pytest.raises(RetryAfter):  # without asking Telegram again
        await say(bot, ANNA, "hello")
    assert len(failing.came_s) == 1
    chat.telegram.before = Failing(BEN, NetworkError("Bad Gateway"))
    with pytest.raises(NetworkError):
        await say(bot, BEN, "hello")


async def test_a_message_whose_answer_is_lost_is_at_most_doubled(chat: Chat) -> None:
    chat.telegram.after_sending = TimedOut()
    with being(an_update()), pytest.raises(Undelivered):
        await say(chat.application.bot, ANNA, "hello")
    assert len(chat.telegram.calls) == 2


async def test_whoever_got_no_answer_that_could_be_sent_is_told_of_it_without_another_try(
    chat: Chat,
) -> None:
    lost: Counter[str] = Counter()

    async def lose(call: Call) -> None:
        if call.method == "sendMessage" and lost["help"] < 2:
            lost["help"] += 1
            raise TimedOut

    chat.telegram.before = lose
    with being(Handling(7, lambda: None, is_last_try=False, done={})):
        (apology,) = await chat.say("/help")
    assert apology.text.startswith("Sorry")


@pytest.mark.parametrize("refusal", [BadRequest("chat not found"), Forbidden("blocked")])
async def test_a_refusal_is_no_reason_to_ask_again(chat: Chat, refusal: Exception) -> None:
    chat.telegram.before = failing = Failing(ANNA, refusal)
    with being(an_update()), pytest.raises(type(refusal)):
        await say(chat.application.bot, ANNA, "hello")
    assert len(failing.came_s) == 1


async def test_whoever_blocks_the_bot_is_asked_no_more(chat: Chat) -> None:
    await chat.press("agree:2")
    await chat.say("/schedule 08:30")
    assert (await chat.records.run(lambda s: s.schedules.load(ANNA))).check_ins
    chat.telegram.blocked_by.add(ANNA)
    assert await chat.say("/help") == []
    assert not (await chat.records.run(lambda s: s.schedules.load(ANNA))).check_ins


async def test_what_an_earlier_try_sent_is_not_sent_again(chat: Chat) -> None:
    await put_in(chat, 7)
    bot = chat.application.bot

    async def talk() -> list[int]:
        messages = [await say(bot, ANNA, text) for text in ("one", "two", "one")]
        return [message.message_id for message in messages]

    with being(an_update()):
        ids = await talk()
    assert len(set(ids)) == 3
    begun = await chat.records.run(lambda s: s.people.inbox.begin(7))
    assert begun is not None
    chat.telegram.calls.clear()
    with being(an_update(**begun.done)):
        assert await talk() == ids
        assert chat.telegram.calls == []
        await say(bot, ANNA, "one")  # a third time
    assert len(chat.telegram.calls) == 1


async def put_in(chat: Chat, update_id: int) -> None:
    new = [NewUpdate(update_id, ANNA, "{}")]
    await chat.records.run(lambda s: s.people.inbox.add(new, NOW))
