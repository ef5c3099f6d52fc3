"""Limits for visitors of the web pages: connections, time, and size of requests.

A visitor can open connections and send nothing, or a byte a minute. Uvicorn has no timeout for
that, and asyncio accepts connections until the process runs out of file descriptors, which breaks
Telegram, Spotify and the database too. So connections are accepted here, up to a limit. A
connection without a complete request is closed after a timeout, and much sooner when the limit is
reached. Further connections wait in the backlog.

There are no limits per address: behind a tunnel or proxy, all visitors have the same one.
"""

import asyncio
import logging
import resource
import socket
from dataclasses import dataclass

import uvicorn
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

logger = logging.getLogger(__name__)

_ACCEPT_PAUSE_S = 0.5
"""Pause after a failure to accept a connection."""


@dataclass(frozen=True, slots=True)
class WebLimits:
    """The limits.

    Args:
        connections: The most open connections; further ones wait.
        request_s: Timeout for receiving a request, and for sending an answer.
        hurried_s: The same while the limit of connections is reached.
        body_bytes: The largest body of a request.
    """

    connections: int
    request_s: float = 10.0
    hurried_s: float = 1.0
    body_bytes: int = 1_000_000


def public_limits() -> WebLimits:
    """Return the limits for public pages.

    They may use a quarter of the process's file descriptors: Telegram's 64 connections, Spotify's
    32, the database and the worker need the rest.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WebLimits(256 if most == resource.RLIM_INFINITY else max(16, min(256, most // 4)))


OPS_LIMITS = WebLimits(connections=16, body_bytes=10_000)
"""The limits for the pages on this computer only."""


class TimedProtocol(H11Protocol):
    """Uvicorn's HTTP protocol with a record of how long the client keeps it waiting."""

    gate: "Gate"
    since_s: float | None = None
    """Since when we wait for the client; None if we do not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a request."""
        super().connection_made(transport)
        self._note()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        super().on_response_complete()
        self._note()

    def pause_writing(self) -> None:
        """Start waiting for the client to receive the answer."""
        super().pause_writing()
        self._note()

    def resume_writing(self) -> None:
        """Continue sending."""
        super().resume_writing()
        self._note()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the slot."""
        super().connection_lost(exc)
        self.since_s = None
        self.gate.left(self)

    def _note(self) -> None:
        """Record whether we wait for the client."""
        if self._is_answering() and not self.flow.write_paused:
            self.since_s = None
        elif self.since_s is None:  # single bytes do not extend the timeout
            self.since_s = self.loop.time()

    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body


class Gate:
    """Accepts connections for a server, and closes those that are too slow.

    Args:
        server: Uvicorn's server, which does not listen itself.
        limits: The limits.
    """

    def __init__(self, server: uvicorn.Server, limits: WebLimits) -> None:
        self._server = server
        self._limits = limits
        self._open: set[TimedProtocol] = set()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def left(self, protocol: TimedProtocol) -> None:
        """Record the end of a connection."""
        self._open.discard(protocol)
        self._has_room.set()

    async def keep(self, listener: socket.socket) -> None:
        """Accept connections until cancelled."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        while True:
            await self._has_room.wait()
            try:
                accepted, _ = await loop.sock_accept(listener)
            except ConnectionError:  # closed before it was accepted
                continue
            except OSError as error:
                logger.error("no connection to the web pages can be accepted: %s", error)
                await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue
            await self._let_in(loop, accepted)

    async def _let_in(self, loop: asyncio.AbstractEventLoop, accepted: socket.socket) -> None:
        protocol = TimedProtocol(self._server.config, self._server.server_state, {}, loop)
        protocol.gate = self
        self._open.add(protocol)
        if len(self._open) >= self._limits.connections:
            self._has_room.clear()
        try:
            await loop.connect_accepted_socket(lambda: protocol, accepted)
        except OSError:
            accepted.close()
            self.left(protocol)

    async def watch(self) -> None:
        """Close slow connections, until cancelled."""
        pause_s = min(self._limits.hurried_s, self._limits.request_s) / 4
        while True:
            await asyncio.sleep(pause_s)
            now_s = asyncio.get_running_loop().time()
            limits = self._limits
            patience_s = limits.request_s if self._has_room.is_set() else limits.hurried_s
            for each in list(self._open):
                if each.since_s is not None and now_s - each.since_s > patience_s:
                    each.transport.abort()


class BodyLimit:
    """Refuses requests with a too large body, before or while it arrives.

    Args:
        app: Answers the other requests.
        most: The largest body in bytes.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        taken = 0

        async def receive_little() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise HTTPException(413)
            return message

        declared = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._most:
            await Response(status_code=413, headers={"Connection": "close"})(scope, receive, send)
        else:
            await self._app(scope, receive_little, send)
