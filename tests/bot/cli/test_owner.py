import asyncio
import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount
from telegram.error import Conflict, InvalidToken, NetworkError

from bot.cli.owner import (
    CODE_ALPHABET,
    CODE_CHARS,
    Owner,
    identify,
    is_code,
    make_code,
    printable,
    wait_for_owner,
)
from bot.runtime.run import utc_now
from bot.sandbox.telegram.local_telegram import LocalTelegram
from tests.support.first_run import OWNER, TOKEN
from tests.support.spotify.spotify_world import Server


@pytest.fixture
def telegram(server: Server) -> Iterator[LocalTelegram]:
    local = LocalTelegram(TOKEN, utc_now)
    server.app = Starlette(routes=[Mount("/telegram", routes=local.routes())])
    yield local
    local.close()


def api_url(server: Server) -> str:
    return f"{server.url}/telegram"


def test_codes_differ_and_have_no_signs_that_look_alike() -> None:
    codes = {make_code() for _ in range(200)}
    assert len(codes) == 200
    assert {len(code) for code in codes} == {CODE_CHARS}
    assert set("".join(codes)) <= set(CODE_ALPHABET)
    assert not set(CODE_ALPHABET) & set("01ilo")


@pytest.mark.parametrize(
    "text", ["abcd2345", " ABCD-2345 ", "abcd 2345", "/start abcd2345", "/start abcd-2345"]
)
def test_the_code_may_be_typed_or_come_by_the_link(text: str) -> None:
    assert is_code(text, "abcd2345")


@given(st.text())
def test_nothing_else_is_the_code(text: str) -> None:
    code = "abcd2345"
    letters = [character for character in text.lower() if character in CODE_ALPHABET]
    if "".join(letters) != code:
        assert not is_code(text, code)


@pytest.mark.parametrize("text", ["", "/start", "abcd234", "abcd23456", "аbcd2345", "abcd2345é"])
def test_almost_the_code_is_not_the_code(text: str) -> None:
    assert not is_code(text, "abcd2345")


def test_a_name_cannot_move_the_cursor() -> None:
    assert printable("A\x1b[2Jnna\u202e Ü 🙂") == "A[2Jnna Ü 🙂"


def test_telegram_says_whose_token_it_is(server: Server, telegram: LocalTelegram) -> None:
    assert asyncio.run(identify(TOKEN, api_url(server))).username == "mirrortape_local_bot"
    with pytest.raises(InvalidToken):
        asyncio.run(identify(TOKEN[:-1], api_url(server)))
    with pytest.raises(NetworkError):
        asyncio.run(identify(TOKEN, "http://127.0.0.1:9"))


def test_the_owner_is_told_and_the_code_is_answered_by_nobody_else(
    server: Server, telegram: LocalTelegram
) -> None:
    telegram.send_sticker(7, b"", "👍")
    telegram.send_text(7, "hello")
    telegram.send_text(OWNER, "abcd2345")
    telegram.send_text(8, "later")
    others: list[None] = []
    waiting = wait_for_owner(
        TOKEN, api_url(server), "abcd2345", on_other=lambda: others.append(None)
    )
    assert asyncio.run(waiting) == Owner(OWNER, "Kim")
    assert len(others) == 2
    assert len(telegram.updates) == 1  # what came later waits for the bot
    (_, told) = telegram.chats[OWNER].messages.values()
    assert "you are my owner" in told["text"]


def test_another_program_that_fetches_is_told(server: Server, telegram: LocalTelegram) -> None:
    stop = threading.Event()

    def fetch() -> None:
        while not stop.wait(0.05):
            httpx.get(f"{api_url(server)}/bot{TOKEN}/getUpdates")

    other = threading.Thread(target=fetch)
    other.start()
    try:
        with pytest.raises(Conflict):
            asyncio.run(wait_for_owner(TOKEN, api_url(server), make_code()))
    finally:
        stop.set()
        other.join()


def test_a_code_that_nobody_sends_ends(
    server: Server, telegram: LocalTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cli.owner.CODE_LASTS_S", 0.3)
    start = time.monotonic()
    assert asyncio.run(wait_for_owner(TOKEN, api_url(server), make_code())) is None
    assert time.monotonic() - start < 5


def test_a_short_outage_is_waited_out(
    server: Server, telegram: LocalTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cli.owner.PAUSE_S", 0.05)
    whole, failures = server.app, iter(range(3))

    async def failing(scope, receive, send) -> None:
        if scope["path"].endswith("getUpdates") and next(failures, None) is not None:
            body = json.dumps({"ok": False, "error_code": 502, "description": "Bad Gateway"})
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 502, "headers": headers})
            await send({"type": "http.response.body", "body": body.encode()})
        else:
            await whole(scope, receive, send)

    server.app = failing
    telegram.send_text(OWNER, "abcd2345")
    assert asyncio.run(wait_for_owner(TOKEN, api_url(server), "abcd2345")) == Owner(OWNER, "Kim")
    assert next(failures, None) is None
