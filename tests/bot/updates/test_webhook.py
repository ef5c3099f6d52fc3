"""Telegram delivers updates: nothing is lost, and nobody else can deliver any."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from telegram.error import Conflict

from bot import texts
from bot.settings import NotReady, Settings, check_webhook
from bot.updates import webhook
from bot.updates.inbox import ALLOWED_UPDATES
from bot.updates.webhook import MAX_BODY_BYTES
from tests.support.telegram.chatting import NOW, Chat, with_chat
from tests.support.telegram.deliveries import SECRET, URL, Telegram
from tests.support.telegram.messages import said
from tests.support.telegram.updates import an_update, settled

Story = Callable[[Telegram], Coroutine[Any, Any, None]]


def told(story: Story) -> None:
    async def with_telegram(chat: Chat) -> None:
        await story(Telegram(chat))

    asyncio.run(with_chat(with_telegram))


def test_what_is_delivered_is_stored_before_it_is_answered_and_then_handled_once() -> None:
    async def story(telegram: Telegram) -> None:
        for update_id in (8, 7, 8, 7, 8, 7):
            assert (await telegram.post(an_update(update_id))).status_code == 200
            assert update_id in await telegram.numbers()
        assert said(telegram.chat) == []
        await telegram.inbox.open()
        await settled(telegram.chat, 2)
        assert (await telegram.post(an_update(7))).status_code == 200
        assert said(telegram.chat) == [texts.HELP] * 2
        await telegram.inbox.close(1)

    told(story)


@pytest.mark.parametrize("secret", [None, "", "another", SECRET[:-1], SECRET + "x"])
def test_without_the_secret_nothing_is_taken_and_nothing_told(secret: str | None) -> None:
    async def story(telegram: Telegram) -> None:
        answer = await telegram.post(an_update(7), secret)
        assert (answer.status_code, answer.content) == (403, b"")
        assert await telegram.numbers() == []

    told(story)


def test_what_the_database_cannot_take_is_refused_and_delivered_again() -> None:
    async def story(telegram: Telegram) -> None:
        run = telegram.chat.records.run
        full = (
            "create trigger full before insert on inbox"
            " begin select raise(abort, 'disk is full'); end"
        )
        await run(lambda s: s.people.db.execute(full))
        assert (await telegram.post(an_update(7))).status_code == 503
        assert await telegram.numbers() == []
        await run(lambda s: s.people.db.execute("drop trigger full"))
        assert (await telegram.post(an_update(7))).status_code == 200
        assert await telegram.numbers() == [7]

    told(story)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no JSON", "no JSON"),
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[1]", "no number"),
        (b"{}", "no number"),
        (b'{"update_id": 1e400}', "no number"),
        (b'{"update_id": 99999999999999999999}', "no number"),
        (b"{" + b" " * 2 * MAX_BODY_BYTES, "too long"),
    ],
)
def test_what_is_no_update_is_set_aside_and_does_not_come_again(body: bytes, reason: str) -> None:
    async def story(telegram: Telegram) -> None:
        assert (await telegram.post(body)).status_code == 200
        assert await telegram.numbers() == []
        run = telegram.chat.records.run
        (row,) = await run(lambda s: list(s.people.db.table("set_aside").rows))
        assert (row["user_id"], row["reason"]) == (None, reason)
        assert telegram.metrics.updates_set_aside._value.get() == 1
        assert (await telegram.post(an_update(7))).status_code == 200
        assert await telegram.numbers() == [7]

    told(story)


def test_telegram_is_told_where_to_deliver_and_what_to_show() -> None:
    async def story(telegram: Telegram) -> None:
        fake = telegram.chat.telegram
        keeping = asyncio.create_task(telegram.hook.keep())
        async with asyncio.timeout(5):
            while telegram.metrics.last_fetch_utc is None:
                await asyncio.sleep(0.01)
        keeping.cancel()
        (call,) = [call for call in fake.calls if call.method == "setWebhook"]
        assert call.parameters == {
            "url": URL,
            "secret_token": SECRET,
            "allowed_updates": ALLOWED_UPDATES,
            "max_connections": 1,
        }

    told(story)


def test_whose_updates_somebody_else_takes_stops() -> None:
    async def story(telegram: Telegram) -> None:
        telegram.chat.telegram.webhook = {"url": "https://other.example"}
        with pytest.raises(Conflict):
            await asyncio.wait_for(telegram.hook.keep(), 5)

    told(story)


def test_that_telegram_cannot_deliver_is_said_once_for_each_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhook, "LOOK_EVERY_S", 0.01)

    async def story(telegram: Telegram) -> None:
        hook = {"url": URL, "last_error_message": "Connection refused"}
        keeping = asyncio.create_task(telegram.hook.keep())
        for seconds in (-60, 5, 5, 9):  # the first time lies before the start
            failed_at = int((NOW + timedelta(seconds=seconds)).timestamp())
            telegram.chat.telegram.webhook = {**hook, "last_error_date": failed_at}
            await asyncio.sleep(0.1)
        keeping.cancel()

    told(story)
    assert caplog.text.count("cannot deliver to PUBLIC_URL (Connection refused)") == 2


# -- settings --


def settings(**changes: Any) -> Settings:
    key = SecretStr(Fernet.generate_key().decode())
    return Settings(_env_file=None, secret_key=key, **changes)


def test_without_a_public_address_there_is_no_webhook() -> None:
    assert settings().webhook_url == ""
    assert settings(public_url="https://bot.example/").webhook_url == URL


def test_a_secret_is_made_from_the_token_where_none_is_set() -> None:
    one, other = (settings(telegram_bot_token=SecretStr(f"{n}:token")).webhook_key for n in (1, 2))
    assert one != other
    assert len(one) == 64
    assert "token" not in one
    assert settings(webhook_secret=SecretStr(SECRET)).webhook_key == SECRET


@pytest.mark.parametrize(
    "changes",
    [
        {"public_url": "https://bot.example:8000"},
        {"public_url": "https://bot.example:x"},
        {"webhook_secret": SecretStr("too short")},
        {"webhook_secret": SecretStr("with blanks in it, which are refused")},
    ],
)
def test_what_telegram_would_refuse_is_said_at_the_start(changes: dict[str, Any]) -> None:
    with pytest.raises(NotReady):
        check_webhook(settings(**changes))


def test_what_telegram_takes_is_fine() -> None:
    check_webhook(
        settings(public_url="https://bot.example:8443", webhook_secret=SecretStr(SECRET))
    )
    check_webhook(settings())
