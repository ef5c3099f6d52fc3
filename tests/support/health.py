"""Asking a bot about its health, in this process or another."""

import time
from collections.abc import Callable
from typing import Any

import httpx
from starlette.applications import Starlette

from bot.web.health import ops_routes
from tests.support.telegram.chatting import Chat


async def get(chat: Chat, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=Starlette(routes=ops_routes(chat.services)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ops") as client:
        return await client.get(path)


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
