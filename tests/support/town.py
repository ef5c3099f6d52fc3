"""A real bot in a process of its own, which can be killed, and the services that it talks to.

Telegram and Spotify are the local ones. They run in this process, so that they survive the bot and
can tell what it asked for.
"""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import requests
from cryptography.fernet import Fernet
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.sandbox.page.chat import chat_routes
from bot.sandbox.spotify.local_spotify import LocalSpotify
from bot.sandbox.telegram.local_telegram import LocalTelegram
from bot.settings import Settings
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from recommender.catalogue.tracks import Track
from tests.support.contracts import ROOT
from tests.support.spotify.spotify_world import Server

T = TypeVar("T", bound=ASGIApp)

TOKEN = "42:a-token-of-the-local-telegram"
PATIENCE_S = 200.0


class Town:
    """One bot and the services it talks to.

    Args:
        folder: Where the bot keeps its data.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "mirrortape.db"
        catalogue = Catalogue(folder / "catalogue.db")
        fill(catalogue, 1)
        self._table = catalogue.load()
        self.server = Server()
        url = self.server.url
        self.telegram = LocalTelegram(TOKEN, lambda: datetime.now(UTC))
        self.spotify = LocalSpotify(f"{url}/spotify", self._describe, offers_phone=True)
        self.kill_switch = KillSwitch(Starlette(routes=self.spotify.routes()), self)
        self._serve(Starlette(routes=self.telegram.routes()))
        self.bot: subprocess.Popen[str] | None = None
        self.starts = 0
        self.web_address = f"127.0.0.1:{free_port()}"
        self.ops_address = f"127.0.0.1:{free_port()}"
        self.fill_in(
            TELEGRAM_BOT_TOKEN=TOKEN,
            TELEGRAM_API_URL=f"{url}/telegram",
            SPOTIFY_CLIENT_ID="mirrortape-demo",
            SPOTIFY_API_URL=f"{url}/spotify/v1",
            SPOTIFY_ACCOUNTS_URL=f"{url}/spotify",
            SECRET_KEY=Fernet.generate_key().decode(),
            ALLOWED_TELEGRAM_IDS="*",
            WEB_ADDRESS=self.web_address,
            OPS_ADDRESS=self.ops_address,
            DATA_DIR=".",
        )

    def _serve(self, telegram: ASGIApp) -> None:
        self.server.app = Starlette(
            routes=[
                Mount("/telegram", telegram),
                Mount("/spotify", self.kill_switch),
                *chat_routes(self.telegram),
            ]
        )

    def put_before_telegram(self, make: Callable[[ASGIApp], T]) -> T:
        """Put middleware in front of Telegram, and return it."""
        before = make(Starlette(routes=self.telegram.routes()))
        self._serve(before)
        return before

    def fill_in(self, **settings: str) -> None:
        """Write settings into the bot's `.env`, which starts as a copy of `.env.example`."""
        path = self.folder / ".env"
        text = (path if path.exists() else ROOT / ".env.example").read_text()
        for name, value in settings.items():
            text, count = re.subn(rf"^(# )?{name}=.*$", f"{name}={value}", text, flags=re.M)
            assert count == 1, f".env.example has no {name}"
        path.write_text(text)

    def _describe(self, uris: Sequence[str]) -> Mapping[str, Track]:
        rows = self._table.rows(uri.removeprefix("spotify:track:") for uri in uris)
        return {track.uri: track for track in map(self._table.track, rows.tolist())}

    # -- the bot --

    def start(self) -> None:
        """Start the bot and wait until it answers."""
        self.starts += 1
        with (self.folder / "bot.log").open("a") as log:
            self.bot = subprocess.Popen(
                [sys.executable, "-m", "bot", "run"],
                cwd=self.folder,
                env=without_settings(os.environ) | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.bot.stdout is not None
        assert "is running" in self.bot.stdout.readline(), (self.folder / "bot.log").read_text()

    def kill(self) -> None:
        """Kill the bot without warning, as a power cut would."""
        assert self.bot is not None
        self.bot.send_signal(signal.SIGKILL)
        self.bot.wait()
        assert self.bot.stdout is not None
        self.bot.stdout.close()

    # -- the people --

    def ask(self, user_id: int, text: str) -> float:
        """Send a text and return the seconds until the bot's next message."""
        start = time.perf_counter()
        asked = self.telegram.send_text(user_id, text)["message_id"]
        wait_for(lambda: self.heard(user_id, asked), f"an answer to {text}", 0.002)
        return time.perf_counter() - start

    def heard(self, user_id: int, after: int = 0) -> list[Any]:
        """Return the bot's messages in a chat, those after a message id."""
        chat = self.telegram.chats.get(user_id)
        if chat is None or max(chat.messages, default=0) <= after:  # looked at often, so quick
            return []
        messages = list(chat.messages.values())
        return [m for m in messages if m["from"]["is_bot"] and m["message_id"] > after]

    def connect(self, user_id: int, command: str = "/connect") -> str:
        """Connect an account of the user's own, in a browser on this computer.

        Returns:
            The address to which Spotify sent the browser back.
        """
        self.telegram.send_text(user_id, command)
        url = wait_for(lambda: self.button(user_id, "Connect Spotify"), "the offer to connect")
        page = requests.get(url["url"], timeout=10)
        form = {"answer": "agree", "name": f"Listener {user_id}"}
        back = requests.post(page.url, data=form, timeout=30)
        assert "Spotify is connected" in back.text
        return back.url

    def agree(self, user_id: int) -> None:
        """Let a user agree to have photos read."""
        self.telegram.send_text(user_id, "/start")
        self.press(user_id, "Agree")
        wait_for(self.has_handled_all, "the consent to be noted")

    def press(self, user_id: int, label: str) -> None:
        """Press the newest button with this label, once it is there."""
        button = wait_for(lambda: self.button(user_id, label), label)
        message = next(m for m in reversed(self.heard(user_id)) if button in _buttons(m))
        self.telegram.press(user_id, message["message_id"], button["callback_data"])

    def pictures(self, user_id: int) -> list[Any]:
        """Return the messages with a picture from the bot in a chat."""
        return [message for message in self.heard(user_id) if "photo" in message]

    def button(self, user_id: int, label: str) -> Any:
        """Return the newest button with this label, if there is one."""
        for message in reversed(self.heard(user_id)):
            for button in _buttons(message):
                if button["text"] == label:
                    return button
        return None

    # -- what stands in the end --

    def has_handled_all(self) -> bool:
        """Return whether every update has been handled."""
        with closing(sqlite3.connect(self.database, timeout=10)) as db:
            waiting = db.execute("select count(*) from inbox where handled_utc is null").fetchone()
        return waiting == (0,)

    def is_settled(self, user_id: int) -> bool:
        """Return whether every update is handled and the user's playlists are written."""
        with closing(sqlite3.connect(self.database, timeout=10)) as db:
            intents = db.execute(
                "select count(*) from spotify_intents where user_id = ?", [user_id]
            ).fetchone()
        return intents == (0,) and self.has_handled_all()

    def chosen(self, user_id: int) -> tuple[str, ...]:
        """Return the tracks of the user's last playlist in the bot's database."""
        with closing(sqlite3.connect(self.database, timeout=10)) as db:
            rows = db.execute(
                "select track_id from shown where playlist_id ="
                " (select max(id) from playlists where user_id = ?) order by position",
                [user_id],
            ).fetchall()
        return tuple(f"spotify:track:{track_id}" for (track_id,) in rows)

    def written(self, user_id: int) -> list[tuple[str, ...]]:
        """Return the tracks of each playlist in the user's Spotify account."""
        return [
            tuple(item.uri for item in playlist.items)
            for playlist in self.spotify.playlists()
            if playlist.owner.display_name == f"Listener {user_id}"
        ]


def _buttons(message: dict[str, Any]) -> list[Any]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button for row in rows for button in row]


class KillSwitch:
    """Kills the bot at one of its requests to Spotify's Web API, before or after Spotify acts."""

    def __init__(self, app: ASGIApp, town: Town) -> None:
        self._app = app
        self._town = town
        self._left = -1
        self._after = False
        self.killed_at: tuple[str, str] | None = None

    def kill_at(self, at: int, *, after: bool) -> None:
        """Kill the bot at the request with this number from now on, counted from 0."""
        self._left, self._after, self.killed_at = at, after, None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless it is the one."""
        is_api = scope["type"] == "http" and "/v1/" in scope["path"]
        if is_api:
            self._left -= 1
        if not is_api or self._left != -1:
            await self._app(scope, receive, send)
            return
        if self._after:
            await self._app(scope, receive, _to_nobody)
        self._town.kill()
        self.killed_at = (scope["method"], scope["path"].partition("/v1")[2])
        await send({"type": "http.response.start", "status": 502, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def _to_nobody(message: Message) -> None:
    """Drop an answer."""


def wait_for(what: Callable[[], Any], name: str, pause_s: float = 0.02) -> Any:
    """Wait until a function returns something true, and return that."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(pause_s)
    raise AssertionError(f"waited {PATIENCE_S:.0f} s for {name}")


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that would override `.env`."""
    ours = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in environment.items() if name not in ours}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def town_in(folder: Path, **settings: str) -> Iterator[Town]:
    """Yield a `Town` whose bot runs with these additional settings."""
    town = Town(folder)
    town.fill_in(**settings)
    try:
        town.start()
        yield town
    finally:
        if town.bot is not None and town.bot.poll() is None:
            town.kill()
        town.telegram.close()
        town.server.stop()


def turn(town: Town, switch: str) -> None:
    """Choose a fault of the local Spotify, as the chat page does."""
    address = f"{town.server.url}/spotify/change/switch"
    httpx.post(address, json=switch).raise_for_status()
