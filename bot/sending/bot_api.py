"""Calls Telegram's Bot API over HTTP; answers that are not Telegram's count as network errors.

A proxy, a captive portal or a server under maintenance may answer instead of Telegram: HTML with
status 200, an empty body, a 401 of their own. python-telegram-bot raises various errors for these,
such as "the token is wrong" or "the user has blocked the bot". Here they all become a
`NetworkError`, which is retried.
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
"""The longest answer that is read. Telegram's files have at most 20 MB."""

ANSWER_S = 30.0
"""How long a poll's answer may take after the time that Telegram may hold it."""

LONGEST_WAIT_S = 86_400
"""The longest plausible `retry_after`."""

MOST_AT_ONCE = 100
"""The most updates in one answer."""

UNPARSABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,  # a date out of range
    RecursionError,
    TelegramError,
    TypeError,
    ValueError,
)
"""What python-telegram-bot raises for unexpected data."""


class StrangeAnswer(NetworkError):
    """An answer that is not Telegram's, or is damaged."""


class BotApiRequest(HTTPXRequest):
    """Sends requests to the Bot API.

    Args:
        read_timeout: Seconds without data after which a request fails.
        connect_timeout: Timeout for connecting, in seconds.
        connection_pool_size: The most concurrent requests.
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
            NetworkError: There was no answer, or it is not Telegram's.
        """
        status, body = await super().do_request(
            url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
        )
        if method == "GET" and 200 <= status <= 299:
            return status, body  # a file
        return _checked_status(status, body), body


def _checked_status(status: int, body: bytes) -> int:
    """Return the status in the JSON of an answer, which counts instead of the HTTP status.

    Raises:
        StrangeAnswer: It is not an answer of Telegram's.
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
    """Return whether the fields of an error answer have the right types."""
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
    """Limit the length of a body; raises an error beyond it."""
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
    """Fetch updates as raw JSON.

    `Bot.get_updates` parses them, and fails for all of them if it cannot parse one.

    Args:
        bot: The bot.
        offset: The first wanted update; earlier ones are acknowledged.
        hold_s: How long Telegram may hold the poll, in seconds.
        allowed: The wanted kinds.
        limit: The most updates.

    Raises:
        StrangeAnswer: The answer is not a list.
    """
    asked = {"timeout": hold_s, "offset": offset, "limit": limit, "allowed_updates": allowed}
    try:
        async with asyncio.timeout(hold_s + ANSWER_S):
            # The public methods of python-telegram-bot parse the updates, or warn.
            found: Any = await bot._post("getUpdates", asked, read_timeout=hold_s + ANSWER_S)
    except TimeoutError as error:
        raise TimedOut from error
    if not isinstance(found, list):
        raise StrangeAnswer(f"updates are a list, not {type(found).__name__}")
    return found
