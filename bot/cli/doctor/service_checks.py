"""Checks that the services know the bot and its app; no user is needed."""

import asyncio
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
from telegram.error import InvalidToken, TelegramError

from bot.cli.doctor.findings import Finding, Verdict
from bot.cli.owner import identify, webhook_of
from bot.settings import NotReady, Settings, check_webhook
from recommender.errors import SpotifyBusy
from recommender.services.spotify.app_check import AppState, check_app
from recommender.services.spotify.web_api import SpotifyApp, SpotifyClient

TIMEOUT_S = (5.0, 10.0)
"""Timeouts for connecting and for the answer, in seconds."""

FAILED_WITHIN = timedelta(minutes=5)
"""A delivery that failed within this time still counts as a problem."""

_APPS: dict[AppState, tuple[Verdict, str]] = {
    AppState.KNOWN: ("ok", "it knows the app; whom it lets in shows when they connect"),
    AppState.UNKNOWN: (
        "wrong",
        "it knows no app of this SPOTIFY_CLIENT_ID; copy the Client ID anew from the app's "
        "settings at developer.spotify.com/dashboard",
    ),
    AppState.WRONG_SECRET: (
        "wrong",
        "it refuses SPOTIFY_CLIENT_SECRET; take it out of .env, it is not needed",
    ),
    AppState.UNCLEAR: ("unknown", "it answers, but does not say whether it knows the app"),
}


def telegram(settings: Settings) -> Finding:
    """Check that Telegram knows the bot's token."""
    what, token = "Telegram", settings.telegram_bot_token.get_secret_value()
    if not token:
        return Finding(what, "wrong", "TELEGRAM_BOT_TOKEN is empty; run: mirrortape setup")
    try:
        bot = asyncio.run(identify(token, settings.telegram_api_url))
    except InvalidToken:  # its text contains the token
        return Finding(
            what, "wrong", "it does not know TELEGRAM_BOT_TOKEN; get it anew from @BotFather"
        )
    except TelegramError:
        return _unreachable(what, settings.telegram_api_url)
    return Finding(what, "ok", f"it knows the bot: @{bot.username}")


def webhook(settings: Settings, now: datetime, *, bot_runs: bool) -> Finding:
    """Check that Telegram can deliver updates to `PUBLIC_URL`."""
    what, url = "webhook", settings.webhook_url
    try:
        check_webhook(settings)
    except NotReady as error:
        return Finding(what, "wrong", str(error))
    token = settings.telegram_bot_token.get_secret_value()
    try:
        found = asyncio.run(webhook_of(token, settings.telegram_api_url))
    except TelegramError:
        return Finding(what, "unknown", "Telegram does not say where it delivers")
    if found.url != url:
        if bot_runs:
            says = f"Telegram does not deliver to {url}; restart the bot"
            return Finding(what, "wrong", says)
        return Finding(what, "ok", f"the bot will have Telegram deliver to {url}")
    if found.last_error_date and now - found.last_error_date < FAILED_WITHIN and bot_runs:
        return Finding(
            what,
            "wrong",
            f"Telegram cannot deliver ({found.last_error_message}); let {settings.public_url} "
            f"lead to {settings.web_address}",
        )
    return Finding(what, "ok", f"Telegram delivers to {url}")


def spotify(settings: Settings, now: datetime) -> Finding:
    """Check that Spotify knows the app."""
    what = "Spotify"
    if not settings.spotify_client_id:
        return Finding(what, "ok", "no SPOTIFY_CLIENT_ID, so playlists come as lists of links")
    try:
        state = app_state(settings, settings.spotify_client_id, now)
    except SpotifyBusy:
        return _unreachable(what, settings.spotify_accounts_url)
    if ask(settings.spotify_api_url) is None:
        return _unreachable(what, settings.spotify_api_url)
    return Finding(what, *_APPS[state])


def app_state(settings: Settings, client_id: str, now: datetime) -> AppState:
    """Return what Spotify says about an app.

    Raises:
        SpotifyBusy: Spotify cannot be reached, or cannot answer now.
    """
    app = SpotifyApp(
        client_id=client_id,
        redirect_uri=settings.redirect_uri,
        client_secret=settings.spotify_client_secret.get_secret_value(),
        accounts_url=settings.spotify_accounts_url,
    )
    return check_app(SpotifyClient(app, TIMEOUT_S), now)


def ask(url: str) -> httpx.Response | None:
    """Return a service's first answer; None if it cannot be reached."""
    try:
        return httpx.head(url, timeout=TIMEOUT_S[1])
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def time_of(answer: httpx.Response) -> datetime | None:
    """Return the time in an answer's Date header; None if there is none."""
    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return None


def host(url: str) -> str:
    """Return the host and port of a URL."""
    return urlsplit(url).netloc


def _unreachable(what: str, url: str) -> Finding:
    return Finding(
        what, "wrong", f"{host(url)} cannot be reached; check the connection and try again"
    )
