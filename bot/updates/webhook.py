"""Having Telegram deliver updates to us (webhook), where it can reach us by an HTTPS address.

Telegram shows a secret with each delivery, so nobody else can put words into anybody's mouth, and
delivers again what was not answered with 200. It delivers one update at a time, in their order.
So what cannot be used is set aside and answered with 200: else nothing behind it would come.
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
"""More than any update has: a text is at most 4,096 characters."""

LOOK_EVERY_S = 30.0
"""How often Telegram is asked whether it can deliver."""


class Webhook:
    """Takes updates from Telegram, and sees to it that it delivers them here.

    Args:
        bot: Tells Telegram.
        inbox: Stores each update before Telegram is told that we have it.
        url: Where Telegram delivers.
        secret: What it shows.
        clock: Returns the time now, in UTC.
        metrics: Notes that Telegram is there.
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
        """Return the route to which Telegram delivers."""
        return [Route(WEBHOOK, self._take, methods=["POST"])]

    async def keep(self) -> None:
        """Have Telegram deliver here until cancelled; say so where it cannot.

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
            max_connections=1,  # else later updates may come before earlier ones
        )

    async def _take(self, request: Request) -> Response:
        """Take one update; 200 only once it is stored, or set aside."""
        shown = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(shown.encode(), self._secret):
            return Response(status_code=HTTPStatus.FORBIDDEN)
        body = bytearray()
        async for chunk in request.stream():  # to its end, else Telegram would deliver it again
            body += chunk[: MAX_BODY_BYTES + 1 - len(body)]
        try:
            await self._store(bytes(body))
        except sqlite3.Error as error:
            logger.error("an update cannot be stored (%s), so Telegram keeps it", error)
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return Response()

    async def _store(self, body: bytes) -> None:
        """Store what Telegram delivered, or set it aside: a refusal would bring it back for ever.

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
