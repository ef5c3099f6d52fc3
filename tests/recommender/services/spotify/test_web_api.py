"""The adapter, over real HTTP, against the local Spotify and against stranger answers."""

import base64
import hashlib
import inspect
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import spotipy
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from recommender.errors import (
    AccountUnknown,
    ConnectionExpired,
    PlaylistGone,
    QuotaExceeded,
    RateLimited,
    RecommenderError,
    SpotifyRefused,
    SpotifyUnreachable,
)
from recommender.services.spotify.contents import Contents, Entry
from recommender.services.spotify.tokens import Tokens
from recommender.services.spotify.web_api import (
    STATE_BYTES,
    STATE_CHARS,
    SpotifyApp,
    SpotifyClient,
    translated,
)
from tests.support.spotify.spotify_world import NOON, Server, World, agree, uris


def strange(server: Server, response: Response) -> SpotifyClient:
    """Return an adapter to a service that answers everything alike."""

    async def endpoint(request: Request) -> Response:
        return response

    every = ["GET", "POST", "PUT"]
    server.app = Starlette(routes=[Route("/{path:path}", endpoint, methods=every)])
    return SpotifyClient(
        SpotifyApp("app", "http://127.0.0.1/x", accounts_url=server.url, api_url=server.url)
    )


# -- authorization --


def test_the_consent_page_is_asked_for_with_pkce_and_two_scopes(world: World) -> None:
    way = world.client.authorize()
    asked = {key: values[0] for key, values in parse_qs(urlsplit(way.url).query).items()}
    digest = hashlib.sha256(way.verifier.encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert asked["state"] == way.state
    assert asked["scope"].split() == ["playlist-modify-private", "playlist-read-private"]
    assert len({world.client.authorize().state for _ in range(1000)}) == 1000
    assert len(way.state) == STATE_CHARS
    assert STATE_CHARS * 6 >= STATE_BYTES * 8 >= 128  # bits


def test_a_code_becomes_tokens_once(world: World) -> None:
    way = world.client.authorize()
    code = agree(way.url)["code"]
    tokens = world.client.exchange(code, way.verifier, NOON)
    assert tokens.expires_utc == NOON + timedelta(hours=1)
    assert tokens.authorized_utc == NOON
    assert tokens.scope.split() == ["playlist-modify-private", "playlist-read-private"]
    with pytest.raises(ConnectionExpired):
        world.client.exchange(code, way.verifier, NOON)


def test_a_code_is_worth_nothing_without_its_verifier(world: World) -> None:
    way = world.client.authorize()
    with pytest.raises(ConnectionExpired):
        world.client.exchange(agree(way.url)["code"], "x" * 43, NOON)


def test_without_a_code_nobody_is_asked_to_log_in(world: World) -> None:
    with pytest.raises(ConnectionExpired):
        world.client.exchange("", "x" * 43, NOON)
    assert world.local.calls == []


def test_no_token_is_left_in_a_file(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world.client.refresh(world.tokens(), NOON)
    assert list(tmp_path.iterdir()) == []


def test_refreshing_brings_new_tokens_and_keeps_the_day_of_consent(world: World) -> None:
    old = world.tokens()
    later = NOON + timedelta(days=30)
    world.clock.now = later
    new = world.client.refresh(old, later)
    assert new.access_token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert new.expires_utc == later + timedelta(hours=1)
    assert new.authorized_utc == NOON
    with pytest.raises(ConnectionExpired):
        world.client.refresh(old, later)


def test_a_refresh_token_that_is_not_replaced_stays(server: Server) -> None:
    answer = JSONResponse({"access_token": "new", "expires_in": 3600, "token_type": "Bearer"})
    old = Tokens("old", "keep me", NOON, "scope", NOON)
    new = strange(server, answer).refresh(old, NOON)
    assert (new.access_token, new.refresh_token, new.scope) == ("new", "keep me", "scope")


def test_an_app_with_a_secret_shows_it(server: Server) -> None:
    world = World(server, client_secret="correct")
    assert world.client.profile(world.tokens().access_token).display_name == "Robin"


def test_an_app_with_a_wrong_secret_is_refused(server: Server) -> None:
    world = World(server, client_secret="correct")
    wrong = SpotifyApp(
        world.app.client_id,
        world.app.redirect_uri,
        "wrong",
        world.app.accounts_url,
        world.app.api_url,
    )
    way = world.client.authorize()
    with pytest.raises(SpotifyRefused):
        SpotifyClient(wrong).exchange(agree(way.url)["code"], way.verifier, NOON)


def test_secrets_do_not_show_when_values_are_printed(world: World) -> None:
    tokens, way = world.tokens(), world.client.authorize()
    app = SpotifyApp("id", "uri", "the secret")
    shown = f"{tokens} {way!r} {app}"
    for secret in (tokens.access_token, tokens.refresh_token, way.verifier, "the secret"):
        assert secret not in shown


# -- the Web API --


def test_a_playlist_is_private_and_its_texts_come_back_as_they_went(world: World) -> None:
    token = world.tokens().access_token
    made = world.client.create_playlist(token, "Mood & more", 'it\'s <calm> & "slow"')
    assert (made.name, made.description) == ("Mood & more", 'it\'s <calm> & "slow"')
    assert world.client.playlist(token, made.id) == made
    stored = world.playlist(made.id)
    assert not stored.public
    assert "<" not in stored.description  # kept escaped, as the real one does


def test_many_items_are_replaced_in_hundreds(world: World) -> None:
    token = world.tokens().access_token
    made = world.client.create_playlist(token, "n", "d")
    world.client.replace_items(token, made.id, uris(7, start=500))
    world.forget_calls()
    world.client.replace_items(token, made.id, uris(250))
    path = f"/playlists/{made.id}/items"
    assert world.local.calls == [("PUT", path), ("POST", path), ("POST", path)]
    assert world.written(made.id) == uris(250)
    assert world.client.contents(token, made.id).uris == uris(250)
    world.client.replace_items(token, made.id, ())
    assert world.written(made.id) == ()


def test_all_pages_of_playlists_are_read_but_only_as_needed(world: World) -> None:
    token = world.tokens().access_token
    made = [world.client.create_playlist(token, f"n{i}", "d").id for i in range(60)]
    assert [entry.id for entry in world.client.playlists(token)] == made[::-1]
    world.forget_calls()
    next(world.client.playlists(token))
    assert world.local.calls == [("GET", "/me/playlists")]


@pytest.mark.parametrize(("outer", "inner"), [("items", "item"), ("tracks", "track")])
def test_items_are_read_under_their_new_and_old_names(
    server: Server, outer: str, inner: str
) -> None:
    entries = [
        {inner: {"uri": "spotify:track:a"}},
        {inner: None},
        {inner: {"uri": "spotify:track:b", "is_playable": False}},
        {inner: {"uri": "spotify:track:c", "linked_from": {"uri": "spotify:track:d"}}},
    ]
    answer = JSONResponse({"snapshot_id": "s", outer: {"items": entries, "next": None}})
    assert strange(server, answer).contents("token", "id") == Contents(
        "s",
        (
            Entry("spotify:track:a", is_playable=True),
            Entry(None, is_playable=False),
            Entry("spotify:track:b", is_playable=False),
            Entry("spotify:track:d", is_playable=True),
        ),
    )


@pytest.mark.parametrize(
    ("me", "account_id", "name"),
    [
        ({"account_id": "a", "id": "i", "display_name": "N"}, "a", "N"),
        ({"id": "i", "display_name": None}, "i", "i"),
    ],
)
def test_an_account_is_known_by_the_id_that_never_changes(
    server: Server, me: dict[str, str], account_id: str, name: str
) -> None:
    profile = strange(server, JSONResponse(me)).profile("token")
    assert (profile.account_id, profile.display_name) == (account_id, name)


@pytest.mark.parametrize(
    "me", [{"id": None}, {"account_id": None, "id": ""}, {"account_id": 7, "id": ["x"]}]
)
def test_an_account_without_an_id_is_nobodys(server: Server, me: dict[str, Any]) -> None:
    with pytest.raises(AccountUnknown):
        strange(server, JSONResponse(me)).profile("token")


@pytest.mark.parametrize("null", ["access_token", "refresh_token"])
def test_tokens_that_are_null_are_no_tokens(server: Server, null: str) -> None:
    answer = {"access_token": "a", "refresh_token": "r", "expires_in": 3600} | {null: None}
    with pytest.raises(SpotifyUnreachable):
        strange(server, JSONResponse(answer)).exchange("code", "verifier", NOON)


# -- errors --


@pytest.mark.parametrize(
    ("fault", "kind", "wait_s"),
    [
        ({"status": 400}, SpotifyRefused, None),
        ({"status": 401}, ConnectionExpired, None),
        ({"status": 403}, SpotifyRefused, None),
        ({"status": 404}, PlaylistGone, None),
        ({"status": 429, "retry_after": 3}, RateLimited, 3),
        ({"status": 429}, RateLimited, 30),
        ({"status": 429, "retry_after": 7200}, QuotaExceeded, 7200),
        (
            {"status": 429, "retry_after": 20, "reason": "QUOTA_EXCEEDED"},
            QuotaExceeded,
            20,
        ),
        ({"status": 429, "reason": "QUOTA_EXCEEDED"}, QuotaExceeded, 3600),
        ({"status": 500}, SpotifyUnreachable, 60),
        ({"status": 502}, SpotifyUnreachable, 60),
    ],
)
def test_every_status_has_its_error_and_nothing_is_sent_twice(
    world: World, fault: dict, kind: type[RecommenderError], wait_s: float | None
) -> None:
    token = world.tokens().access_token
    world.forget_calls()
    world.local.fail_next("POST", "/me/playlists", **fault)
    with pytest.raises(RecommenderError) as caught:
        world.client.create_playlist(token, "n", "d")
    assert type(caught.value) is kind
    assert getattr(caught.value, "retry_after_s", None) == wait_s
    assert world.local.calls == [("POST", "/me/playlists")]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 429, "retry_after": 3}, RateLimited),
        ({"status": 503}, SpotifyUnreachable),
        ({"status": 400}, SpotifyRefused),
    ],
)
def test_the_token_endpoint_can_fail_too(
    world: World, fault: dict, kind: type[RecommenderError]
) -> None:
    tokens = world.tokens()
    world.local.fail_next("POST", "/api/token", **fault)
    with pytest.raises(kind):
        world.client.refresh(tokens, NOON)


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<h1>Log in to the hotel's network</h1>"),
        JSONResponse(None),
        JSONResponse([1, 2]),
        JSONResponse({}),
        JSONResponse({"error": "a plain string"}, status_code=400),
        JSONResponse(["no", "object"], status_code=400),
        Response(b"\xff\xfe", status_code=200),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.body[:20]!r}",
)
def test_an_answer_that_makes_no_sense_is_an_outage(server: Server, answer: Response) -> None:
    client = strange(server, answer)
    with pytest.raises(SpotifyUnreachable):
        client.profile("token")
    with pytest.raises(SpotifyUnreachable):
        client.create_playlist("token", "n", "d")
    with pytest.raises((SpotifyUnreachable, SpotifyRefused)):
        client.exchange("code", "verifier", NOON)


def test_nobody_listening_is_an_outage() -> None:
    app = SpotifyApp(
        "a", "http://127.0.0.1/x", accounts_url="http://127.0.0.1:9", api_url="http://127.0.0.1:9"
    )
    client = SpotifyClient(app)
    with pytest.raises(SpotifyUnreachable):
        client.profile("token")
    with pytest.raises(SpotifyUnreachable):
        client.refresh(Tokens("a", "r", NOON, "", NOON), NOON)


def foreign_exceptions() -> list[Exception]:
    """Return one of every exception that spotipy or requests define."""
    made: list[Exception] = []
    for module in (spotipy.exceptions, requests.exceptions):
        for kind in vars(module).values():
            if not inspect.isclass(kind) or not issubclass(kind, Exception):
                continue
            if issubclass(kind, Warning) or not kind.__module__.startswith(
                ("spotipy", "requests")
            ):
                continue
            if issubclass(kind, spotipy.SpotifyException):
                made.append(kind(418, -1, "short and stout"))
            elif issubclass(kind, spotipy.SpotifyStateError):
                made.append(kind("here", "there"))
            elif issubclass(kind, requests.exceptions.JSONDecodeError):
                made.append(kind("no JSON", "text", 0))
            else:
                made.append(kind("something"))
    return made


def test_there_are_foreign_exceptions_to_translate() -> None:
    assert len(foreign_exceptions()) > 20


@pytest.mark.parametrize("foreign", foreign_exceptions(), ids=lambda error: type(error).__name__)
def test_no_foreign_exception_gets_out(foreign: Exception) -> None:
    with pytest.raises(RecommenderError) as caught, translated():
        raise foreign
    assert caught.value.__cause__ is foreign
