"""Limits on what strangers may use of the web pages: connections, time and bytes.

Anybody can open connections and send nothing, or a byte a minute. Uvicorn waits for them without
limit, and asyncio accepts connections until the process runs out of file descriptors, which takes
down Telegram, Spotify and the database too. So we accept connections ourselves, up to a limit. A
client that has not sent a whole request in time is disconnected, much sooner when all slots are
taken. Others wait in the operating system's backlog.

All addresses are treated alike: behind a tunnel or proxy everybody has the same one.
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
"""The pause after a connection could not be accepted."""


@dataclass(frozen=True, slots=True)
class WebLimits:
    """The limits of a web server.

    Args:
        connections: The most open connections; more wait until one ends.
        request_s: Seconds for a whole request to arrive, and for an answer to be read.
        hurried_s: The same while all connections are in use.
        body_bytes: The longest body of a request.
    """

    connections: int
    request_s: float = 10.0
    hurried_s: float = 1.0
    body_bytes: int = 1_000_000


def public_limits() -> WebLimits:
    """Return the limits of the public pages.

    They may use a quarter of the file descriptors of this process: Telegram's 64 connections,
    Spotify's 32, the database and the worker need the rest.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WebLimits(256 if most == resource.RLIM_INFINITY else max(16, min(256, most // 4)))


OPS_LIMITS = WebLimits(connections=16, body_bytes=10_000)
"""For the pages that only this computer reaches, used by a probe or two."""


class TimedProtocol(H11Protocol):
    """Uvicorn's HTTP protocol, tracking how long the client has kept us waiting."""

    gate: "Gate"
    since_s: float | None = None
    """When the client began to keep us waiting; None while we are answering or disconnected."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as H11Protocol's
        """Start waiting for a request."""
        super().connection_made(transport)
        self._note()

    def data_received(self, data: bytes) -> None:
        """Handle a part of a request."""
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        super().on_response_complete()
        self._note()

    def pause_writing(self) -> None:
        """Start waiting for the client to read the answer."""
        super().pause_writing()
        self._note()

    def resume_writing(self) -> None:
        """Continue answering."""
        super().resume_writing()
        self._note()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free this connection's slot."""
        super().connection_lost(exc)
        self.since_s = None
        self.gate.closed(self)

    def _note(self) -> None:
        """Note whether the client is keeping us waiting."""
        if self._is_answering() and not self.flow.write_paused:
            self.since_s = None
        elif self.since_s is None:  # a byte now and then does not reset the timeout
            self.since_s = self.loop.time()

    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body


class Gate:
    """Accepts connections for one server, and disconnects clients that are too slow.

    Args:
        server: A uvicorn server that does not listen itself.
        limits: The limits.
    """

    def __init__(self, server: uvicorn.Server, limits: WebLimits) -> None:
        self._server = server
        self._limits = limits
        self._open: set[TimedProtocol] = set()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def closed(self, protocol: TimedProtocol) -> None:
        """Note that a connection has ended."""
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
            except ConnectionError:  # gone before it was accepted
                continue
            except OSError as error:
                logger.error("cannot accept connections to the web pages: %s", error)
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
            self.closed(protocol)

    async def watch(self) -> None:
        """Disconnect clients that take too long, until cancelled."""
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
    """Refuses requests whose body is too long, by its header or while it is read.

    Args:
        app: Handles the other requests.
        most: The most bytes accepted.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
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
