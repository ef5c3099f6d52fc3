import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from recommender.errors import SpotifyBusy
from recommender.services.spotify.app_check import AppState, check_app
from recommender.services.spotify.web_api import SpotifyApp, SpotifyClient
from tests.support.spotify.spotify_world import NOON, REDIRECT_URI, Server, World


def client_of(accounts_url: str, client_id: str = "0" * 32, secret: str = "") -> SpotifyClient:
    return SpotifyClient(SpotifyApp(client_id, REDIRECT_URI, secret, accounts_url))


@pytest.mark.parametrize(
    ("client_id", "state"),
    [("0123456789abcdef" * 2, AppState.KNOWN), ("no-such-app", AppState.UNKNOWN)],
)
def test_spotify_is_asked_whether_it_knows_the_app(
    server: Server, client_id: str, state: AppState
) -> None:
    world = World(server)
    assert check_app(client_of(world.app.accounts_url, client_id), NOON) is state
    assert world.local.calls == [("POST", "/api/token")]


def answering(server: Server, answer: Response) -> SpotifyClient:
    async def token(request: Request) -> Response:
        return answer

    server.app = Starlette(routes=[Route("/api/token", token, methods=["POST"])])
    return client_of(server.url)


@pytest.mark.parametrize(
    ("error", "description", "state"),
    [
        ("invalid_client", "Invalid client", AppState.UNKNOWN),
        ("invalid_client", "Invalid client secret", AppState.WRONG_SECRET),
        ("invalid_grant", "Invalid authorization code", AppState.KNOWN),
        ("invalid_request", "code_verifier required", AppState.UNCLEAR),
    ],
)
def test_only_what_is_known_to_mean_something_is_believed(
    server: Server, error: str, description: str, state: AppState
) -> None:
    answer = JSONResponse({"error": error, "error_description": description}, 400)
    assert check_app(answering(server, answer), NOON) is state


def test_tokens_for_no_code_prove_nothing(server: Server) -> None:
    answer = JSONResponse({"access_token": "a", "refresh_token": "r", "expires_in": 1})
    assert check_app(answering(server, answer), NOON) is AppState.UNCLEAR


@pytest.mark.parametrize(
    "answer", [HTMLResponse("<p>a hotel's log-in page</p>"), JSONResponse({}, 503)]
)
def test_what_is_no_answer_of_spotifys_is_not_taken_for_one(
    server: Server, answer: Response
) -> None:
    with pytest.raises(SpotifyBusy):
        check_app(answering(server, answer), NOON)


def test_nobody_there() -> None:
    with pytest.raises(SpotifyBusy):
        check_app(client_of("http://127.0.0.1:9"), NOON)
