"""The page on which somebody lands who comes back from Spotify's consent page."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.connections import Connections
from recommender.errors import (
    AuthorizationDenied,
    AuthorizationFailed,
    AuthorizationStale,
    RecommenderError,
    SpotifyBusy,
    SpotifyRefused,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a page says about one way in which a visit can end."""

    status: int
    sign: str
    title: str
    text: str


CONNECTED = Outcome(
    200,
    "✓",
    "Spotify is connected",
    "You can close this page and go back to the chat. A playlist that waited is written now.",
)

OUTCOMES: dict[type[RecommenderError], Outcome] = {
    AuthorizationDenied: Outcome(
        200,
        "○",
        "Nothing was connected",
        "You said no, and that is fine. Playlists keep coming in the chat, with a link for each "
        "track. Send /connect there if you change your mind.",
    ),
    AuthorizationStale: Outcome(
        410,
        "↻",
        "This link is used up",
        "A link connects once, for ten minutes. Send /connect in the chat for a fresh one.",
    ),
    AuthorizationFailed: Outcome(
        400,
        "○",
        "Nothing was connected",
        "Spotify did not send what is needed. Send /connect in the chat to try again.",
    ),
    SpotifyBusy: Outcome(
        503,
        "↻",
        "Spotify cannot answer now",
        "Nothing was connected. Wait a little, then send /connect in the chat again.",
    ),
    SpotifyRefused: Outcome(
        403,
        "!",
        "Spotify does not let this account in",
        "The app behind this bot serves a few accounts that its owner has named. Ask the owner to "
        "add yours under User Management in Spotify's developer dashboard, then send /connect "
        "in the chat again.",
    ),
    RecommenderError: Outcome(
        500,
        "!",
        "That did not work",
        "Nothing was connected. Send /connect in the chat to try again.",
    ),
}
"""One page for each thing that keeps an account from being connected."""

_STYLE = """
:root { --ground: #f6f5f2; --card: #fff; --ink: #1b1b1d; --soft: #5d5c63; --line: #e2e0da;
  --sign: #1c7a45; }
@media (prefers-color-scheme: dark) { :root { --ground: #121214; --card: #1c1c20; --ink: #f2f1ee;
  --soft: #a9a8b0; --line: #313138; --sign: #4fd285; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  box-sizing: border-box; background: var(--ground); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 26rem; padding: 2rem 1.75rem; text-align: center; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; }
h1 { font-size: 1.4rem; line-height: 1.2; margin: .75rem 0; }
p { margin: 0; color: var(--soft); }
.sign { font-size: 2.5rem; line-height: 1; color: var(--sign); }
.name { margin-top: 1.5rem; font-size: .85rem; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Mirrortape</title>
<style>{style}</style>
</head>
<body>
<main>
<div class="sign" aria-hidden="true">{sign}</div>
<h1>{title}</h1>
<p>{text}</p>
<p class="name">Mirrortape</p>
</main>
</body>
</html>
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the address holds the code
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def callback_routes(
    connections: Connections, on_connected: Callable[[int], Awaitable[None]]
) -> list[Route]:
    """Return the route that Spotify sends people back to.

    Args:
        connections: Finishes the connection.
        on_connected: Called with the user once the page has been sent.
    """

    async def callback(request: Request) -> Response:
        if request.method == "HEAD":  # a look ahead must not use the link up
            return Response(headers=_HEADERS)
        try:
            user_id = await connections.finish(request.query_params)
        except RecommenderError as error:
            return _page(_outcome(error))
        return _page(CONNECTED, BackgroundTask(on_connected, user_id))

    return [Route("/callback", callback, methods=["GET"])]


def _outcome(error: RecommenderError) -> Outcome:
    return next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)


def _page(outcome: Outcome, background: BackgroundTask | None = None) -> Response:
    html = _PAGE.format(
        style=_STYLE,
        sign=escape(outcome.sign),
        title=escape(outcome.title),
        text=escape(outcome.text),
    )
    return HTMLResponse(html, outcome.status, headers=_HEADERS, background=background)
