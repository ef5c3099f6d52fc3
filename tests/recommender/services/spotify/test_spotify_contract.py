"""Spotify's OpenAPI file against the adapter's requests and the local Spotify's answers."""

import base64
import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from starlette.routing import Route

from recommender.services.spotify.web_api import SpotifyClient
from tests.support.contracts import CONTRACTS
from tests.support.spotify.spotify_contract import Contract, Exchange
from tests.support.spotify.spotify_world import NOON, World, agree, track_uri, uris

ROUTES = {
    ("GET", "/me"),
    ("GET", "/me/playlists"),
    ("POST", "/me/playlists"),
    ("GET", "/playlists/{id}"),
    ("PUT", "/playlists/{id}"),
    ("GET", "/playlists/{id}/items"),
    ("PUT", "/playlists/{id}/items"),
    ("POST", "/playlists/{id}/items"),
}
"""Every route that the adapter calls."""

MORE_ROUTES = {
    ("DELETE", "/playlists/{id}/items"),
    ("GET", "/playlists/{id}/images"),
    ("PUT", "/playlists/{id}/images"),
}
"""Those that the local Spotify has besides."""


@pytest.fixture(scope="session")
def contract() -> Contract:
    path = CONTRACTS / "spotify-openapi-devmode.yml"
    if not path.is_file():
        pytest.skip(f"no Spotify contract to compare with: {path} is no file")
    return Contract(path)


def call_everything(world: World) -> list[Exchange]:
    """Use every method of the adapter, and all of its ways, and return what was sent."""
    client, way = world.client, world.client.authorize()
    tokens = client.exchange(agree(way.url)["code"], way.verifier, NOON)
    token = client.refresh(tokens, NOON).access_token
    own = client.create_playlist(token, "n", "d").id
    for number in range(60):
        client.create_playlist(token, f"n{number}", "d")
    client.profile(token)
    client.replace_items(token, own, uris(250))
    client.replace_items(token, own, uris(150))
    client.change_details(token, own, "m", "e")
    client.playlist(token, own)
    client.contents(token, own)
    list(client.playlists(token))
    return list(world.exchanges)


def general(exchange: Exchange) -> tuple[str, str]:
    """Return the method and the path of a request, without a playlist's id."""
    steps = exchange.path.split("/")
    if steps[1] == "playlists":
        steps[2] = "{id}"
    return exchange.method, "/".join(steps)


def test_every_method_of_the_adapter_is_used_here(world: World) -> None:
    methods = {
        name
        for name, _ in inspect.getmembers(SpotifyClient, inspect.isfunction)
        if not name.startswith("_")
    }
    used = set()

    class Noting:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            used.add(name)
            return getattr(client, name)

    client, world.client = world.client, Noting()
    call_everything(world)
    assert used == methods - {"close"}  # which asks nothing


def test_the_adapter_calls_these_routes_alone_and_none_is_refused(world: World) -> None:
    exchanges = call_everything(world)
    assert {general(exchange) for exchange in exchanges} == ROUTES
    assert [each for each in exchanges if each.status >= 400] == []


def test_every_request_of_the_adapter_is_as_the_contract_has_it(
    world: World, contract: Contract
) -> None:
    for exchange in call_everything(world):
        assert contract.request_problems(exchange) == [], (exchange.path, exchange.body)


def test_the_local_spotify_answers_the_adapter_as_the_contract_has_it(
    world: World, contract: Contract
) -> None:
    for exchange in call_everything(world):
        if exchange.answer:  # of a change of details nothing comes back
            assert contract.answer_problems(exchange) == [], exchange.path


def test_the_local_spotify_answers_others_likewise(world: World, contract: Contract) -> None:
    token = world.tokens().access_token
    own = world.client.create_playlist(token, "n", "d").id
    world.client.replace_items(token, own, [*uris(3), track_uri(99)])
    world.exchanges.clear()

    def call(method: str, path: str, **how: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        address = f"{world.app.api_url}/playlists/{path}"
        requests.request(method, address, headers=headers, timeout=5, **how)

    call("GET", own)  # with a track that the catalogue does not know
    call("DELETE", f"{own}/items", json={"items": [{"uri": track_uri(0)}]})
    call("GET", f"{own}/images")
    call("PUT", own, json={"name": "x", "public": True})  # a scope that we do not have
    call("PUT", f"{own}/images", data=base64.b64encode(b"\xff\xd8\xff"))
    world.local.revoke()
    call("GET", own)
    statuses = [exchange.status for exchange in world.exchanges]
    assert statuses == [200, 200, 200, 200, 403, 401]
    for exchange in world.exchanges:
        if exchange.answer:
            assert contract.answer_problems(exchange) == [], exchange.path


def test_the_local_spotify_has_no_route_that_the_contract_lacks(
    world: World, contract: Contract
) -> None:
    kept = [route for route in world.local.routes() if isinstance(route, Route)]
    paths = {route.path.removeprefix("/v1") for route in kept if route.path.startswith("/v1/")}
    assert {path.rstrip("/") for path in paths} == {
        *(path for _, path in ROUTES | MORE_ROUTES),
        "/{path:path}",  # all others, to refuse them
    }
    for method, path in ROUTES | MORE_ROUTES:
        exchange = an_exchange(method, path.replace("{id}", "0" * 22))
        problems = contract.request_problems(exchange)
        assert not any("not found" in problem for problem in problems), problems


# -- the check itself --


def an_exchange(method: str, path: str, **changes: Any) -> Exchange:
    headers = {"content-type": "application/json", "authorization": "Bearer x"}
    exchange = Exchange(method, path, "", headers, b"", 200, b"", "application/json")
    return replace(exchange, **changes)


ITEMS = "/playlists/0/items"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (an_exchange("POST", "/playlists/0/tracks", body=b'{"uris": []}'), "Path not found"),
        (an_exchange("GET", "/playlists/0/tracks"), "Path not found"),
        (an_exchange("POST", "/users/0/playlists", body=b'{"name": "n"}'), "not found"),
        (an_exchange("GET", "/audio-features/0"), "Path not found"),
        (an_exchange("GET", "/recommendations"), "Path not found"),
        (an_exchange("DELETE", "/playlists/0/followers"), "Path not found"),
        (an_exchange("DELETE", "/me/playlists"), "Operation delete not found"),
        (an_exchange("POST", ITEMS, body=b'["spotify:track:0"]'), "is not of type 'object'"),
        (an_exchange("POST", ITEMS, body=b'{"uris": [7]}'), "7 is not of type 'string'"),
        (an_exchange("POST", ITEMS, body=b'{"uri": []}'), "body.uri is unknown"),
        (an_exchange("POST", "/me/playlists", body=b'{"public": false}'), "'name' is a required"),
        (an_exchange("GET", "/me/playlists", query="limit=51"), "51 is greater"),
        (an_exchange("GET", "/me/playlists", query="limit=x"), "limit"),
        (an_exchange("GET", "/me/playlists", query="lmit=5"), "?lmit is unknown"),
        (an_exchange("GET", "/search", query="type=track"), "q"),
        (an_exchange("GET", "/search", query="q=a&type=track&limit=11"), "11 is greater"),
        (an_exchange("GET", "/me", body=b"{}"), "a body where none is expected"),
    ],
)
def test_the_check_of_requests_finds_what_is_wrong(
    contract: Contract, wrong: Exchange, says: str
) -> None:
    assert any(says in problem for problem in contract.request_problems(wrong))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b'{"items": [], "limit": 20}', "'href' is a required property"),
        (b'{"items": {}}', "is not of type 'array'"),
        (b"{", "deserialize"),
    ],
)
def test_the_check_of_answers_finds_what_is_wrong(
    contract: Contract, answer: bytes, says: str
) -> None:
    exchange = an_exchange("GET", "/me/playlists", answer=answer)
    assert any(says in problem for problem in contract.answer_problems(exchange))


def test_the_check_of_answers_finds_what_new_apps_do_not_get(
    contract: Contract,
) -> None:
    entry = {"track": {"type": "track"}, "colour": "red", "added_by": {"age": 7}}
    page = {"href": "", "items": [entry], "limit": 1, "offset": 0, "total": 1}
    page |= {"next": None, "previous": None}
    exchange = an_exchange("GET", ITEMS, answer=json.dumps(page).encode())
    assert contract.answer_problems(exchange) == [
        "$.items[0].track is deprecated",
        "$.items[0].colour is unknown",
        "$.items[0].added_by.age is unknown",
    ]
