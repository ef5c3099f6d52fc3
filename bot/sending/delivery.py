"""How each request to Telegram is sent: within the rate limits, with retries, once if possible.

While an update is handled:

- A message that an earlier try sent is not sent again; its id is read from the update's row.
- Rate limited (429): only the chat concerned waits, for as long as Telegram says.
- Telegram fails (5xx) or cannot be reached: the request is retried with growing pauses until
  Telegram answers. Only this user's next updates wait.
- The answer to a new message is lost: Telegram may have the message. It is sent once more, so it
  is doubled at worst. If the second answer is lost too, `Undelivered` is raised and the user is
  told that something went wrong. Edits are idempotent and simply retried.

The same holds inside `insisting`. Anything else outside of updates, such as a job, raises every
failure at once, because jobs run again anyway.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.ext import BaseRateLimiter

from bot.current_update import Handling, current, is_insisted_on
from bot.sending.pacing import Limits, Pace
from bot.sending.retry import FIRST_PAUSE_S, LONGEST_PAUSE_S, retry_after_s
from bot.storage.records import Records

logger = logging.getLogger(__name__)

NEW_MESSAGES = frozenset({"sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup"})
"""Endpoints that create messages: sending such a request twice creates two."""

NEVER_RETRIED = "getFile"
"""The endpoint that is never retried here. `bot.chat.selfie.handlers` calls it while holding a
place in the photo queue, and joins the queue again to retry.
"""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before anything reached Telegram."""

Answer = Any
"""JSON from the Bot API."""


class Undelivered(TelegramError):
    """Two answers in a row were lost: Telegram may or may not have the message."""


class Delivery(BaseRateLimiter[int]):
    """Sends requests; python-telegram-bot calls it for each one but `getUpdates`.

    Args:
        records: Stores what was sent for an update.
        on_blocked: Called with the id of a user who has blocked the bot.
        limits: Telegram's rate limits.
    """

    def __init__(
        self,
        records: Records,
        on_blocked: Callable[[int], Awaitable[None]],
        limits: Limits,
    ) -> None:
        self._records = records
        self._on_blocked = on_blocked
        self._pace = Pace(limits, time.monotonic)
        self._order = asyncio.Lock()  # first come, first served

    async def initialize(self) -> None:
        """Do nothing; the base class requires it."""

    async def shutdown(self) -> None:
        """Do nothing; the base class requires it."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Answer]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> Answer:
        """Send a request unless an earlier try of this update did; return the answer."""

        async def send() -> Answer:
            return await callback(*args, **kwargs)

        handling, chat_id = current(), data.get("chat_id")
        if endpoint not in NEW_MESSAGES:
            return await self._deliver(send, endpoint, chat_id, messages=0)
        messages = len(data.get("media") or [None]) if endpoint == "sendMediaGroup" else 1
        if handling is None:
            return await self._deliver(send, endpoint, chat_id, messages)
        name = handling.name(_step(endpoint, data))
        if (sent := handling.done.get(name)) is not None:
            return _as_answered(endpoint, chat_id, sent)
        answer = await self._deliver(send, endpoint, chat_id, messages)
        await self._note(handling, name, answer)
        return answer

    async def _deliver(
        self, send: Callable[[], Awaitable[Answer]], endpoint: str, chat_id: Any, messages: int
    ) -> Answer:
        """Send a request until Telegram answers it.

        Args:
            send: Sends it once.
            endpoint: The method of the Bot API.
            chat_id: The chat concerned, if any.
            messages: How many messages the request creates.
        """
        may_wait = is_insisted_on() and endpoint != NEVER_RETRIED
        was_lost, pause_s = False, FIRST_PAUSE_S
        scope = endpoint if chat_id is None else chat_id
        while True:
            slots = await self._wait_for_turn(scope, chat_id, messages, may_wait=may_wait)
            try:
                return await self._until_answered(send, slots)
            except RetryAfter as error:
                self._pace.hold(scope, retry_after_s(error))
                if not may_wait:
                    raise
            except Forbidden:
                if chat_id is not None:
                    await self._on_blocked(int(chat_id))
                raise
            except BadRequest:
                raise  # a kind of NetworkError, though the network is fine
            except NetworkError as error:
                if not may_wait:
                    raise
                if messages and _may_have_arrived(error):
                    if was_lost:
                        raise Undelivered("two answers were lost") from error
                    was_lost = True
                logger.warning("Telegram fails (%s); retrying in %.0f s", error, pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _until_answered(self, send: Callable[[], Awaitable[Answer]], slots: int) -> Answer:
        try:
            return await send()
        finally:
            self._pace.answered(slots)

    async def _wait_for_turn(
        self, scope: Any, chat_id: Any, messages: int, *, may_wait: bool
    ) -> int:
        """Wait until a request may be sent.

        Returns:
            The slots of the overall rate limit that it takes until it is answered.

        Raises:
            RetryAfter: The chat is rate limited and the request must not wait.
        """
        if (held_s := self._pace.held_for(scope)) and not may_wait:
            raise RetryAfter(math.ceil(held_s))
        if messages and (wait_s := self._pace.wait_in_chat(chat_id, messages)):
            await asyncio.sleep(wait_s)
        slots = 0 if chat_id is None else max(messages, 1)
        while True:
            while held_s := self._pace.held_for(scope):
                await asyncio.sleep(held_s)
            if slots:
                async with self._order:
                    while wait_s := self._pace.wait_in_all(slots):
                        await asyncio.sleep(wait_s)
            # Meanwhile another request may have been told to wait.
            if not self._pace.held_for(scope):
                return slots
            self._pace.answered(slots)

    async def _note(self, handling: Handling, name: str, answer: Answer) -> None:
        message = answer[0] if isinstance(answer, list) else answer
        message_id = int(message["message_id"])
        handling.done[name] = message_id  # first, because storing it may fail
        await self._records.run(
            lambda s: s.people.inbox.note(handling.update_id, name, message_id)
        )


def _step(endpoint: str, data: dict[str, Any]) -> str:
    """Name a message by its text: a later try may say something else."""
    words = f"{data.get('text')} {data.get('caption')}"
    return f"{endpoint} {hashlib.sha256(words.encode()).hexdigest()[:12]}"


def _as_answered(endpoint: str, chat_id: Any, message_id: int) -> Answer:
    """Return the known part of Telegram's answer to an earlier try."""
    message = {"message_id": message_id, "date": 0, "chat": {"id": chat_id, "type": "private"}}
    return [message] if endpoint == "sendMediaGroup" else message


def _may_have_arrived(error: NetworkError) -> bool:
    """Return whether Telegram may have processed a request that failed with this error.

    Not so if the connection failed, or if Telegram answered with an error (5xx).
    """
    cause = error.__cause__
    if isinstance(cause, NEVER_SENT):
        return False
    return isinstance(error, TimedOut) or isinstance(cause, httpx.HTTPError)
