import asyncio
import io
import logging
import time
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import LineFormatter, about_update, hide_secrets

BOT_TOKEN = "7654321098:AAH1bGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9x"
SPOTIFY_TOKEN = "BQDh7Kx" + "aB3_-" * 40


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a logger of ours writes."""
    written, logger = io.StringIO(), logging.getLogger("bot")
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter())
    before, logger.level = logger.level, logging.DEBUG
    logger.addHandler(handler)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"POST https://api.telegram.org/bot{BOT_TOKEN}/getMe", BOT_TOKEN[11:]),
        (f"The token `{BOT_TOKEN}` was rejected", BOT_TOKEN[11:]),
        ("Authorization: Bearer abc.def-123456", "abc.def-123456"),
        ("{'Authorization': 'Basic Zm9vOmJhcmJheg=='}", "Zm9vOmJhcmJheg"),
        ("GET /callback?code=AQ12&state=xyz HTTP/1.1", "AQ12"),
        ("GET /callback?code=AQ12&state=xyz HTTP/1.1", "xyz"),
        ('{"refresh_token": "short-one1"}', "short-one1"),
        ("client_secret=0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        (f"tokens {SPOTIFY_TOKEN} end", SPOTIFY_TOKEN[10:60]),
        pytest.param(f"key {Fernet.generate_key().decode()}", "=", id="key"),
        pytest.param(Fernet(Fernet.generate_key()).encrypt(b"h").decode(), "gAAAA", id="sealed"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_hidden(text: str, hidden: str) -> None:
    assert hidden not in hide_secrets(text)
    assert "[hidden]" in hide_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "update 123456789 was left unhandled; it is handled now",
        "Telegram cannot be reached (httpx.ConnectError: All connection attempts failed)",
        "127.0.0.1:8080 cannot be used (Address already in use)",
        "/some/long/path/to/a/module/called/preference_store.py line 12",
        "the app 0123456789abcdef0123456789abcdef is unknown",
        "2026-11-25 10:00:00,123 INFO bot.updates.inbox [update 7]: message handled in 0.31 s",
        "a token is refreshed; the secret of the app is not needed",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert hide_secrets(text) == text


@given(
    st.text(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
        min_size=35,
        max_size=35,
    ),
    st.integers(10**5, 10**11),
    st.sampled_from(["{}", "bot{}/getMe", "'{}'", "token={}", "({}),", "a {} b"]),
)
def test_no_bot_token_gets_through(secret: str, bot_id: int, around: str) -> None:
    assert secret not in hide_secrets(around.format(f"{bot_id}:{secret}"))


@pytest.mark.parametrize("text", ["7" * 100_000, "x" * 100_000, "token" + " " * 100_000])
def test_a_long_line_takes_no_long_time(text: str) -> None:
    start = time.process_time()
    hide_secrets(text)
    assert time.process_time() - start < 2


def test_tracebacks_are_searched_too(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"no bot {BOT_TOKEN}")
    except ValueError:
        logging.getLogger("bot.some").exception("an update could not be handled")
    assert "Traceback" in lines.getvalue()
    assert BOT_TOKEN[11:] not in lines.getvalue()


def test_each_line_names_the_update_that_it_is_about(lines: io.StringIO) -> None:
    async def handle(update_id: int) -> None:
        with about_update(update_id):
            await asyncio.sleep(0.01)
            await asyncio.create_task(say())

    async def say() -> None:
        logging.getLogger("bot.some").info("done")

    async def both() -> None:
        await asyncio.gather(handle(1), handle(2))
        await say()

    asyncio.run(both())
    said = [line.split(" INFO ")[1] for line in lines.getvalue().splitlines()]
    assert said == ["bot.some [update 1]: done", "bot.some [update 2]: done", "bot.some: done"]
