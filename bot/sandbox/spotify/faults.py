"""Fault injection for the local Spotify: once from a test, or by a switch on the chat page.

The switches are known failures of the real service, so that the bot's reaction to each can be seen
at any time.
"""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

TOKEN = "/api/token"  # noqa: S105 - a path
"""The token endpoint; only faults that name it apply to it."""

LONGER_THAN_ANYBODY_WAITS_S = 60.0

_NO_JSON = b'<html><body><h1>upstream connect error</h1></body></html>\n{"error'


@dataclass(slots=True)
class Fault:
    """A fault: replaces the proper answer for the next `times` matching requests.

    Args:
        method: The method of matching requests; empty for all.
        path: A part of their path; empty for all of the Web API.
        status: The status to answer with.
        retry_after: Seconds in the Retry-After header.
        reason: The machine-readable reason in the body.
        after: Whether the request is carried out and only its answer is lost.
        times: How many more requests it applies to.
        message: The message in the body.
        error: The OAuth error code, if the fault is at the token endpoint.
        delay_s: Seconds before the answer.
        content: A literal answer instead of an error.
    """

    method: str = ""
    path: str = ""
    status: int = 500
    retry_after: int | None = None
    reason: str | None = None
    after: bool = False
    times: float = 1
    message: str = "Injected fault"
    error: str = "server_error"
    delay_s: float = 0.0
    content: bytes | None = None

    def hits(self, method: str, path: str, *, after: bool) -> bool:
        """Return whether the fault applies to this request, before or after it is carried out."""
        if self.after != after or (path == TOKEN and self.path != TOKEN):
            return False
        return self.method in ("", method) and self.path in path

    async def answer(self, request: Request) -> Response:
        """Return the faulty answer, after the delay."""
        waited_s = 0.0
        while waited_s < self.delay_s and not await request.is_disconnected():
            await asyncio.sleep(0.05)
            waited_s += 0.05
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.content is not None:
            return Response(self.content, self.status, headers, "application/json")
        if request.url.path.endswith(TOKEN):
            body: dict[str, object] = {"error": self.error, "error_description": self.message}
        else:
            told = {"status": self.status, "message": self.message}
            body = {"error": told | ({"reason": self.reason} if self.reason else {})}
        return JSONResponse(body, self.status, headers)


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch on the chat page for one kind of failure.

    Args:
        label: Its label on the chat page.
        faults: The faults while it is on.
        silences: How many of the tracks that are written next no longer play.
    """

    label: str
    faults: tuple[Fault, ...] = ()
    silences: int = 0


def _always(**what: Any) -> Fault:
    return Fault(times=math.inf, **what)


_LIMIT = "API rate limit exceeded"
_SPENT = {"status": 429, "message": _LIMIT}

SWITCHES = {
    "seconds": Switch(
        "429 for two seconds, once", (Fault(status=429, retry_after=2, message=_LIMIT),)
    ),
    "minutes": Switch(
        "429 for two minutes, once",
        (Fault(status=429, retry_after=120, message=_LIMIT),),
    ),
    "hour": Switch("429 for an hour", (_always(retry_after=3600, **_SPENT),)),
    "quota": Switch(
        "429, daily quota spent",
        (_always(retry_after=7200, reason="QUOTA_EXCEEDED", **_SPENT),),
    ),
    "expired": Switch(
        "401, token refused, once",
        (Fault(status=401, message="The access token expired"),),
    ),
    "revoked": Switch(
        "401, app removed by its listener",
        (
            _always(status=401, message="Invalid access token"),
            _always(
                path=TOKEN, status=400, error="invalid_grant", message="Refresh token revoked"
            ),
        ),
    ),
    "unlisted": Switch(
        "403, not on the app's list",
        (
            _always(
                status=403,
                message="Check settings on developer.spotify.com/dashboard, the user may not be "
                "registered.",
            ),
        ),
    ),
    "premium": Switch(
        "403, owner without Premium",
        (
            _always(
                status=403, message="Active premium subscription required for the owner of the app"
            ),
        ),
    ),
    "forbidden": Switch("403, forbidden", (_always(status=403, message="Forbidden"),)),
    "gone": Switch(
        "404, playlist not found",
        (_always(method="PUT", path="/items", status=404, message="Resource not found"),),
    ),
    "error": Switch(
        "500, server error",
        (
            _always(message="Internal server error"),
            _always(path=TOKEN, message="Internal server error"),
        ),
    ),
    "lost": Switch(
        "502 after making it, once",
        (Fault("POST", "/me/playlists", 502, after=True, message="Bad gateway"),),
    ),
    "slow": Switch(
        "nothing at all (time-out)",
        (
            _always(status=504, delay_s=LONGER_THAN_ANYBODY_WAITS_S),
            _always(path=TOKEN, status=504, delay_s=LONGER_THAN_ANYBODY_WAITS_S),
        ),
    ),
    "nonsense": Switch(
        "nonsense for JSON",
        (
            _always(status=200, content=_NO_JSON),
            _always(path=TOKEN, status=200, content=_NO_JSON),
        ),
    ),
    "silent": Switch("with three silent tracks, once", silences=3),
}
"""By name; one-time failures end with the first matching request."""


@dataclass(slots=True)
class Faults:
    """The active faults, and the switch that is on."""

    waiting: list[Fault] = field(default_factory=list)
    silences: int = 0
    _on: str = ""

    @property
    def switch(self) -> str:
        """The name of the switch that is on; empty if none is."""
        return self._on if self.waiting or self.silences else ""

    def turn(self, name: str) -> None:
        """Turn one switch on and all others off; an empty name turns all off.

        Raises:
            KeyError: There is no such switch.
        """
        chosen = SWITCHES[name] if name else Switch("")
        self.waiting = [replace(fault) for fault in chosen.faults]
        self.silences = chosen.silences
        self._on = name

    def hit(self, method: str, path: str, *, after: bool) -> Fault | None:
        """Return the fault that applies to this request, if any, and count it."""
        for fault in self.waiting:
            if fault.hits(method, path, after=after):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None

    def take_silenced(self, uris: Iterable[str]) -> list[str]:
        """Return which of the written tracks no longer play from now on."""
        silenced, self.silences = list(uris)[: self.silences], 0
        return silenced
