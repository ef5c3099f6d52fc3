"""An operator's first run: an empty folder, and local services."""

import json
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.runtime.run import utc_now
from bot.sandbox.spotify.local_spotify import LocalSpotify
from bot.sandbox.telegram.local_telegram import LocalTelegram
from bot.settings import Settings
from tests.support.songs import csv_text, track_id
from tests.support.spotify.spotify_world import Server, describe

TOKEN = f"123456789:{'A' * 31}wxyz"
CLIENT_ID = "0123456789abcdef" * 2
UNKNOWN_ID = "f" * 32
OWNER = 42


@dataclass
class Operator:
    """The services that the settings name, and the folder in which the operator is."""

    server: Server
    folder: Path
    telegram: LocalTelegram = field(default_factory=lambda: LocalTelegram(TOKEN, utc_now))
    webhook: str = ""
    undelivered_at: int = 0

    def __post_init__(self) -> None:
        self.spotify = LocalSpotify(f"{self.server.url}/spotify", describe)
        self.serve()

    def serve(self, *first: BaseRoute) -> None:
        """Serve everything, with these routes before all others."""
        self.server.app = Starlette(
            routes=[
                *first,
                Route("/telegram/bot{token}/getWebhookInfo", self._webhook, methods=["POST"]),
                Mount("/telegram", routes=self.telegram.routes()),
                Route("/spotify/api/token", self._token, methods=["POST"]),
                Mount("/spotify", routes=self.spotify.routes()),
                Route("/songs.csv", self._csv),
            ]
        )

    @property
    def csv_url(self) -> str:
        return f"{self.server.url}/songs.csv"

    @property
    def env(self) -> Path:
        return self.folder / ".env"

    async def _csv(self, request: Request) -> Response:
        rows = [{"track_id": track_id(n), "track_name": f"Song {n}"} for n in range(50)]
        return PlainTextResponse(csv_text(rows))

    async def _webhook(self, request: Request) -> Response:
        info = {"url": self.webhook, "has_custom_certificate": False, "pending_update_count": 0}
        if self.undelivered_at:
            failed = {"last_error_date": self.undelivered_at}
            info |= failed | {"last_error_message": "Connection refused"}
        return JSONResponse({"ok": True, "result": info})

    async def _token(self, request: Request) -> Response:
        """Know one app alone, as the real Spotify does; the local one takes any."""
        form = await request.form()
        error = "invalid_grant" if form.get("client_id") == CLIENT_ID else "invalid_client"
        return JSONResponse({"error": error, "error_description": "…"}, 400)


def settle(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder, with no settings except the addresses of the services."""
    monkeypatch.chdir(folder)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("WEB_ADDRESS", free_address())
    monkeypatch.setenv("OPS_ADDRESS", free_address())
    monkeypatch.setenv("TELEGRAM_API_URL", f"{url}/telegram")
    monkeypatch.setenv("SPOTIFY_API_URL", f"{url}/spotify/v1")
    monkeypatch.setenv("SPOTIFY_ACCOUNTS_URL", f"{url}/spotify")


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


class FakeTerminal:
    """Answers questions by their first word, in turn; a question without an answer gets Enter."""

    def __init__(self, answers: dict[str, list[str]] | None = None) -> None:
        self.answers = {word: deque(given) for word, given in (answers or {}).items()}
        self.asked: list[str] = []
        self.said: list[str] = []
        self.shown: list[str] = []
        self.while_waiting: Callable[[FakeTerminal], None] = lambda _: None

    def section(self, title: str, text: str = "", steps: tuple[str, ...] = ()) -> None:
        self.said += [title, text, *steps]

    def good(self, text: str) -> None:
        self.said.append(text)

    bad = note = good

    def show(self, text: str) -> None:
        self.shown.append(text)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        if "code" in text:
            self.while_waiting(self)
        yield

    def ask(self, question: str, default: str = "") -> str:
        return self._answer(question) or default

    def ask_hidden(self, question: str) -> str:
        return self._answer(question)

    def confirm(self, question: str, default: bool = True) -> bool:
        answer = self._answer(question)
        return answer == "y" if answer else default

    @property
    def code(self) -> str:
        """The one-time code that is shown now."""
        return self.shown[-1]

    def everything(self) -> str:
        """Return all that was on the terminal."""
        return json.dumps([self.asked, self.said, self.shown], ensure_ascii=False)

    def _answer(self, question: str) -> str:
        self.asked.append(question)
        assert len(self.asked) < 50, f"asked for ever: {question}"
        given = self.answers.get(question.split()[0])
        return given.popleft() if given else ""
