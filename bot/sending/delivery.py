"""How each request to Telegram goes out: at Telegram's pace, as often as needed, once if possible.

Within an update:

- A message that an earlier try sent is not sent again; its number is taken from the update's row.
- Telegram says when to come back (429): the chat concerned waits as long as told, no other does.
- Telegram fails (5xx) or cannot be reached: it is tried again, after longer and longer pauses,
  until it answers. The user's next updates wait; others do not.
- The answer to a new message got lost on its way: Telegram may have taken the message. It is sent
  once more, so that it is at most doubled; if the second answer gets lost too, `Undelivered` is
  raised and the user is told that something went wrong. Edits are the same after any number of
  tries.

The same holds for what is said `insisting`. Jobs come again by themselves, so elsewhere outside of
updates every failure is raised at once.
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
"""What makes new messages; two requests make two of them."""

IN_TURN = "getFile"
"""What is asked by somebody who holds others up meanwhile: `bot.chat.selfie.handlers` gets in line
again.
"""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before Telegram heard anything."""

Answer = Any
"""What the Bot API answers: JSON."""


class Undelivered(TelegramError):
    """Twice in a row it is unknown whether Telegram took a message."""


class Delivery(BaseRateLimiter[int]):
    """Sends requests; PTB calls it for each but `getUpdates`.

    Args:
        records: Where it is noted what was sent for an update.
        on_blocked: Called with whoever does not want to hear from the bot any more.
        limits: What Telegram takes.
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
        self._row = asyncio.Lock()  # who came first goes first

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
        """Send a request, unless an earlier try of the same update did; return the answer."""

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
            endpoint: What is asked.
            chat_id: The chat concerned; None where none is.
            messages: How many messages it makes.
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
        """Wait until a request may go out; what is impatient is refused as Telegram would.

        Returns:
            How many places it takes of all chats' until it is answered.
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
            # Those it waited for may have been told to leave somebody in peace.
            if not self._pace.held_for(whom):
                return places
            self._pace.answered(places)

    async def _note(self, handling: Handling, name: str, answer: Answer) -> None:
        message = answer[0] if isinstance(answer, list) else answer
        message_id = int(message["message_id"])
        handling.done[name] = message_id  # first: it was sent, even if that cannot be stored now
        await self._records.run(
            lambda s: s.people.inbox.note(handling.update_id, name, message_id)
        )


def _step(endpoint: str, data: dict[str, Any]) -> str:
    """Return a name for a message by its words, for a later try that may say other ones."""
    words = f"{data.get('text')} {data.get('caption')}"
    return f"{endpoint} {hashlib.sha256(words.encode()).hexdigest()[:12]}"


def _as_answered(endpoint: str, chat_id: Any, message_id: int) -> Answer:
    """Return what of Telegram's answer to an earlier try is known."""
    message = {"message_id": message_id, "date": 0, "chat": {"id": chat_id, "type": "private"}}
    return [message] if endpoint == "sendMediaGroup" else message


def _may_have_arrived(error: NetworkError) -> bool:
    """Return whether Telegram may have taken a request to which this is the end.

    It answered (5xx), and then it did not; or it was never asked; or nobody knows.
    """
    cause = error.__cause__
    if isinstance(cause, NEVER_SENT):
        return False
    return isinstance(error, TimedOut) or isinstance(cause, httpx.HTTPError)
