"""The OAuth callback page, to which Spotify redirects after consent.

If other people's browsers can open it, it does not connect the account but shows six digits.
"""

import base64
import hashlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from html import escape

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.linking.connections import Connections
from bot.settings import CALLBACK
from recommender.errors import (
    AccountUnknown,
    AuthorizationDenied,
    AuthorizationFailed,
    AuthorizationStale,
    RecommenderError,
    SpotifyBusy,
    SpotifyRefused,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The text of a page for one outcome."""

    status: int
    sign: str
    title: str
    text: str
    caution: str = ""


CONNECTED = Outcome(
    200,
    "✓",
    "Spotify is connected",
    "You can close this page and go back to the chat. A playlist that waited is written now.",
    "You sent no /connect yourself? Then your account now serves somebody else's chat: remove the "
    "app at spotify.com/account/apps.",
)

ARRIVED = Outcome(
    200,
    "→",
    "One step is left",
    "Type these six digits into the chat in which you sent /connect. They are good for five "
    "minutes.",
    "You sent no /connect, and somebody gave you a link? Then close this page and give the digits "
    "to nobody: nothing is connected.",
)

SHOWN_BEFORE = "It showed you six digits a moment ago? They still count: type them into the chat."
"""The text after a reload, which phones do with pages in the background."""

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
    AccountUnknown: Outcome(
        502,
        "!",
        "Spotify did not say whose account this is",
        "So nothing was connected. Send /connect in the chat to try again.",
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
        "The app behind this bot serves a few accounts that its owner has named. Ask the bot's "
        "owner to add yours under User Management in Spotify's developer dashboard, or bring an "
        "app of your own: send /connect CLIENT_ID in the chat.",
    ),
    RecommenderError: Outcome(
        500,
        "!",
        "That did not work",
        "Nothing was connected. Send /connect in the chat to try again.",
    ),
}
"""The page for each error."""

CANNOT_STORE = Outcome(
    503,
    "↻",
    "Almost there",
    "I cannot save anything just now, so nothing is connected yet. Your link still works: reload "
    "this page in a minute.",
)
"""The page while the database is locked or the disk is full; the link stays valid."""

_RETRY_AFTER_S = 60

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
.digits { margin: 1.25rem 0; padding: .75rem 0; font-size: 2.5rem; line-height: 1.1;
  font-weight: 700; letter-spacing: .06em; font-variant-numeric: tabular-nums; color: var(--ink);
  background: var(--ground); border-radius: .75rem; }
.caution { margin-top: 1rem; font-size: .9rem; }
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
{more}
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
    "Referrer-Policy": "no-referrer",  # the address contains the code
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def callback_routes(
    connections: Connections,
    on_connected: Callable[[int], Awaitable[None]],
    on_arrived: Callable[[int], Awaitable[None]],
) -> list[Route]:
    """Return the callback route.

    Args:
        connections: Connects the account.
        on_connected: Called with the user after the page was sent, if it connected them.
        on_arrived: Called with the user after the page was sent, if it shows six digits.
    """

    async def callback(request: Request) -> Response:
        if request.method == "HEAD":  # a link preview must not use up the link
            return Response(headers=_HEADERS)
        try:
            if connections.shows_digits:
                arrival = await connections.oauth.arrive(request.query_params)
                told = BackgroundTask(on_arrived, arrival.user_id)
                return _page(ARRIVED, told, arrival.digits)
            user_id = await connections.oauth.finish(request.query_params)
        except sqlite3.Error as error:
            logger.error("a callback from Spotify cannot be stored: %s", error)
            page = _page(CANNOT_STORE)
            page.headers["Retry-After"] = str(_RETRY_AFTER_S)
            return page
        except RecommenderError as error:
            outcome = _outcome(error)
            if connections.shows_digits and isinstance(error, AuthorizationStale):
                outcome = replace(outcome, caution=SHOWN_BEFORE)
            return _page(outcome)
        return _page(CONNECTED, BackgroundTask(on_connected, user_id))

    return [Route(CALLBACK, callback, methods=["GET"])]


def _outcome(error: RecommenderError) -> Outcome:
    return next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)


def _page(
    outcome: Outcome, background: BackgroundTask | None = None, digits: str = ""
) -> Response:
    more = f'<p class="digits">{digits[:3]} {digits[3:]}</p>' if digits else ""
    if outcome.caution:
        more += f'<p class="caution">{escape(outcome.caution)}</p>'
    html = _PAGE.format(
        style=_STYLE,
        sign=escape(outcome.sign),
        title=escape(outcome.title),
        text=escape(outcome.text),
        more=more,
    )
    return HTMLResponse(html, outcome.status, headers=_HEADERS, background=background)
