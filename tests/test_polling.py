"""Asking Telegram for updates, and whoever else asks for the same."""

import asyncio
import time
from typing import Any

import pytest
from telegram.error import Conflict, InvalidToken, TelegramError
from telegram.ext import ApplicationBuilder

from bot import polling
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.polling import poll
from tests.chatting import NOW, Chat, with_chat
from tests.fake_telegram import FakeTelegram


async def polling_ends(chat: Chat, *answers: TelegramError | None) -> tuple[TelegramError, int]:
    """Poll until it ends, with these answers and then the last of them for ever."""
    left = list(answers)

    class Answering(FakeTelegram):
        polls = 0

        async def do_request(self, url: str, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
            if url.endswith("getUpdates"):
                self.polls += 1
                answer = left.pop(0) if len(left) > 1 else left[0]
                if answer is not None:
                    raise answer
            return await super().do_request(url, *args, **kwargs)

    telegram = Answering()
    builder = ApplicationBuilder().token("1:t").request(telegram).get_updates_request(telegram)
    application = builder.updater(None).job_queue(None).build()
    async with application:
        inbox = Inbox(application, chat.records, lambda: NOW, Metrics())
        with pytest.raises(TelegramError) as raised:
            await asyncio.wait_for(poll(application.bot, inbox, lambda: NOW, Metrics()), 10)
    return raised.value, telegram.polls


def test_polling_ends_where_telegram_knows_no_such_bot() -> None:
    async def story(chat: Chat) -> None:
        error, polls = await polling_ends(chat, InvalidToken("no"))
        assert isinstance(error, InvalidToken)
        assert polls == 1

    asyncio.run(with_chat(story))


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let conflicts last no longer than a test may."""
    monkeypatch.setattr(polling, "BETWEEN_S", 0.05)
    monkeypatch.setattr(polling, "NEWCOMER_S", 0.5)
    monkeypatch.setattr(polling, "CONFLICT_S", {"newcomer": 0.2, "old hand": 1.0})


@pytest.mark.usefixtures("brief")
def test_the_newcomer_of_two_instances_stops_after_a_while() -> None:
    async def story(chat: Chat) -> None:
        start = time.monotonic()
        error, polls = await polling_ends(chat, Conflict("two"))
        assert isinstance(error, Conflict)
        assert time.monotonic() - start >= 0.2
        assert polls > 1

    asyncio.run(with_chat(story))


@pytest.mark.usefixtures("brief")
def test_who_was_there_before_waits_longer_for_the_other_to_stop() -> None:
    async def story(chat: Chat) -> None:
        start = time.monotonic()
        error, _ = await polling_ends(chat, *[None] * 70, Conflict("two"))
        assert isinstance(error, Conflict)
        assert time.monotonic() - start > 1.5

    asyncio.run(with_chat(story))


def test_a_conflict_that_ends_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "BETWEEN_S", 0.2)
    monkeypatch.setattr(polling, "CONFLICT_S", dict.fromkeys(polling.CONFLICT_S, 1.0))

    async def story(chat: Chat) -> None:
        two = Conflict("two")
        _, polls = await polling_ends(chat, *[two, two, None] * 4, InvalidToken("the end"))
        assert polls == 13

    asyncio.run(with_chat(story))
