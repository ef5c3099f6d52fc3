"""A Telegram that gives malformed answers for a while, over real connections."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

from tests.support.telegram.fake_telegram import BOT

CUT_OFF = b""
CUT_SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
NO_HTTP = b"SSH-2.0-OpenSSH_9.6\r\n"
"""After these the connection ends."""

HTML = b"<!doctype html><title>Log in to the network</title>"


def http(status: int, body: bytes, kind: str = "text/html") -> bytes:
    """Return an HTTP response."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answer(body: Any, status: int = 200) -> bytes:
    """Return an HTTP response of JSON."""
    return http(status, json.dumps(body).encode(), "application/json")


def result(value: Any) -> bytes:
    """Return what Telegram answers where all is well."""
    return answer({"ok": True, "result": value})


def refusal(code: int, description: str, **parameters: Any) -> bytes:
    """Return a refusal of Telegram's own."""
    said: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        said["parameters"] = parameters
    return answer(said, code)


class StrangeTelegram:
    """Answers some requests strangely, and the others as Telegram does.

    Args:
        method: Which requests, such as "getUpdates".
        strange: What the first of them get, one after the other.
        updates: What `getUpdates` gives afterwards, until it is acknowledged.
    """

    def __init__(
        self, method: str, strange: Sequence[bytes], updates: Sequence[dict[str, Any]] = ()
    ) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.sent: list[dict[str, Any]] = []
        self.offsets: list[int] = []
        self.limits: list[int] = []
        self._method = method
        self._strange = list(strange)
        self._updates = list(updates)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["StrangeTelegram"]:
        """Answer while a block runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method = lines[0].split()[1].rpartition("/")[2]
                said = await self._answer(method, body)
                writer.write(said)
                await writer.drain()
                if said in (CUT_OFF, CUT_SHORT, NO_HTTP):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the bot has had enough
        finally:
            writer.close()

    async def _answer(self, method: str, body: bytes) -> bytes:
        self.asked[method] += 1
        parameters = {name: value[0] for name, value in parse_qs(body.decode()).items()}
        if method == "getUpdates":
            offset = int(parameters.get("offset", 0))
            self.offsets.append(offset)
            self.limits.append(int(parameters.get("limit", 100)))
            if self._method != method or not self._strange:
                await asyncio.sleep(0.01)
                new = [u for u in self._updates if u["update_id"] >= offset]
                return result([None, *new] if new else [])
        if method == self._method and self._strange:
            return self._strange.pop(0)
        if method == "getMe":
            return result(BOT)
        if method.startswith("send"):
            self.sent.append(parameters)
            chat = {"id": int(parameters["chat_id"]), "type": "private"}
            return result({"message_id": len(self.sent), "date": 1, "chat": chat, "text": "…"})
        return result(True)
