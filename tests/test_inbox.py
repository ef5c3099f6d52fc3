import asyncio
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from telegram import Update
from telegram.error import Conflict, InvalidToken
from telegram.ext import ApplicationBuilder, TypeHandler

from bot.inbox import InboxProcessor, poll, replay
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
        async with running_bot(chat.application, chat.records, lambda: NOW):
            await settled(chat, 2)
        said = [call for call in chat.telegram.calls if call.method == "sendMessage"]
        assert len(said) == 2

    asyncio.run(with_chat(story))


def test_what_was_said_is_dropped_once_it_is_answered() -> None:
    async def story(chat: Chat) -> None:
        chat.telegram.updates = [an_update(7, "/help")]
        async with running_bot(chat.application, chat.records, lambda: NOW):
            await settled(chat, 1)
        (row,) = await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))
        assert row["payload"] is None

    asyncio.run(with_chat(story))


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
            .concurrent_updates(InboxProcessor(records, lambda: NOW))
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
                await poll(application, chat.records, lambda: NOW)

    asyncio.run(with_chat(story))
