"""How much strangers may take of the web pages: connections, time, bytes and log lines.

Whoever can reach the pages can open connections and say nothing, or a byte a minute. Uvicorn
waits for them as long as they like, and asyncio accepts until the process has no file left, which
takes Telegram, Spotify and the database down too. So connections are accepted here, as many as
there are slots; whoever has not sent a whole request after a while must leave, and much sooner
when all slots are taken. Those who come meanwhile wait with the operating system.

No address is treated unlike another: behind a tunnel or a proxy all have the same one.
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
"""Before another connection is accepted after one could not be."""


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What the web pages give to whoever comes.

    Args:
        connections: How many may be open at once; more wait until one of them ends.
        request_s: How long a whole request may take to arrive, and an answer to be taken.
        hurried_s: The same while no further connection can be accepted.
        body_bytes: How long the body of a request may be.
    """

    connections: int
    request_s: float = 10.0
    hurried_s: float = 1.0
    body_bytes: int = 1_000_000


def public_limits() -> WebLimits:
    """Return the limits of pages that anybody may reach.

    They may take a quarter of the files that this process may open: Telegram's 64 connections,
    Spotify's 32, the database and the worker need the rest.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WebLimits(256 if most == resource.RLIM_INFINITY else max(16, min(256, most // 4)))


OPS_LIMITS = WebLimits(connections=16, body_bytes=10_000)
"""Of the pages for this computer alone, which a probe or two look at."""


class TimedProtocol(H11Protocol):
    """Uvicorn's HTTP, which hangs up on whoever keeps it waiting."""

    gate: "Gate"
    since_s: float | None = None
    """Since when the other side has kept us waiting; None while we do, or have no connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._note()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._note()

    def pause_writing(self) -> None:
        """Begin to wait for an answer to be taken."""
        super().pause_writing()
        self._note()

    def resume_writing(self) -> None:
        """Go on answering."""
        super().resume_writing()
        self._note()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let somebody else in."""
        super().connection_lost(exc)
        self.since_s = None
        self.gate.left(self)

    def _note(self) -> None:
        """Note whether it is the other side that keeps us waiting."""
        if self._is_answering() and not self.flow.write_paused:
            self.since_s = None
        elif self.since_s is None:  # a byte now and then buys no more time
            self.since_s = self.loop.time()

    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body


class Gate:
    """Accepts connections to one server, and hangs up on those who keep it waiting.

    Args:
        server: Uvicorn's, which listens nowhere itself.
        limits: How many, and how long.
    """

    def __init__(self, server: uvicorn.Server, limits: WebLimits) -> None:
        self._server = server
        self._limits = limits
        self._open: set[TimedProtocol] = set()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def left(self, protocol: TimedProtocol) -> None:
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
        """Hang up on whoever takes too long, until cancelled."""
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
    """Refuses requests whose body is too long, before or while it comes.

    Args:
        app: What answers the others.
        most: How many bytes are taken.
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
