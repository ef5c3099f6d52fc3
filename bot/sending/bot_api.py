"""Asks Telegram's Bot API over HTTP, and trusts nothing that Telegram cannot have answered.

Between the bot and Telegram there may be a proxy, a hotel's login page, or a server that is being
updated. Their answers look like anything: HTML with status 200, an empty body, a 401 of their own.
python-telegram-bot raises very different errors for those, among them "the token is wrong" and
"the user has blocked the bot". Here they all become a `NetworkError`, after which one asks again.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
from telegram import Bot
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, HTTPXRequest, RequestData

MAX_ANSWER_BYTES = 50_000_000
"""An answer longer than this is not read to its end. Telegram's files have at most 20 MB."""

ANSWER_S = 30.0
"""How long the answer to `getUpdates` may take, beyond the time that Telegram may hold it back."""

LONGEST_WAIT_S = 86_400
"""How long Telegram asks anybody to wait, at most."""

MOST_AT_ONCE = 100
"""How many updates Telegram hands out at a time, at most."""

UNPARSABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,  # a date that no clock can show
    RecursionError,
    TelegramError,
    TypeError,
    ValueError,
)
"""What python-telegram-bot raises where something is not as it expects."""


class StrangeAnswer(NetworkError):
    """An answer that does not come from Telegram, or is damaged."""


class BotApiRequest(HTTPXRequest):
    """Sends requests to the Bot API.

    Args:
        read_timeout: Seconds without a single byte after which a request fails.
        connect_timeout: Seconds until there is a connection.
        connection_pool_size: How many requests may be under way.
    """

    def __init__(
        self,
        *,
        read_timeout: float,
        connect_timeout: float = 5.0,
        connection_pool_size: int = 1,
    ) -> None:
        super().__init__(
            connection_pool_size=connection_pool_size,
            read_timeout=read_timeout,
            connect_timeout=connect_timeout,
            httpx_kwargs={"event_hooks": {"response": [_limit_length]}},
        )

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer.

        Raises:
            NetworkError: None came, or one that Telegram cannot have given.
        """
        status, body = await super().do_request(
            url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
        )
        if method == "GET" and 200 <= status <= 299:
            return status, body  # a file
        return _checked_status(status, body), body


def _checked_status(status: int, body: bytes) -> int:
    """Return the status that an answer of Telegram's has; what it says counts, not HTTP's.

    Raises:
        StrangeAnswer: It is no answer of Telegram's.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        if answer.get("ok") is True and "result" in answer and 200 <= status <= 299:
            return status
        code = answer.get("error_code")
        if answer.get("ok") is False and _is_refusal(answer) and code is not None:
            return int(code)
    raise StrangeAnswer(f"no answer of Telegram's: HTTP {status}, {len(body)} bytes")


def _is_refusal(answer: dict[str, Any]) -> bool:
    """Return whether the parts of a refusal are of the types that Telegram gives them."""
    code, parameters = answer.get("error_code"), answer.get("parameters") or {}
    return (
        isinstance(code, int)
        and 300 <= code <= 599
        and isinstance(answer.get("description", ""), str)
        and isinstance(parameters, dict)
        and all(isinstance(value, int) for value in parameters.values())
        and 0 <= parameters.get("retry_after", 0) <= LONGEST_WAIT_S
    )


async def _limit_length(response: httpx.Response) -> None:
    """Have the body end with an error where it is too long."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Limited(response.stream)


class _Limited(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for part in self._stream:
            length += len(part)
            if length > MAX_ANSWER_BYTES:
                raise StrangeAnswer(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def raw_updates(
    bot: Bot,
    offset: int | None,
    *,
    hold_s: int,
    allowed: Sequence[str],
    limit: int = MOST_AT_ONCE,
) -> list[Any]:
    """Fetch updates as the JSON that Telegram sent.

    `Bot.get_updates` parses them, and fails for all of them where it cannot parse one.

    Args:
        bot: Whose updates.
        offset: The first that is wanted; those before it count as received.
        hold_s: How long Telegram may wait for one to come, in seconds.
        allowed: The kinds that are wanted.
        limit: How many are wanted at most.

    Raises:
        StrangeAnswer: The answer is no list.
    """
    asked = {"timeout": hold_s, "offset": offset, "limit": limit, "allowed_updates": allowed}
    try:
        async with asyncio.timeout(hold_s + ANSWER_S):
            # What is public of python-telegram-bot parses the updates, or warns.
            found: Any = await bot._post("getUpdates", asked, read_timeout=hold_s + ANSWER_S)
    except TimeoutError as error:
        raise TimedOut from error
    if not isinstance(found, list):
        raise StrangeAnswer(f"updates are a list, not {type(found).__name__}")
    return found
