"""The page after consent: what it says, and what it must not do."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from html import unescape
from pathlib import Path
from queue import SimpleQueue

import pytest
import requests
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.linking.connections import Connections
from bot.sandbox.spotify.faults import Fault
from bot.storage.records import Records, Stores
from bot.web.callback_page import OUTCOMES, callback_routes
from recommender import errors
from tests.support.spotify.spotify_world import World, agree, cancel, make_cipher, records

USER = 7

LONG_NAME = "Robin " * 2000
"""Of an account that needs more than a page of the database."""

Trouble = Callable[[Path, Connections], AbstractContextManager[None]]


class Site:
    """The callback page, beside the local Spotify, and whom it reported as connected."""

    def __init__(self, world: World, connections: Connections) -> None:
        self.connected: SimpleQueue[int] = SimpleQueue()  # filled after the page was sent
        self.arrived: SimpleQueue[int] = SimpleQueue()
        self.connections = connections

        async def on_connected(user_id: int) -> None:
            self.connected.put(user_id)

        async def on_arrived(user_id: int) -> None:
            self.arrived.put(user_id)

        world.server.app = Starlette(
            routes=[
                Mount("/spotify", routes=world.local.routes()),
                *callback_routes(connections, on_connected, on_arrived),
            ]
        )
        self._url = f"{world.server.url}/callback"

    def begin(self) -> str:
        return asyncio.run(self.connections.oauth.begin(USER))

    def is_connected(self) -> bool:
        return asyncio.run(self.connections.is_connected(USER))

    def visit(self, query: dict[str, str], method: str = "GET") -> requests.Response:
        return requests.request(method, self._url, params=query, allow_redirects=False, timeout=5)


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    with records() as stores:
        yield Site(world, Connections(stores, world.client, world.clock))


def test_success_is_told_to_the_visitor_and_the_bot(site: Site) -> None:
    page = site.visit(agree(site.begin()))
    assert page.status_code == 200
    assert "Spotify is connected" in page.text
    assert site.connected.get(timeout=5) == USER
    assert site.is_connected()


def test_where_any_browser_may_come_six_digits_are_shown_and_nothing_is_connected(
    world: World,
) -> None:
    with records() as stores:
        public = Connections(stores, world.client, world.clock, shows_digits=True)
        site = Site(world, public)
        back = agree(site.begin())
        page = site.visit(back)
        assert page.status_code == 200
        shown = re.search(r'class="digits">(\d{3}) (\d{3})<', page.text)
        assert shown is not None
        assert site.arrived.get(timeout=5) == USER
        assert not site.is_connected()
        assert ("POST", "/api/token") not in world.local.calls
        again = site.visit(back)  # a phone loads a page anew that lay in the background
        assert again.status_code == 410
        assert "They still count" in again.text
        assert asyncio.run(public.oauth.finish_typed(USER, shown[1] + shown[2]))
        assert site.is_connected()
        assert site.connected.empty()  # the chat tells, not the page


def test_a_look_ahead_does_not_use_the_link_up(site: Site) -> None:
    back = agree(site.begin())
    site.visit(back, "HEAD")
    assert not site.is_connected()
    assert site.visit(back).status_code == 200
    assert site.is_connected()


def test_denial_connects_nothing(site: Site) -> None:
    page = site.visit(cancel(site.begin()))
    assert page.status_code == 200
    assert "Nothing was connected" in page.text
    assert not site.is_connected()
    assert site.connected.empty()


def test_a_used_or_unknown_or_old_link_says_how_to_get_another(world: World, site: Site) -> None:
    used = agree(site.begin())
    site.visit(used)
    late = agree(site.begin())
    world.clock.advance(minutes=11)
    for query in (used, late, {"state": "made-up", "code": "x"}, {}):
        page = site.visit(query)
        assert page.status_code == 410
        assert "/connect" in page.text
    assert site.connected.get(timeout=5) == USER
    assert site.connected.empty()


@pytest.mark.parametrize(
    ("status", "says"), [(403, "User Management"), (500, "Wait a little"), (429, "Wait a little")]
)
def test_spotify_failing_is_explained(world: World, site: Site, status: int, says: str) -> None:
    world.local.fail_next("GET", "/me", status=status)
    page = site.visit(agree(site.begin()))
    assert says in page.text
    assert page.status_code == {403: 403, 500: 503, 429: 503}[status]
    assert not site.is_connected()
    assert site.connected.empty()


def test_an_account_without_an_id_is_not_connected(world: World, site: Site) -> None:
    nobody = b'{"id": null, "account_id": null, "display_name": null}'
    world.local._state.faults.waiting.append(Fault("GET", "/me", 200, content=nobody))
    page = site.visit(agree(site.begin()))
    assert "whose account this is" in page.text
    assert not site.is_connected()
    assert site.connected.empty()


@contextmanager
def locked(path: Path, connections: Connections) -> Iterator[None]:
    """Have another program write to the database for longer than anybody waits."""

    def wait_little(stores: Stores) -> None:
        stores.people.db.execute("pragma busy_timeout = 50")

    asyncio.run(connections._records.run(wait_little))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")


@contextmanager
def full(path: Path, connections: Connections) -> Iterator[None]:
    """Have no room on the disk for another page."""

    def limit(pages: int) -> None:
        asyncio.run(
            connections._records.run(
                lambda s: s.people.db.execute(f"pragma max_page_count = {pages}")
            )
        )

    limit(1)  # SQLite makes of it as many as there are
    yield
    limit(2**31)


@pytest.mark.parametrize("trouble", [locked, full])
@pytest.mark.parametrize("is_public", [False, True])
def test_a_link_is_not_used_up_while_nothing_can_be_stored(
    world: World, tmp_path: Path, trouble: Trouble, is_public: bool
) -> None:
    path = tmp_path / "mirrortape.db"
    stores = Records(path, make_cipher())
    try:
        connections = Connections(stores, world.client, world.clock, shows_digits=is_public)
        site = Site(world, connections)
        back = agree(site.begin())
        long = json.dumps({"id": "robin", "display_name": LONG_NAME}).encode()
        world.local._state.faults.waiting.append(Fault("GET", "/me", 200, content=long))
        is_late = trouble is full and is_public  # what arrives still finds room
        if not is_late:
            with trouble(path, connections):
                page = site.visit(back)
            assert page.status_code == 503
            assert page.headers["Retry-After"] == "60"
            assert "reload this page in a minute" in page.text
            assert not site.is_connected()
        again = site.visit(back)
        assert again.status_code == 200
        if is_public:
            shown = re.search(r'class="digits">(\d{3}) (\d{3})<', again.text)
            assert shown is not None
            digits = shown[1] + shown[2]
            if is_late:
                with trouble(path, connections), pytest.raises(sqlite3.Error):
                    asyncio.run(connections.oauth.finish_typed(USER, digits))
            assert asyncio.run(connections.oauth.finish_typed(USER, digits))
        assert site.is_connected()
        assert site.visit(back).status_code == 410
        assert not asyncio.run(connections.oauth.finish_typed(USER, "000000"))
    finally:
        stores.close()


def test_nothing_of_the_query_is_shown_or_followed(site: Site) -> None:
    evil = "<script>alert(1)</script>"
    query = {"state": evil, "code": evil, "error": evil, "next": "https://evil.example/"}
    page = site.visit(query)
    assert "alert" not in unescape(page.text)
    assert "evil" not in page.text
    assert "Location" not in page.headers


def test_the_page_keeps_to_itself(site: Site) -> None:
    headers = site.visit({}).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_every_error_has_a_page() -> None:
    assert errors.RecommenderError in OUTCOMES  # for all without a page of their own
