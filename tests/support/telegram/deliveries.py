"""A Telegram that delivers to the webhook of a bot in this process."""

import json
from typing import Any

import httpx
from starlette.applications import Starlette

from bot.metrics import Metrics
from bot.updates.inbox import Inbox
from bot.updates.webhook import SECRET_HEADER, Webhook
from tests.support.telegram.chatting import NOW, Chat

URL = "https://bot.example/webhook"


SECRET = "a-secret-that-nobody-guesses"


class Telegram:
    """Delivers to a bot in this process."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.metrics = Metrics()
        self.inbox = Inbox(chat.application, chat.records, lambda: NOW, self.metrics)
        bot = chat.application.bot
        self.hook = Webhook(bot, self.inbox, URL, SECRET, lambda: NOW, self.metrics)
        transport = httpx.ASGITransport(Starlette(routes=self.hook.routes()))
        self._client = httpx.AsyncClient(transport=transport, base_url="https://bot.example")

    async def post(self, body: Any, secret: str | None = SECRET) -> httpx.Response:
        headers = {} if secret is None else {SECRET_HEADER: secret}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._client.post("/webhook", content=content, headers=headers)

    async def numbers(self) -> list[int]:
        """Return the numbers of the updates that are stored."""
        rows = await self.chat.records.run(lambda s: list(s.people.db.table("inbox").rows))
        return [row["update_id"] for row in rows]
