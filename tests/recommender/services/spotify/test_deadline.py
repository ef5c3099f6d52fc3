"""Calls to Spotify end in time, however it answers, and go nowhere else."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from recommender.errors import SpotifyUnreachable
from recommender.services.spotify.web_api import MOST_PAGES, SpotifyApp, SpotifyClient
from tests.support.contracts import ROOT
from tests.support.spotify.dripping import KINDS, dripping
from tests.support.spotify.spotify_world import NOON, Server
from tests.support.town import town_in, wait_for

TOTAL_S = 1.0


def client_of(url: str, total_s: float = TOTAL_S) -> SpotifyClient:
    app = SpotifyApp("app", "http://127.0.0.1/x", accounts_url=url, api_url=f"{url}/v1")
    return SpotifyClient(app, timeout_s=(5.0, 5.0), total_s=total_s)


CALLS: dict[str, Callable[[SpotifyClient], object]] = {
    "profile": lambda client: client.profile("token"),
    "exchange": lambda client: client.exchange("code", "verifier", NOON),
    "write": lambda client: client.replace_items("token", "playlist", ["spotify:track:a"]),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_drips_is_cut_off(kind: str, call: str) -> None:
    with dripping(kind) as service:
        start = time.monotonic()
        with pytest.raises(SpotifyUnreachable):
            CALLS[call](client_of(service.url))
        assert TOTAL_S * 0.9 < time.monotonic() - start < TOTAL_S + 2


def test_a_call_that_is_under_way_ends_with_the_client() -> None:
    with dripping("header") as service:
        client = client_of(service.url, total_s=60)
        threading.Timer(0.5, client.close).start()
        start = time.monotonic()
        with pytest.raises(SpotifyUnreachable):
            client.profile("token")
        with pytest.raises(SpotifyUnreachable):
            client.profile("token")
        assert time.monotonic() - start < 5


def answering(server: Server, answer: Callable[[Request], Response]) -> list[str]:
    """Have a server answer everything so; return what it is asked for, as it is."""
    asked: list[str] = []

    async def endpoint(request: Request) -> Response:
        asked.append(str(request.url))
        assert len(asked) < 200, "it is asked without end"
        return answer(request)

    server.app = Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])
    return asked


def playlist(number: int) -> dict[str, object]:
    urls = {"spotify": f"http://127.0.0.1/{number}"}
    return {"id": f"p{number}", "name": "P", "external_urls": urls, "description": ""}


@pytest.mark.parametrize("where", ["self", "elsewhere"])
def test_the_address_of_the_next_page_is_not_followed(server: Server, where: str) -> None:
    elsewhere = "http://127.0.0.1:9/steal"  # nobody is there

    def answer(request: Request) -> Response:
        further = str(request.url) if where == "self" else elsewhere
        items = [playlist(number) for number in range(50)]
        return JSONResponse({"items": items, "next": further, "total": 10**6})

    asked = answering(server, answer)
    found = list(client_of(server.url, 20).playlists("token"))
    assert [each.id for each in found] == [f"p{number}" for number in range(50)]
    assert len(asked) == 2  # the second brought nothing new
    assert asked[1].endswith("limit=50&offset=50")


def test_a_library_without_end_is_looked_at_so_far(server: Server) -> None:
    def answer(request: Request) -> Response:
        start = int(request.query_params["offset"])
        items = [playlist(number) for number in range(start, start + 50)]
        return JSONResponse({"items": items, "next": "more"})

    asked = answering(server, answer)
    assert len(list(client_of(server.url, 60).playlists("token"))) == 50 * MOST_PAGES
    assert len(asked) == MOST_PAGES


def entry(number: int) -> dict[str, object]:
    return {"item": {"uri": f"spotify:track:{number}"}}


@pytest.mark.parametrize("tells_offset", [True, False])
def test_the_items_of_a_playlist_are_asked_for_by_offset(
    server: Server, tells_offset: bool
) -> None:
    def answer(request: Request) -> Response:
        start = int(request.query_params.get("offset", 0))
        count = 50 if start else 100
        page: dict[str, object] = {
            "items": [entry(number) for number in range(start, min(start + count, 170))],
            "next": str(request.url) if start + count < 170 else None,
        }
        if tells_offset:
            page["offset"] = start
        return JSONResponse(page if start else {"snapshot_id": "s", "items": page})

    asked = answering(server, answer)
    found = client_of(server.url, 20).contents("token", "0" * 22)
    assert found.uris == tuple(f"spotify:track:{number}" for number in range(170))
    assert len(asked) == 3


def test_pages_of_items_that_repeat_end(server: Server) -> None:
    def answer(request: Request) -> Response:
        page = {"items": [entry(number) for number in range(50)], "next": str(request.url)}
        is_first = "offset" not in request.query_params
        return JSONResponse({"snapshot_id": "s", "items": page} if is_first else page)

    asked = answering(server, answer)
    assert len(client_of(server.url, 20).contents("token", "0" * 22).uris) == 50
    assert len(asked) == 2


@pytest.mark.parametrize("call", ["profile", "exchange"])
def test_no_redirect_is_followed(server: Server, call: str) -> None:
    asked = answering(server, lambda request: RedirectResponse("/elsewhere", 307))
    with pytest.raises(SpotifyUnreachable):
        CALLS[call](client_of(server.url))
    assert len(asked) == 1


# -- the whole bot --


@pytest.mark.timed
def test_sigterm_ends_the_bot_in_time_though_spotify_drips(tmp_path: Path) -> None:
    with town_in(tmp_path) as town, dripping("body") as service:
        town.connect(7)
        town.telegram.send_text(7, "/mood happy")
        wait_for(lambda: town.button(7, "Open in Spotify"), "the first playlist")
        town.fill_in(SPOTIFY_API_URL=f"{service.url}/v1")
        assert town.bot is not None
        town.bot.send_signal(signal.SIGTERM)
        assert town.bot.wait(timeout=20) == 0
        assert town.bot.stdout is not None
        town.bot.stdout.close()
        town.start()
        town.telegram.send_text(7, "/mood sad")
        wait_for(service.asked.is_set, "a question to Spotify")
        start = time.monotonic()
        town.bot.send_signal(signal.SIGTERM)
        assert town.bot.wait(timeout=30) == 0
        assert time.monotonic() - start < 20
        town.bot.stdout.close()
        assert "Traceback" not in (tmp_path / "bot.log").read_text()


def test_what_hangs_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    script = (
        "import concurrent.futures, sys, time\n"
        "from bot.runtime.serving import exit_in_time\n"
        "concurrent.futures.ThreadPoolExecutor().submit(time.sleep, 60)\n"
        "print('stored', flush=True)\n"
        "exit_in_time(0.5)\n"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert time.monotonic() - start < 30
    assert done.stdout == b"stored\n"
    assert b"exiting without it" in done.stderr
