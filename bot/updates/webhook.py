"""Receives updates by webhook, if Telegram can reach us at an HTTPS address.

Telegram sends a secret with each delivery, so that nobody else can inject updates. It repeats
every delivery that is not answered with 200, one at a time and in order. So an unusable delivery
is set aside and answered with 200; otherwise it would block all that follow.
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
from bot.sending.retry import retry_until_done
from bot.settings import WEBHOOK
from bot.updates.inbox import ALLOWED_UPDATES, Inbox

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name

MAX_BODY_BYTES = 1_000_000
"""More than any update has: a text is at most 4,096 characters."""

LOOK_EVERY_S = 30.0
"""How often Telegram is asked whether it can deliver."""


class Webhook:
    """Receives updates from Telegram and keeps the webhook registered.

    Args:
        bot: Registers the webhook.
        inbox: Stores each update before it is acknowledged.
        url: The address that Telegram delivers to.
        secret: The secret that Telegram sends with each delivery.
        clock: Returns the time now, in UTC.
        metrics: Records that Telegram answers.
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
        """Return the route that Telegram delivers to."""
        return [Route(WEBHOOK, self._take, methods=["POST"])]

    async def keep(self) -> None:
        """Register the webhook, and check it until cancelled; log failed deliveries.

        Raises:
            telegram.error.InvalidToken: Telegram does not know this bot's token.
            telegram.error.Conflict: Another instance takes the same bot's updates.
        """
        await retry_until_done(self._set)
        told = self._clock()
        while True:
            info = await retry_until_done(self._bot.get_webhook_info)
            if info.url != self._url:
                raise Conflict("another instance takes this bot's updates")
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
            max_connections=1,  # more could deliver updates out of order
        )

    async def _take(self, request: Request) -> Response:
        """Receive one update; answer 200 only once it is stored or set aside."""
        shown = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(shown.encode(), self._secret):
            return Response(status_code=HTTPStatus.FORBIDDEN)
        body = bytearray()
        async for chunk in request.stream():  # to its end, or Telegram would deliver it again
            body += chunk[: MAX_BODY_BYTES + 1 - len(body)]
        try:
            await self._store(bytes(body))
        except sqlite3.Error as error:
            logger.error("an update cannot be stored (%s); Telegram keeps it", error)
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return Response()

    async def _store(self, body: bytes) -> None:
        """Store a delivery, or set it aside: if refused, Telegram would repeat it forever.

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
