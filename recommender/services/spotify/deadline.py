"""Ends a call to a web service in time, however slowly its answer drips.

The timeout of requests starts anew with each byte that comes. So a watchdog shuts the connections
of a call when its time is over, whereupon whoever reads from them stops at once.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Call:
    """One call, of one request or several, and the connections that it uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.is_over = False
        """Whether its time is over; then it connects no more."""

    def end(self) -> None:
        """Shut its connections, from whichever thread."""
        with self._lock:
            self.is_over = True
            for each in self._sockets:
                with suppress(OSError):  # closed before
                    # Not its own method: that of TLS would change it under whoever reads.
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

    def add(self, connection: HTTPConnection) -> None:
        """Note that it has connected.

        Raises:
            TimeoutError: Its time is over.
        """
        with self._lock:
            if self.is_over:
                connection.close()
                raise TimeoutError("the call took too long")
            if connection.sock is not None:
                self._sockets.append(connection.sock)


class Calls:
    """The calls that are under way.

    Args:
        total_s: How long each may take at most.
    """

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._under_way: set[Call] = set()
        self._is_closed = False

    @contextmanager
    def limited(self, session: requests.Session) -> Iterator[None]:
        """See to it that the block's requests by this session end in time.

        Raises:
            requests.Timeout: They did not.
        """
        call = Call()
        adapter = _Adapter(call)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        watchdog = threading.Timer(self._total_s, call.end)
        watchdog.daemon = True
        self._under_way.add(call)
        if self._is_closed:
            call.end()
        watchdog.start()
        try:
            yield
            if call.is_over:  # an answer that was cut off may look like a whole one
                raise requests.Timeout("the call took too long")
        finally:
            watchdog.cancel()
            self._under_way.discard(call)

    def close(self) -> None:
        """End what is under way, and whatever comes later."""
        self._is_closed = True
        for call in list(self._under_way):
            call.end()


class _Adapter(HTTPAdapter):
    """What requests sends by, except that its connections belong to a call."""

    def __init__(self, call: Call) -> None:
        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                call.add(self)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                call.add(self)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make what connections come from."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """Return what connections by a proxy come from."""
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager
