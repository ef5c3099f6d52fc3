"""Delivers the local Telegram's updates to a webhook: one at a time, until the bot accepts it."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.sandbox.telegram.refusals import Json, Refusal
from bot.sandbox.telegram.updates import UpdateQueue

LOOPBACK = ("127.0.0.1", "::1")

PAUSE_S = 0.5
"""The pause after a failed delivery; the real Telegram waits longer each time."""

TIMEOUT_S = 10.0

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name


def check_webhook_url(url: str) -> None:
    """Refuse a URL that is neither HTTPS, as the real one requires, nor on this computer."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refusal("bad webhook: invalid webhook URL specified") from None
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Refusal("bad webhook: An HTTPS URL must be provided for webhook")


class Delivering:
    """A thread that delivers waiting updates to one URL until stopped.

    Args:
        updates: The waiting updates.
        url: The webhook's URL.
        secret: The secret sent along; empty for none.
        leads_to: Maps the start of public URLs to addresses on this computer.
        clock: Returns the time now, in seconds since 1970.
    """

    def __init__(
        self,
        updates: UpdateQueue,
        url: str,
        secret: str,
        leads_to: Mapping[str, str],
        clock: Callable[[], float],
    ) -> None:
        self.url = url
        self._updates = updates
        self._secret = secret
        self._leads_to = leads_to
        self._clock = clock
        self._is_stopped = False
        self._failure: Json = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._deliver()), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering."""
        self._is_stopped = True
        self._updates.look_again()

    def info(self) -> Json:
        """Return the delivery's part of `getWebhookInfo`."""
        return {"url": self.url, "max_connections": 1, **self._failure}

    async def _deliver(self) -> None:
        headers = {SECRET_HEADER: self._secret} if self._secret else {}
        async with httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S) as client:
            while True:
                update = await self._updates.first(lambda: self._is_stopped)
                if update is None:
                    return
                if failure := await self._post(client, update):
                    self._failure = {
                        "last_error_date": int(self._clock()),
                        "last_error_message": failure,
                    }
                    await asyncio.sleep(PAUSE_S)
                else:
                    self._updates.drop(update["update_id"])

    async def _post(self, client: httpx.AsyncClient, update: Any) -> str:
        """Deliver an update; return the error, empty if there was none."""
        try:
            answer = await client.post(self._reachable(), json=update)
        except httpx.HTTPError as error:
            return f"Connection failed: {type(error).__name__}"
        if answer.is_success:
            return ""
        return f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"

    def _reachable(self) -> str:
        for public, local in self._leads_to.items():
            if self.url.startswith(public):
                return local + self.url.removeprefix(public)
        return self.url
