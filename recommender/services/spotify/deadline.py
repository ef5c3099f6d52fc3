"""A total timeout for calls to a web service, however slowly the response arrives.

The timeout of requests restarts with each received byte. So a watchdog timer shuts down the
call's sockets at its deadline, which ends any blocked read at once.
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
    """One call, of one or several requests, and its connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.is_over = False
        """Whether the deadline has passed; then it makes no new connections."""

    def end(self) -> None:
        """Shut down its connections; thread-safe."""
        with self._lock:
            self.is_over = True
            for each in self._sockets:
                with suppress(OSError):  # closed already
                    # Not `each.shutdown`: a TLS socket's own would change it under the reader.
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

    def add(self, connection: HTTPConnection) -> None:
        """Register a new connection.

        Raises:
            TimeoutError: The deadline has passed.
        """
        with self._lock:
            if self.is_over:
                connection.close()
                raise TimeoutError("the call took too long")
            if connection.sock is not None:
                self._sockets.append(connection.sock)


class Calls:
    """The running calls.

    Args:
        total_s: Time limit of each call, in seconds.
    """

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._under_way: set[Call] = set()
        self._is_closed = False

    @contextmanager
    def limited(self, session: requests.Session) -> Iterator[None]:
        """Limit the total time of the session's requests in the block.

        Raises:
            requests.Timeout: The time limit was exceeded.
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
            if call.is_over:  # a truncated answer may look complete
                raise requests.Timeout("the call took too long")
        finally:
            watchdog.cancel()
            self._under_way.discard(call)

    def close(self) -> None:
        """End all running calls, and every later one at once."""
        self._is_closed = True
        for call in list(self._under_way):
            call.end()


class _Adapter(HTTPAdapter):
    """An HTTP adapter whose connections register with a call."""

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
        """Use our connection pools."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """Use our connection pools for proxies too."""
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager
