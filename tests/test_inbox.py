import asyncio
import io
import logging
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from telegram import Update
from telegram.error import Conflict, InvalidToken
from telegram.ext import ApplicationBuilder, TypeHandler

from bot.inbox import InboxProcessor, poll, replay
from bot.logs import LineFormatter
from bot.metrics import Metrics
from bot.people import MAX_TRIES
from bot.records import Records
from bot.serving import running_bot
from tests.chatting import NOW, Chat, with_chat
from tests.fake_telegram import FakeTelegram


def an_update(update_id: int, text: str = "/help") -> dict[str, Any]:
    return {
        "update_id": update_id,
        "message": {
            "message_id": update_id,
            "date": 1_700_000_000,
            "chat": {"id": 1, "type": "private"},
            "from": {"id": 1, "is_bot": False, "first_name": "A"},
            "text": text,
            "entities": [{"type": "bot_command", "offset": 0, "length": len(text)}],
        },
    }


async def settled(chat: Chat, handled: int) -> None:
    """Wait until so many updates are handled."""
    async with asyncio.timeout(5):
        while True:
            rows = await chat.records.run(
                lambda s: s.people.db.table("inbox").count_where("handled_utc is not null")
            )
            if rows >= handled:
                return
            await asyncio.sleep(0.01)


def test_an_update_delivered_three_times_is_handled_once() -> None:
    async def story(chat: Chat) -> None:
        chat.telegram.updates = [an_update(7), an_update(7), an_update(8), an_update(7)]
        async with running_bot(chat.application, chat.services):
            await settled(chat, 2)
        said = [call for call in chat.telegram.calls if call.method == "sendMessage"]
        assert len(said) == 2

    asyncio.run(with_chat(story))


def test_what_was_said_is_dropped_once_it_is_answered() -> None:
    async def story(chat: Chat) -> None:
        chat.telegram.updates = [an_update(7, "/help")]
        async with running_bot(chat.application, chat.services):
            await settled(chat, 1)
        (row,) = await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))
        assert row["payload"] is None

    asyncio.run(with_chat(story))


def test_a_handled_update_is_a_line_in_the_log_without_its_text() -> None:
    written, logger = io.StringIO(), logging.getLogger("bot.inbox")
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter())

    async def story(chat: Chat) -> None:
        chat.telegram.updates = [an_update(7, "/hush"), an_update(8, "/hush")]
        async with running_bot(chat.application, chat.services):
            await settled(chat, 2)

    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        asyncio.run(with_chat(story))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    lines = sorted(line.partition(" INFO ")[2] for line in written.getvalue().splitlines())
    assert [line[: line.index(" in ")] for line in lines] == [
        "bot.inbox [update 7]: message handled",
        "bot.inbox [update 8]: message handled",
    ]


async def stopped_while_handling(chat: Chat, handle: Callable[[], Any]) -> list[Any]:
    """Stop the bot while an update is being handled; return what is in the inbox then."""
    begun = asyncio.Event()

    async def handle_it(update: Update, context: Any) -> None:
        begun.set()
        await handle()

    chat.application.add_handler(TypeHandler(Update, handle_it), group=-9)
    chat.telegram.updates = [an_update(7)]
    async with running_bot(chat.application, chat.services):
        await asyncio.wait_for(begun.wait(), 5)
        chat.telegram.updates = [an_update(8)]  # comes too late to be fetched, or is finished
    return await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))


def test_a_stop_finishes_what_is_in_flight() -> None:
    async def story(chat: Chat) -> None:
        rows = await stopped_while_handling(chat, lambda: asyncio.sleep(0.5))
        assert rows
        assert all(row["handled_utc"] for row in rows)

    asyncio.run(with_chat(story))


def test_what_a_stop_cannot_finish_in_time_waits_for_the_next_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.serving.GRACE_S", 0.3)

    async def story(chat: Chat) -> None:
        start = asyncio.get_running_loop().time()
        rows = await stopped_while_handling(chat, asyncio.Event().wait)
        assert asyncio.get_running_loop().time() - start < 5
        assert rows[0]["update_id"] == 7
        assert rows[0]["handled_utc"] is None
        assert rows[0]["payload"] is not None

    asyncio.run(with_chat(story))
    assert "left for the next start" in caplog.text


def test_a_job_that_hangs_does_not_hold_up_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.serving.GRACE_S", 0.2)
    monkeypatch.setattr("bot.serving.LAST_S", 0.2)

    async def story(chat: Chat) -> None:
        begun = asyncio.Event()

        async def hang(context: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

        assert chat.application.job_queue is not None
        async with running_bot(chat.application, chat.services):
            chat.application.job_queue.run_once(hang, 0)
            await asyncio.wait_for(begun.wait(), 5)

    asyncio.run(asyncio.wait_for(with_chat(story), 20))


def test_what_is_under_way_beside_the_updates_is_waited_for() -> None:
    settled_at: list[str] = []

    async def settle() -> None:
        await asyncio.sleep(0.1)
        settled_at.append("settled")

    async def story(chat: Chat) -> None:
        async with running_bot(chat.application, chat.services, settle):
            pass
        settled_at.append("stopped")

    asyncio.run(with_chat(story))
    assert settled_at == ["settled", "stopped"]


def test_what_a_crash_left_is_handled_at_the_next_start_but_not_for_ever() -> None:
    handled: list[int] = []

    async def story() -> None:
        records = Records(None, MultiFernet([Fernet(Fernet.generate_key())]))
        telegram = FakeTelegram()
        application = (
            ApplicationBuilder()
            .token("1:test")
            .request(telegram)
            .get_updates_request(telegram)
            .updater(None)
            .job_queue(None)
            .concurrent_updates(InboxProcessor(records, lambda: NOW, Metrics()))
            .build()
        )

        async def note(update: Update, context: Any) -> None:
            handled.append(update.update_id)

        application.add_handler(TypeHandler(Update, note))
        payload = Update.de_json(an_update(1), None).to_json()
        for update_id in (1, 2, 3):
            text = payload.replace('"update_id": 1', f'"update_id": {update_id}')
            await records.run(lambda s, u=update_id, p=text: s.people.receive(u, 1, p, NOW))
        await records.run(lambda s: s.people.finish(1, NOW))
        await records.run(
            lambda s: s.people.db.execute(
                "update inbox set tries = ? where update_id = 3", [MAX_TRIES]
            )
        )
        async with application:
            await replay(application, records, lambda: NOW)
            await application.start()
            async with asyncio.timeout(5):
                while not handled:
                    await asyncio.sleep(0.01)
            await application.stop()
        records.close()

    asyncio.run(story())
    assert handled == [2]


@pytest.mark.parametrize("refusal", [InvalidToken("no"), Conflict("two")])
def test_polling_ends_where_it_cannot_go_on(refusal: Exception) -> None:
    class Refusing(FakeTelegram):
        async def do_request(self, url: str, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
            if url.endswith("getUpdates"):
                raise refusal
            return await super().do_request(url, *args, **kwargs)

    async def story(chat: Chat) -> None:
        bot = ApplicationBuilder().token("1:t").request(Refusing())
        application = bot.get_updates_request(Refusing()).updater(None).job_queue(None).build()
        async with application:
            with pytest.raises(type(refusal)):
                await poll(application, chat.records, lambda: NOW, Metrics())

    asyncio.run(with_chat(story))
