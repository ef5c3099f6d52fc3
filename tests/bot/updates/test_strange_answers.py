"""Whatever comes in the place of Telegram's answers, the bot goes on and hears the next message.

Everything is real here: the bot, its HTTP client, and the connections to another Telegram.
"""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from telegram.error import Forbidden, InvalidToken, NetworkError, TelegramError

from bot import texts
from bot.app import build_bot
from bot.cli.owner import identify, wait_for_owner
from bot.runtime.serving import running_bot
from bot.sending import bot_api, delivery, retry
from bot.sending.bot_api import BotApiRequest
from bot.updates.inbox import Inbox
from bot.updates.polling import poll
from tests.support.telegram.chatting import ANNA, UNHURRIED, Chat, text_update, with_chat
from tests.support.telegram.fake_telegram import BOT
from tests.support.telegram.strange_telegram import (
    CUT_OFF,
    CUT_SHORT,
    HTML,
    NO_HTTP,
    StrangeTelegram,
    answer,
    http,
    refusal,
    result,
)

GOOD = text_update(7, "/help", ANNA)

HUGE = text_update(5, "x" * 5_000_000, ANNA)

STRANGE: dict[str, bytes] = {
    "HTML": http(200, HTML),
    "nothing": http(200, b""),
    "no content": b"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n",
    "a redirection": b"HTTP/1.1 302 X\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
    "half of its JSON": http(200, b'{"ok": true, "result": [{"upda'),
    "JSON nested too deeply": http(200, b"[" * 100_000),
    "a list": answer([]),
    "null": answer(None),
    "no result": answer({"ok": True}),
    "neither right nor wrong": answer({"result": []}),
    "wrong without saying why": answer({"ok": False}),
    "a refusal of a strange shape": answer(
        {"ok": False, "error_code": 429, "parameters": {"retry_after": "later"}}, 429
    ),
    "a result of another type": result(True),
    "a result that is an object": result({"update_id": 5}),
    "a result that is null": result(None),
    "updates that are none": result([1, None, "x", [], {}]),
    "an update with a number too large": result([{"update_id": 2**70}]),
    "an answer that is too long": http(200, b"x" * 3_000_000),
    "a proxy's 400": http(400, HTML),
    "a proxy's 401": http(401, HTML),
    "a proxy's 403": http(403, HTML),
    "a proxy's 404": http(404, HTML),
    "a proxy's 407": http(407, HTML),
    "a proxy's 409": http(409, HTML),
    "a gateway's 401 in JSON": answer({"message": "Unauthorized"}, 401),
    "a gateway's 404 in JSON": answer({"error": "not found", "ok": "no"}, 404),
    "400": refusal(400, "Bad Request: something new"),
    "403": refusal(403, "Forbidden: for now"),
    "409": refusal(409, "Conflict: terminated by other getUpdates request"),
    "429": refusal(429, "Too Many Requests", retry_after=1),
    "500": refusal(500, "Internal Server Error"),
    "a proxy's 502": http(502, HTML),
    "a status that is none": http(799, HTML),
    "a connection that is cut off": CUT_OFF,
    "a body that is cut off": CUT_SHORT,
    "no HTTP": NO_HTTP,
}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait, and make the limit small."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("bot.updates.polling.BETWEEN_S", 0.01)
    monkeypatch.setattr(bot_api, "MAX_ANSWER_BYTES", 2_000_000)


async def meets(telegram: StrangeTelegram, *, hears: int = 1) -> None:
    """Run the real bot with another Telegram until it has said so many things."""

    async def story(chat: Chat) -> None:
        services = chat.services
        bot = build_bot(services, token="1:t", api_url=telegram.url, limits=UNHURRIED)
        application = bot.application
        metrics, clock = services.metrics, services.clock
        inbox = Inbox(application, chat.records, clock, metrics, services.guests)
        fetch = partial(poll, application.bot, inbox, clock, metrics)
        async with running_bot(application, inbox, fetch) as fetching:
            async with asyncio.timeout(20):
                while len(telegram.sent) < hears:
                    if fetching.done():
                        fetching.result()
                    await asyncio.sleep(0.01)

    async with telegram.listening():
        await with_chat(story)


def told(telegram: StrangeTelegram) -> list[str]:
    return [each["text"] for each in telegram.sent]


@pytest.mark.parametrize("kind", STRANGE)
def test_a_good_update_after_a_strange_answer_is_handled(kind: str) -> None:
    telegram = StrangeTelegram("getUpdates", [STRANGE[kind]] * 2, [GOOD])
    asyncio.run(meets(telegram))
    assert told(telegram) == [texts.HELP]
    assert telegram.asked["getUpdates"] >= 3


@pytest.mark.parametrize("method", ["getMe", "setMyCommands", "deleteWebhook", "sendMessage"])
@pytest.mark.parametrize(
    "kind", ["HTML", "no result", "a proxy's 401", "a proxy's 403", "a proxy's 404", "500"]
)
def test_strange_answers_at_the_start_put_it_off(method: str, kind: str) -> None:
    telegram = StrangeTelegram(method, [STRANGE[kind]] * 2, [GOOD])
    asyncio.run(meets(telegram))
    assert told(telegram) == [texts.HELP]


@pytest.mark.parametrize("bot", [True, {}, {"id": "x"}, None])
def test_a_bot_that_is_none_at_the_start_puts_it_off(bot: Any) -> None:
    telegram = StrangeTelegram("getMe", [result(bot)], [GOOD])
    asyncio.run(meets(telegram))
    assert told(telegram) == [texts.HELP]


def test_one_update_that_cannot_be_parsed_costs_no_other() -> None:
    bad = {"update_id": 6, "message": GOOD["message"] | {"photo": 5}}
    both = [text_update(5, "/help", ANNA), bad, 5, {}, GOOD]
    telegram = StrangeTelegram("getUpdates", [result(both)])
    asyncio.run(meets(telegram, hears=3))
    assert told(telegram) == [texts.HELP, texts.UNPARSABLE, texts.HELP]
    assert telegram.offsets[1] == 8


def test_a_long_update_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_api, "MAX_ANSWER_BYTES", 50_000_000)
    telegram = StrangeTelegram("getUpdates", [result([HUGE, GOOD])])
    asyncio.run(meets(telegram, hears=2))
    assert told(telegram)[-1] == texts.HELP


def test_after_a_strange_answer_updates_are_fetched_one_by_one() -> None:
    telegram = StrangeTelegram("getUpdates", [STRANGE["an answer that is too long"]] * 2, [GOOD])
    asyncio.run(meets(telegram))
    assert telegram.limits[:4] == [100, 1, 1, 100]


@pytest.mark.parametrize(
    "word", [refusal(401, "Unauthorized"), refusal(404, "Not Found")], ids=["401", "404"]
)
@pytest.mark.parametrize("method", ["getMe", "getUpdates", "deleteWebhook"])
def test_telegrams_own_word_that_the_token_is_wrong_ends_it(method: str, word: bytes) -> None:
    telegram = StrangeTelegram(method, [word] * 99, [GOOD])
    with pytest.raises(InvalidToken):
        asyncio.run(meets(telegram))
    assert telegram.asked[method] == 1
    assert told(telegram) == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (refusal(403, "Forbidden: bot was blocked by the user"), Forbidden),
        (http(403, HTML), NetworkError),
        (http(401, HTML), NetworkError),
        (answer({"ok": True}), NetworkError),
    ],
)
def test_only_telegrams_own_refusals_are_taken_for_them(
    said: bytes, error: type[TelegramError]
) -> None:
    raised = asyncio.run(raised_by([said]))

    assert isinstance(raised, error)
    assert not isinstance(raised, InvalidToken)


async def raised_by(strange: Sequence[bytes]) -> TelegramError:
    telegram = StrangeTelegram("sendMessage", strange)
    async with telegram.listening(), BotApiRequest(read_timeout=5) as request:
        with pytest.raises(TelegramError) as raised:
            await request.post(f"{telegram.url}/bot1:t/sendMessage")
    return raised.value


def test_what_an_answer_holds_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    secret = json.dumps({"result": "a message of somebody's"})[:-1].encode()
    asyncio.run(raised_by([http(200, secret)]))
    assert "somebody" not in caplog.text


# -- set-up and doctor, which ask the same --


@pytest.mark.parametrize("kind", ["HTML", "no result", "a proxy's 401", "a proxy's 404"])
async def test_set_up_takes_no_proxy_for_telegram(kind: str) -> None:
    async with StrangeTelegram("getMe", [STRANGE[kind]]).listening() as telegram:
        with pytest.raises(NetworkError):
            await identify("1:t", telegram.url)
        assert (await identify("1:t", telegram.url)).id == BOT["id"]


def test_the_owner_is_found_behind_an_update_that_cannot_be_parsed() -> None:
    bad = {"update_id": 5, "message": GOOD["message"] | {"photo": 5}}

    async def ask() -> None:
        code = text_update(6, "abcd-2345", ANNA)
        async with StrangeTelegram("getMe", [], [bad, code]).listening() as telegram:
            owner = await wait_for_owner("1:t", telegram.url, "abcd2345")
        assert owner is not None
        assert owner.user_id == ANNA

    asyncio.run(asyncio.wait_for(ask(), 20))
