"""A bot that fails once, at one step of handling an update."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.current_update import current
from tests.support.telegram.chatting import Chat


class Failing:
    """Fails once while an update is being handled: at the step of one number.

    Args:
        chat: The bot.
        at: Which step, counted from 0: a request to Telegram, or some work on the user data.
        error: What is raised there; None hangs, until the bot is stopped.
        after: Whether the step is done before.
    """

    def __init__(
        self, chat: Chat, at: int, error: Exception | None, *, after: bool = False
    ) -> None:
        self.hangs = error is None
        self._left = at
        self._error = error
        self._after = after
        self.failed = asyncio.Event()
        self._run = chat.records.run
        self._send = chat.telegram.do_request
        chat.records.run = self.run  # type: ignore[method-assign]
        chat.telegram.do_request = self.send  # type: ignore[method-assign]

    async def run(self, work: Callable[[Any], Any]) -> Any:
        return await self._step(lambda: self._run(work))

    async def send(self, *args: Any, **how: Any) -> Any:
        return await self._step(lambda: self._send(*args, **how))

    async def _step(self, do: Callable[[], Awaitable[Any]]) -> Any:
        if current() is None:
            return await do()
        self._left -= 1
        if self._left != -1:
            return await do()
        if self._after:
            await do()
        self.failed.set()
        if self._error is None:
            await asyncio.Event().wait()
        raise self._error
