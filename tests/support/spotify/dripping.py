"""A web service that sends its answers byte by byte, so that no single read times out."""

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

DRIP_S = 0.2
AT_MOST = 600
"""Bytes that are dripped to one connection; nobody here waits for them all."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class DrippingService:
    """Answers every request by the same beginning, then a byte now and then."""

    def __init__(self, beginning: bytes, drops: bytes) -> None:
        self.asked = threading.Event()
        self._beginning = beginning
        self._drops = drops
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _listen(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._answer, args=[accepted]))
            self._threads[-1].start()

    def _answer(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if not accepted.recv(65536):
                return
            self.asked.set()
            accepted.sendall(self._beginning)
            for drop in itertools.islice(itertools.cycle(self._drops), AT_MOST):
                if self._end.wait(DRIP_S):
                    return
                accepted.sendall(bytes([drop]))

    def stop(self) -> None:
        self._end.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join()


HEADER = (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n")
BODY = (HEAD + b"Content-Length: 100000\r\n\r\n", b" ")
CHUNKS = (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")
UNTIL_CLOSED = (HEAD + b"Connection: close\r\n\r\n{}", b" ")
KINDS = {"header": HEADER, "body": BODY, "chunks": CHUNKS, "until closed": UNTIL_CLOSED}


@contextmanager
def dripping(kind: str) -> Iterator[DrippingService]:
    """Yield a service that drips one part of its answers."""
    service = DrippingService(*KINDS[kind])
    try:
        yield service
    finally:
        service.stop()
