"""Sends requests to Telegram within its rate limits, with retries, and without duplicates.

Within an update:

- A message that an earlier try sent is not sent again; its id is taken from the update's row.
- After a 429, the chat concerned waits as long as Telegram says; other chats do not.
- After a 5xx, or without a connection, the request is retried with exponential backoff. The user's
  next updates wait; other users do not.
- If the answer to a new message got lost, Telegram may have sent it. It is sent once more, so
there
  is at most one duplicate. If the second answer gets lost too, `Undelivered` is raised and the
  user is told that something went wrong. Edits are idempotent and retried without limit.

The same holds within `insisting`. Elsewhere outside of updates, as in jobs, errors are raised at
once: jobs run again anyway.
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
from bot.sending.retry import FIRST_PAUSE_S, LONGEST_PAUSE_S, seconds_of
from bot.storage.records import Records

logger = logging.getLogger(__name__)

NEW_MESSAGES = frozenset({"sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup"})
"""Methods that are not idempotent: they create messages."""

IN_TURN = "getFile"
"""Not retried here: the caller holds a turn in the photo queue, and rejoins the queue instead."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors before the request reached Telegram."""

Answer = Any
"""A JSON answer of the Bot API."""


class Undelivered(TelegramError):
    """It is unknown whether Telegram sent a message, twice in a row."""


class Delivery(BaseRateLimiter[int]):
    """Sends requests; PTB calls it for all methods but `getUpdates`.

    Args:
        records: Stores which messages were sent for an update.
        on_blocked: Called with the id of a user who blocked the bot.
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
        self._row = asyncio.Lock()  # first come, first served

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Nothing to put away."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Answer]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> Answer:
        """Send a request and return the answer, unless an earlier try of this update sent it."""

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
            endpoint: The method.
            chat_id: The chat concerned; None for none.
            messages: The number of messages it creates.
        """
        is_patient = is_insisted_on() and endpoint != IN_TURN
        is_doubtful, pause_s = False, FIRST_PAUSE_S
        whom = endpoint if chat_id is None else chat_id
        while True:
            places = await self._wait_for_turn(whom, chat_id, messages, is_patient=is_patient)
            try:
                return await self._until_answered(send, places)
            except RetryAfter as error:
                self._pace.hold(whom, seconds_of(error))
                if not is_patient:
                    raise
            except Forbidden:
                if chat_id is not None:
                    await self._on_blocked(int(chat_id))
                raise
            except BadRequest:
                raise  # a kind of NetworkError, though the network is fine
            except NetworkError as error:
                if not is_patient:
                    raise
                if messages and _may_have_arrived(error):
                    if is_doubtful:
                        raise Undelivered("two answers got lost") from error
                    is_doubtful = True
                logger.warning("Telegram fails (%s); next try in %.0f s", error, pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _until_answered(self, send: Callable[[], Awaitable[Answer]], places: int) -> Answer:
        try:
            return await send()
        finally:
            self._pace.answered(places)

    async def _wait_for_turn(
        self, whom: Any, chat_id: Any, messages: int, *, is_patient: bool
    ) -> int:
        """Wait until a request may be sent; raise for methods that must not wait.

        Returns:
            How many places of the global limit it holds until it is answered.
        """
        if (held_s := self._pace.held_for(whom)) and not is_patient:
            raise RetryAfter(math.ceil(held_s))
        if messages and (wait_s := self._pace.wait_in_chat(chat_id, messages)):
            await asyncio.sleep(wait_s)
        places = 0 if chat_id is None else max(messages, 1)
        while True:
            while held_s := self._pace.held_for(whom):
                await asyncio.sleep(held_s)
            if places:
                async with self._row:
                    while wait_s := self._pace.wait_in_all(places):
                        await asyncio.sleep(wait_s)
            # Meanwhile this chat may have got a 429.
            if not self._pace.held_for(whom):
                return places
            self._pace.answered(places)

    async def _note(self, handling: Handling, name: str, answer: Answer) -> None:
        message = answer[0] if isinstance(answer, list) else answer
        message_id = int(message["message_id"])
        handling.done[name] = message_id  # first, in case storing it fails
        await self._records.run(
            lambda s: s.people.inbox.note(handling.update_id, name, message_id)
        )


def _step(endpoint: str, data: dict[str, Any]) -> str:
    """Return a name for a message that depends on its text: a retry may send another text."""
    words = f"{data.get('text')} {data.get('caption')}"
    return f"{endpoint} {hashlib.sha256(words.encode()).hexdigest()[:12]}"


def _as_answered(endpoint: str, chat_id: Any, message_id: int) -> Answer:
    """Rebuild the known part of Telegram's answer to an earlier try."""
    message = {"message_id": message_id, "date": 0, "chat": {"id": chat_id, "type": "private"}}
    return [message] if endpoint == "sendMediaGroup" else message


def _may_have_arrived(error: NetworkError) -> bool:
    """Return whether Telegram may have carried out a request that ended with this error.

    After an answer (5xx) it did not, nor if it was never reached; otherwise this is unknown.
    """
    cause = error.__cause__
    if isinstance(cause, NEVER_SENT):
        return False
    return isinstance(error, TimedOut) or isinstance(cause, httpx.HTTPError)
