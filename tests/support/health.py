"""Asking a bot about its health, in this process or another."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from starlette.applications import Starlette

from bot.web.health import ops_routes
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from tests.support.operating import OWNER, TOKEN, Operator, settle
from tests.support.spotify.spotify_world import Server
from tests.support.telegram.chatting import Chat


async def get(chat: Chat, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=Starlette(routes=ops_routes(chat.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ops") as client:
        return await client.get(path)


@pytest.fixture
def operator(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operator]:
    settle(tmp_path, server.url, monkeypatch)
    operator = Operator(server, tmp_path)
    operator.env.write_text(
        f"TELEGRAM_BOT_TOKEN={TOKEN}\nALLOWED_TELEGRAM_IDS={OWNER}\n"
        f"SECRET_KEY={Fernet.generate_key().decode()}\n"
    )
    catalogue = Catalogue(tmp_path / "data" / "catalogue.db")
    fill(catalogue, 1)
    catalogue.close()
    yield operator
    operator.telegram.close()


def answers(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.HTTPError:
        return 0


def wait_until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
