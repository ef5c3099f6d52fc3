"""Receives updates by webhook, for bots with a public HTTPS address.

Each delivery carries a secret, so nobody else can forge updates. Telegram delivers one update at a
time, in order, and repeats it until it is answered with 200. So a malformed body is set aside and
answered with 200 too; otherwise it would block all later updates.
"""

import asyncio
import hmac
import json
import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot
from telegram.error import Conflict

from bot.metrics import Metrics
from bot.sending.retry import persistently
from bot.settings import WEBHOOK
from bot.updates.inbox import ALLOWED_UPDATES, Inbox

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name

MAX_BODY_BYTES = 1_000_000
"""The largest body: more than any update has."""

LOOK_EVERY_S = 30.0
"""How often to check with Telegram whether deliveries succeed."""


class Webhook:
    """Receives updates from Telegram, and keeps the webhook registered.

    Args:
        bot: Calls Telegram.
        inbox: Stores each update before it is acknowledged.
        url: The webhook's address.
        secret: The secret of each delivery.
        clock: Returns the time now, in UTC.
        metrics: Records contact with Telegram.
    """

    def __init__(
        self,
        bot: Bot,
        inbox: Inbox,
        url: str,
        secret: str,
        clock: Callable[[], datetime],
        metrics: Metrics,
    ) -> None:
        self._bot = bot
        self._inbox = inbox
        self._url = url
        self._secret = secret.encode()
        self._clock = clock
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """Return the route for deliveries."""
        return [Route(WEBHOOK, self._take, methods=["POST"])]

    async def keep(self) -> None:
        """Keep the webhook registered until cancelled, and log when deliveries fail.

        Raises:
            telegram.error.InvalidToken: Telegram does not know this bot's token.
            telegram.error.Conflict: Another instance takes the same bot's updates.
        """
        await persistently(self._set)
        told = self._clock()
        while True:
            info = await persistently(self._bot.get_webhook_info)
            if info.url != self._url:
                raise Conflict("somebody else takes this bot's updates")
            self._metrics.fetched(self._clock())
            failed = info.last_error_date
            if failed is not None and failed > told:
                told = failed
                logger.warning(
                    "Telegram cannot deliver to PUBLIC_URL (%s); %d updates wait there",
                    info.last_error_message,
                    info.pending_update_count,
                )
            await asyncio.sleep(LOOK_EVERY_S)

    async def _set(self) -> bool:
        return await self._bot.set_webhook(
            self._url,
            secret_token=self._secret.decode(),
            allowed_updates=ALLOWED_UPDATES,
            max_connections=1,  # otherwise updates may arrive out of order
        )

    async def _take(self, request: Request) -> Response:
        """Receive an update; answer 200 only once it is stored or set aside."""
        shown = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(shown.encode(), self._secret):
            return Response(status_code=HTTPStatus.FORBIDDEN)
        body = bytearray()
        async for chunk in request.stream():  # to its end, otherwise Telegram would repeat it
            body += chunk[: MAX_BODY_BYTES + 1 - len(body)]
        try:
            await self._store(bytes(body))
        except sqlite3.Error as error:
            logger.error("an update cannot be stored (%s), so Telegram keeps it", error)
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return Response()

    async def _store(self, body: bytes) -> None:
        """Store a delivery, or set it aside: Telegram would repeat a refused one forever.

        Raises:
            sqlite3.Error: It could not be stored.
        """
        if len(body) > MAX_BODY_BYTES:
            await self._inbox.set_aside(body.decode(errors="replace"), "too long")
            return
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            await self._inbox.set_aside(body.decode(errors="replace"), "no JSON")
        else:
            await self._inbox.receive([found])
