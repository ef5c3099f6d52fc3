"""Asking Telegram for updates, and whoever else asks for the same."""

import asyncio
import time

import pytest
from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError
from telegram.ext import ApplicationBuilder

from bot.metrics import Metrics
from bot.updates import polling
from bot.updates.inbox import Inbox
from bot.updates.polling import POLL_S, poll
from tests.support.telegram.chatting import NOW, Chat
from tests.support.telegram.fake_telegram import Call, FakeTelegram


async def polling_ends(
    chat: Chat, *answers: TelegramError | None
) -> tuple[TelegramError, list[int]]:
    """Poll until it ends, with these answers and then the last of them for ever.

    Returns:
        How it ended, and for how many seconds each poll might be held open.
    """
    left, holds_s = list(answers), []

    async def answer(call: Call) -> None:
        if call.method == "getUpdates":
            holds_s.append(call.parameters.get("timeout", 0))
            error = left.pop(0) if len(left) > 1 else left[0]
            if error is not None:
                raise error

    telegram = FakeTelegram(before=answer)
    builder = ApplicationBuilder().token("1:t").request(telegram).get_updates_request(telegram)
    application = builder.updater(None).job_queue(None).build()
    async with application:
        inbox = Inbox(application, chat.records, lambda: NOW, Metrics())
        with pytest.raises(TelegramError) as raised:
            await asyncio.wait_for(poll(application.bot, inbox, lambda: NOW, Metrics()), 10)
    return raised.value, holds_s


async def test_the_first_poll_that_is_answered_is_not_held_open(chat: Chat) -> None:
    failed, ended = NetworkError("Bad Gateway"), InvalidToken("the end")
    _, holds_s = await polling_ends(chat, failed, None, None, ended)
    assert holds_s == [0, 0, POLL_S, POLL_S]


async def test_a_server_that_holds_no_poll_open_is_not_asked_without_a_pause(
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling, "BETWEEN_S", 0.2)

    start = time.monotonic()
    _, polls = await polling_ends(chat, *[None] * 6, InvalidToken("the end"))
    assert len(polls) == 7
    assert time.monotonic() - start >= 5 * 0.2  # the first is meant to be answered at once


async def test_polling_ends_where_telegram_knows_no_such_bot(chat: Chat) -> None:
    error, polls = await polling_ends(chat, InvalidToken("no"))
    assert isinstance(error, InvalidToken)
    assert len(polls) == 1


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let conflicts last no longer than a test may."""
    monkeypatch.setattr(polling, "BETWEEN_S", 0.05)
    monkeypatch.setattr(polling, "NEWCOMER_S", 0.5)
    monkeypatch.setattr(polling, "CONFLICT_S", {"newcomer": 0.2, "old hand": 1.0})


@pytest.mark.usefixtures("brief")
async def test_the_newcomer_of_two_instances_stops_after_a_while(chat: Chat) -> None:
    start = time.monotonic()
    error, polls = await polling_ends(chat, Conflict("two"))
    assert isinstance(error, Conflict)
    assert time.monotonic() - start >= 0.2
    assert len(polls) > 1


@pytest.mark.usefixtures("brief")
async def test_who_was_there_before_waits_longer_for_the_other_to_stop(chat: Chat) -> None:
    start = time.monotonic()
    error, _ = await polling_ends(chat, *[None] * 70, Conflict("two"))
    assert isinstance(error, Conflict)
    assert time.monotonic() - start > 1.5


async def test_a_conflict_that_ends_stops_nobody(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "BETWEEN_S", 0.2)
    monkeypatch.setattr(polling, "CONFLICT_S", dict.fromkeys(polling.CONFLICT_S, 1.0))

    two = Conflict("two")
    _, polls = await polling_ends(chat, *[two, two, None] * 4, InvalidToken("the end"))
    assert len(polls) == 13
