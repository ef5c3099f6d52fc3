"""A local Spotify over real HTTP, with a settable clock and a browser that agrees."""

import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import requests
import uvicorn
from cryptography.fernet import Fernet, MultiFernet
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.runtime.serving import listen
from bot.sandbox.spotify.local_spotify import LocalSpotify
from bot.sandbox.spotify.state import StoredPlaylist
from bot.storage.records import Records
from recommender.catalogue.tracks import Track
from recommender.services.spotify.tokens import Tokens
from recommender.services.spotify.web_api import SpotifyApp, SpotifyClient
from tests.support.migrated import already_migrated
from tests.support.spotify.spotify_contract import Exchange, recording

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
REDIRECT_URI = "http://127.0.0.1:8765/callback"


class Clock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class Server:
    """One uvicorn in a thread; each test puts its own application behind it."""

    def __init__(self) -> None:
        self.app: ASGIApp = Starlette()
        listener = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(self._serve, log_level="error", lifespan="off", interface="asgi3")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@contextmanager
def running_server() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.stop()


def track_uri(number: int) -> str:
    return f"spotify:track:{number:022}"


def uris(count: int, start: int = 0) -> tuple[str, ...]:
    return tuple(track_uri(number) for number in range(start, start + count))


def describe(asked: Sequence[str]) -> Mapping[str, Track]:
    """Know every track but those whose number ends in 99; every third is invented.

    Tracks of an invented catalogue have no numbers: each of them is known as number 0.
    """
    known = {}
    for uri in asked:
        track_id = uri.rpartition(":")[2]
        number = int(track_id) if track_id.isdecimal() else 0
        if number % 100 != 99:
            known[uri] = make_track(number)
    return known


def make_track(number: int) -> Track:
    return Track(
        id=f"{number:022}",
        name=f"Song <{number}>",
        artist=f"Artist {number % 7}, Guest & Co",
        album="Album",
        genre="pop",
        duration_ms=180_000 + 1000 * (number % 60),
        explicit=False,
        valence=0.5,
        energy=0.5,
        tempo_bpm=120.0,
        acousticness=0.5,
        danceability=0.5,
        mode=1,
        loudness_db=-8.0,
        invented=number % 3 == 0,
    )


@dataclass
class World:
    """What a test needs: Spotify, the adapter to it, and the time."""

    server: Server
    clock: Clock = field(default_factory=Clock)
    client_secret: str = ""

    def __post_init__(self) -> None:
        base_url = f"{self.server.url}/spotify"
        self.local = LocalSpotify(
            base_url, describe, client_secret=self.client_secret, clock=self.clock
        )
        local = Starlette(routes=[Mount("/spotify", routes=self.local.routes())])
        self.exchanges: deque[Exchange] = deque(maxlen=1000)
        self.server.app = recording(local, self.exchanges)
        self.app = SpotifyApp(
            client_id="mirrortape-demo",
            redirect_uri=REDIRECT_URI,
            client_secret=self.client_secret,
            accounts_url=base_url,
            api_url=f"{base_url}/v1",
        )
        self.client = SpotifyClient(self.app)

    def tokens(self, name: str = "Robin") -> Tokens:
        way = self.client.authorize()
        return self.client.exchange(agree(way.url, name)["code"], way.verifier, self.clock())

    def written(self, playlist_id: str) -> tuple[str, ...]:
        """Return the URIs in a playlist, straight from the local Spotify's memory."""
        return tuple(item.uri for item in self.playlist(playlist_id).items)

    def playlist(self, playlist_id: str) -> StoredPlaylist:
        return next(entry for entry in self.local.playlists() if entry.id == playlist_id)

    def forget_calls(self) -> None:
        self.local._state.calls.clear()


def agree(url: str, name: str = "Robin") -> dict[str, str]:
    """Press Agree on the consent page and return the parameters of the way back."""
    return answer(url, {"answer": "agree", "name": name})


def cancel(url: str) -> dict[str, str]:
    """Press Cancel on the consent page and return the parameters of the way back."""
    return answer(url, {"answer": "cancel"})


def answer(url: str, form: dict[str, str]) -> dict[str, str]:
    page = requests.get(url, timeout=5)
    assert page.status_code == 200, page.text
    action = re.search(r'action="([^"]+)"', page.text)
    assert action is not None
    address = action.group(1).replace("&amp;", "&")
    back = requests.post(address, data=form, allow_redirects=False, timeout=5)
    assert back.status_code == 303, back.text
    assert back.headers["Location"].startswith(f"{REDIRECT_URI}?")
    return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


def make_cipher() -> MultiFernet:
    return MultiFernet([Fernet(Fernet.generate_key())])


@contextmanager
def records() -> Iterator[Records]:
    with already_migrated():
        opened = Records(None, make_cipher())
    try:
        yield opened
    finally:
        opened.close()
