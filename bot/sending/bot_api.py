"""Calls Telegram's Bot API over HTTP and checks that each answer can be Telegram's.

A proxy, a login page, or a server being updated may answer in Telegram's place: with HTML and
status 200, an empty body, or a 401 of its own. python-telegram-bot raises misleading errors for
those, such as "wrong token" or "blocked by the user". Here they all become a `NetworkError`, so
that the call is retried.
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
"""Longer answers are not read to the end. Telegram's files have at most 20 MB."""

READ_MARGIN_S = 30.0
"""Timeout for `getUpdates` in seconds, on top of the time that Telegram may hold the request open.
"""

MAX_RETRY_AFTER_S = 86_400
"""The longest `retry_after` that we accept as Telegram's."""

MAX_UPDATES = 100
"""The most updates that Telegram returns at once."""

PARSE_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,  # a date that no clock can show
    RecursionError,
    TelegramError,
    TypeError,
    ValueError,
)
"""What python-telegram-bot raises for data that it does not expect."""


class InvalidAnswer(NetworkError):
    """An answer that is damaged or does not come from Telegram."""


class BotApiRequest(HTTPXRequest):
    """Sends requests to the Bot API.

    Args:
        read_timeout: Seconds without a byte after which a request fails.
        connect_timeout: Seconds to wait for a connection.
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
            NetworkError: No answer came, or one that is not Telegram's.
        """
        status, body = await super().do_request(
            url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
        )
        if method == "GET" and 200 <= status <= 299:
            return status, body  # a file
        return _checked_status(status, body), body


def _checked_status(status: int, body: bytes) -> int:
    """Return the status that Telegram's JSON states, which overrides HTTP's.

    Raises:
        InvalidAnswer: The answer is not Telegram's.
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
    raise InvalidAnswer(f"not an answer from Telegram: HTTP {status}, {len(body)} bytes")


def _is_refusal(answer: dict[str, Any]) -> bool:
    """Return whether the fields of a refusal have the types that Telegram gives them."""
    code, parameters = answer.get("error_code"), answer.get("parameters") or {}
    return (
        isinstance(code, int)
        and 300 <= code <= 599
        and isinstance(answer.get("description", ""), str)
        and isinstance(parameters, dict)
        and all(isinstance(value, int) for value in parameters.values())
        and 0 <= parameters.get("retry_after", 0) <= MAX_RETRY_AFTER_S
    )


async def _limit_length(response: httpx.Response) -> None:
    """Make reading the body fail once it is too long."""
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
                raise InvalidAnswer(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def raw_updates(
    bot: Bot,
    offset: int | None,
    *,
    hold_s: int,
    allowed: Sequence[str],
    limit: int = MAX_UPDATES,
) -> list[Any]:
    """Fetch updates as the JSON that Telegram sent.

    `Bot.get_updates` parses them, and fails for the whole batch if it cannot parse one.

    Args:
        bot: The bot whose updates to fetch.
        offset: The first update wanted; earlier ones are acknowledged.
        hold_s: How long Telegram may hold the request open, in seconds.
        allowed: The kinds of updates wanted.
        limit: The most updates wanted.

    Raises:
        InvalidAnswer: The answer is not a list.
    """
    asked = {"timeout": hold_s, "offset": offset, "limit": limit, "allowed_updates": allowed}
    try:
        async with asyncio.timeout(hold_s + READ_MARGIN_S):
            # python-telegram-bot's public methods parse the updates, or warn.
            found: Any = await bot._post("getUpdates", asked, read_timeout=hold_s + READ_MARGIN_S)
    except TimeoutError as error:
        raise TimedOut from error
    if not isinstance(found, list):
        raise InvalidAnswer(f"updates must be a list, not {type(found).__name__}")
    return found
