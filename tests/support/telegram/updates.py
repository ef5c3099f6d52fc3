"""Updates from Telegram, and waiting until the bot has handled them."""

import asyncio
from typing import Any

from tests.support.telegram.chatting import ANNA, Chat, text_update


def an_update(update_id: int, text: str = "/help", user_id: int = ANNA) -> dict[str, Any]:
    return text_update(update_id, text, user_id)


async def settled(chat: Chat, handled: int) -> None:
    """Wait until so many updates are handled."""
    async with asyncio.timeout(10):
        while True:
            rows = await chat.records.run(
                lambda s: s.people.db.table("inbox").count_where("handled_utc is not null")
            )
            if rows >= handled:
                return
            await asyncio.sleep(0.01)


async def rows(chat: Chat) -> list[dict[str, Any]]:
    return await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))


async def all_handled(chat: Chat, count: int) -> None:
    """Wait until so many updates are handled."""
    async with asyncio.timeout(20):
        while True:
            handled = await chat.records.run(
                lambda s: s.people.db.table("inbox").count_where("handled_utc is not null")
            )
            if handled >= count:
                return
            await asyncio.sleep(0.01)
