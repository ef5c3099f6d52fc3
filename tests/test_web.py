"""The page after consent: what it says, and what it must not do."""

import asyncio
import re
from collections.abc import Iterator
from html import unescape
from queue import SimpleQueue

import pytest
import requests
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.connections import Connections
from bot.web import OUTCOMES, callback_routes
from recommender import errors
from tests.spotify_world import World, agree, cancel, records

USER = 7


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
        return asyncio.run(self.connections.begin(USER))

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
        assert asyncio.run(public.finish_typed(USER, shown[1] + shown[2]))
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
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.RecommenderError):
            assert any(parent in OUTCOMES for parent in kind.__mro__)
