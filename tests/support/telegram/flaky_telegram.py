"""Middleware that makes the local Telegram fail often: 429, 5xx, timeouts, conflicts.

Behind a timeout either the request was lost, or Telegram acted and its answer was lost.
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import numpy as np
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NEW_MESSAGES = ("sendmessage", "sendphoto", "senddocument")
LONGEST_HOLD_S = 3


@dataclass
class FlakyTelegram:
    """Fails some requests, and records what came when.

    Args:
        app: The local Telegram.
        silence_s: How long a request is left without an answer; longer than the bot waits.
        share: How many of the requests fail.
        seed: Decides which.
    """

    app: ASGIApp
    silence_s: float
    share: float = 0.0
    seed: int = 7
    failed: Counter[str] = field(default_factory=Counter)
    lost_answers: list[str] = field(default_factory=list)
    sent_s: list[tuple[float, str]] = field(default_factory=list)
    early: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._held_s: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or not, and its answer, or not."""
        if scope["type"] != "http" or "/file/" in scope["path"]:
            await self.app(scope, receive, send)
            return
        body, method = await _body_of(receive), scope["path"].rpartition("/")[2].lower()
        whom = _chat(body) or method
        self._note(method, whom)
        failure = self._failure(method)
        if failure:
            self.failed[failure] += 1
        match failure:
            case "429":
                seconds = int(self._rng.integers(1, LONGEST_HOLD_S + 1))
                self._held_s[whom] = time.monotonic() + seconds
                await _refuse(send, 429, "Too Many Requests", {"retry_after": seconds})
            case "500" | "502":
                await _refuse(send, int(failure), "Bad Gateway", {})
            case "409":
                await _refuse(send, 409, "Conflict: terminated by other getUpdates request", {})
            case "no request" | "no answer":
                if failure == "no answer":
                    await self.app(scope, _replayed(body), _to_nobody)
                    self.lost_answers.append(_text(body))
                await asyncio.sleep(self.silence_s)
                await _refuse(send, 504, "Gateway Timeout", {})  # nobody listens any more
            case _:
                await self.app(scope, _replayed(body), send)

    def _failure(self, method: str) -> str:
        if self._rng.random() >= self.share:
            return ""
        kinds = ["429", "500", "502", "no request", "no answer"]
        if method == "getupdates":  # whose loss of an answer is no loss: it is asked again
            kinds = ["429", "500", "502", "no request", "409"]
        return str(self._rng.choice(kinds))

    def _note(self, method: str, whom: str) -> None:
        now_s = time.monotonic()
        if now_s < self._held_s.get(whom, 0.0):
            self.early.append(f"{method} for {whom}, {self._held_s[whom] - now_s:.3f} s too early")
        if method in NEW_MESSAGES:
            self.sent_s.append((now_s, whom))

    def most_within(self, seconds: float, whom: str | None = None) -> int:
        """Return how many new messages came in the fullest span of time, of all or to one chat."""
        times = [at for at, chat in self.sent_s if whom in (None, chat)]
        spans = (np.searchsorted(times, at + seconds) - n for n, at in enumerate(times))
        return int(max(spans, default=0))


async def _body_of(receive: Receive) -> bytes:
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return body


def _replayed(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _fields(body: bytes) -> dict[str, list[str]]:
    return parse_qs(body.decode(errors="replace")) if b"=" in body else {}


def _chat(body: bytes) -> str:
    return _fields(body).get("chat_id", [""])[0]


def _text(body: bytes) -> str:
    return _fields(body).get("text", [""])[0]


async def _refuse(send: Send, code: int, description: str, parameters: Any) -> None:
    answer = {"ok": False, "error_code": code, "description": description}
    if parameters:
        answer["parameters"] = parameters
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def _to_nobody(message: Message) -> None:
    """Drop an answer."""
