"""The client of the Spotify Web API, as available to new apps. The only module that uses spotipy.

Every method makes at most a few requests, respects a deadline, never sleeps, never repeats a
request, and raises only `recommender.errors`. It fetches pages by offset and follows no links or
redirects from answers. It is stateless: tokens are arguments and results, and the caller decides
when to refresh.

spotipy's defaults are unsafe here. Each request uses our own `requests.Session`, because spotipy's
sleeps after a 429 and repeats POSTs. Its token cache is in memory only, and an authorization code
is always given, because without one it would open a browser and wait.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import requests
import spotipy

from recommender.errors import AccountUnknown, ConnectionExpired, SpotifyUnreachable
from recommender.services.spotify.contents import (
    Contents,
    Entry,
    Playlist,
    as_entry,
    as_object,
    as_playlist,
    as_text,
)
from recommender.services.spotify.deadline import Calls
from recommender.services.spotify.refusals import OUTAGE_WAIT_S, api_refusal, token_refusal
from recommender.services.spotify.tokens import Profile, Tokens

logger = logging.getLogger(__name__)

SCOPES = ("playlist-modify-private", "playlist-read-private")
"""The requested scopes: write private playlists, and find ours among them."""

STATE_BYTES = 32
STATE_CHARS = 43
"""Random bytes in the state of a link, and its length in base64url."""

ITEMS_PER_REQUEST = 100
ITEMS_PER_PAGE = 50
PLAYLISTS_PER_PAGE = 50

MOST_PAGES = 40
"""The most pages: 2,000 playlists, or items of a playlist."""

TOTAL_S = 10.0
"""The deadline of a call, with all its requests."""


@dataclass(frozen=True, slots=True)
class SpotifyApp:
    """An app in Spotify's developer dashboard, and Spotify's addresses.

    Args:
        client_id: The app's client id.
        redirect_uri: HTTPS or a loopback IP, exactly as in the dashboard.
        client_secret: Optional, since PKCE replaces it; sent if given.
        accounts_url: The authorization server.
        api_url: The Web API, including its version.
    """

    client_id: str
    redirect_uri: str
    client_secret: str = field(default="", repr=False)
    accounts_url: str = "https://accounts.spotify.com"
    api_url: str = "https://api.spotify.com/v1"


@dataclass(frozen=True, slots=True)
class Authorization:
    """A link to the consent page, with its secrets.

    Args:
        url: The link.
        state: Comes back in the redirect and identifies the listener.
        verifier: The PKCE code verifier.
    """

    url: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


class SpotifyClient:
    """Calls Spotify on behalf of the owner's app, or of a listener's own app.

    Args:
        app: The owner's app and Spotify's addresses.
        timeout_s: The timeout for connecting and for each read.
        total_s: The deadline of a call.
        on_answer: Called with "accounts" or "api" and the HTTP status of each answer, None without
            an answer; in the calling thread.
    """

    def __init__(
        self,
        app: SpotifyApp,
        timeout_s: tuple[float, float] = (5.0, TOTAL_S),
        on_answer: Callable[[str, int | None], None] = lambda service, status: None,
        total_s: float = TOTAL_S,
    ) -> None:
        for module in ("client", "oauth2"):
            logging.getLogger(f"spotipy.{module}").addFilter(_tells_no_secrets)
        self._app = app
        self._timeout_s = timeout_s
        self._on_answer = on_answer
        self._calls = Calls(total_s)

    def close(self) -> None:
        """End all calls in flight and refuse new ones; callable from any thread."""
        self._calls.close()

    @property
    def redirect_uri(self) -> str:
        """The redirect URI, which every app must have in its settings."""
        return self._app.redirect_uri

    # -- authorization --

    def authorize(self, client_id: str = "") -> Authorization:
        """Create a new link to the consent page, without sending anything.

        Args:
            client_id: The listener's own app; empty for the owner's.
        """
        state = secrets.token_urlsafe(STATE_BYTES)
        with self._pkce(client_id) as pkce:
            url = pkce.get_authorize_url(state=state)
            # Otherwise an account that agreed before is connected without being shown first.
            return Authorization(f"{url}&show_dialog=true", state, pkce.code_verifier)

    def exchange(self, code: str, verifier: str, now: datetime, client_id: str = "") -> Tokens:
        """Exchange an authorization code for tokens.

        Args:
            code: The code.
            verifier: The code verifier of the link.
            now: The time, in UTC.
            client_id: The app of the link; empty for the owner's.

        Raises:
            ConnectionExpired: The code is too old, used, or belongs to another verifier.
        """
        if not code:
            raise ConnectionExpired("there is no authorization code")
        with self._pkce(client_id) as pkce:
            pkce.code_verifier = verifier
            pkce.code_challenge = "already sent"  # else spotipy would create a new pair
            pkce.get_access_token(code, check_cache=False)
            answer = pkce.cache_handler.get_cached_token()
            return Tokens(
                access_token=as_text(answer["access_token"]),
                refresh_token=as_text(answer["refresh_token"]),
                expires_utc=now + timedelta(seconds=int(answer["expires_in"])),
                scope=str(answer.get("scope", "")),
                authorized_utc=now,
                client_id=client_id,
            )

    def refresh(self, tokens: Tokens, now: datetime) -> Tokens:
        """Refresh the access token; Spotify may also replace the refresh token.

        Raises:
            ConnectionExpired: The refresh token expired or was revoked.
        """
        with self._pkce(tokens.client_id) as pkce:
            answer = pkce.refresh_access_token(tokens.refresh_token)
            return replace(
                tokens,
                access_token=as_text(answer["access_token"]),
                refresh_token=as_text(answer["refresh_token"] or tokens.refresh_token),
                expires_utc=now + timedelta(seconds=int(answer["expires_in"])),
                scope=str(answer.get("scope", tokens.scope)),
            )

    # -- reading --

    def profile(self, access_token: str) -> Profile:
        """Return the profile of the account.

        Raises:
            AccountUnknown: Spotify does not return it.
        """
        with self._api(access_token) as api:
            me = as_object(api._get("me"))  # current_user calls "me/", which is not a route
            if not me.keys() & {"account_id", "id"}:
                raise KeyError("id")
            names = (me.get("account_id"), me.get("id"))
            account_id = next((name for name in names if name and isinstance(name, str)), None)
            if account_id is None:
                raise AccountUnknown("Spotify does not say whose account this is")
            shown = me.get("display_name")
            return Profile(account_id, shown if shown and isinstance(shown, str) else account_id)

    def playlist(self, access_token: str, playlist_id: str) -> Playlist:
        """Return one playlist.

        Raises:
            PlaylistGone: It does not exist.
        """
        with self._api(access_token) as api:
            return as_playlist(api.playlist(playlist_id))

    def playlists(self, access_token: str) -> Iterator[Playlist]:
        """Yield the playlists in the listener's library, fetching pages as needed."""
        seen: set[str] = set()
        with self._api(access_token) as api:
            for number in range(MOST_PAGES):
                page = as_object(
                    api.current_user_playlists(
                        limit=PLAYLISTS_PER_PAGE, offset=number * PLAYLISTS_PER_PAGE
                    )
                )
                found = [as_playlist(entry) for entry in page["items"] if entry]
                new = [playlist for playlist in found if playlist.id not in seen]
                yield from new
                seen |= {playlist.id for playlist in new}
                if not new or not page.get("next"):
                    return
        logger.warning("a library has more playlists than are looked at")

    def contents(self, access_token: str, playlist_id: str) -> Contents:
        """Return the items of a playlist, as playable in the listener's country.

        Raises:
            PlaylistGone: It does not exist.
        """
        entries: list[Entry] = []
        with self._api(access_token) as api:
            # Some apps still get the old names of these fields, so both are read.
            full = as_object(api.playlist(playlist_id))
            page = as_object(full.get("items") or full["tracks"])
            entries += map(as_entry, page["items"])
            for _ in range(MOST_PAGES):
                if not page.get("next"):
                    break
                before, asked = page["items"], len(entries)
                page = as_object(
                    api.playlist_items(playlist_id, limit=ITEMS_PER_PAGE, offset=asked)
                )
                # A server that ignores the offset would return the same page forever.
                if (
                    not page["items"]
                    or page["items"] == before
                    or page.get("offset", asked) != asked
                ):
                    break
                entries += map(as_entry, page["items"])
            return Contents(str(full["snapshot_id"]), tuple(entries))

    # -- writing --

    def create_playlist(self, access_token: str, name: str, description: str) -> Playlist:
        """Create an empty private playlist."""
        with self._api(access_token) as api:
            answer = api.current_user_playlist_create(name, public=False, description=description)
            return as_playlist(answer)

    def replace_items(self, access_token: str, playlist_id: str, uris: Sequence[str]) -> str:
        """Replace all items of a playlist; this is idempotent.

        Returns:
            The snapshot id of the new version.

        Raises:
            PlaylistGone: It does not exist.
        """
        first, rest = uris[:ITEMS_PER_REQUEST], uris[ITEMS_PER_REQUEST:]
        with self._api(access_token) as api:
            version = as_object(api.playlist_replace_items(playlist_id, list(first)))
            for start in range(0, len(rest), ITEMS_PER_REQUEST):
                # playlist_add_items would send a bare array, which Spotify no longer accepts.
                chunk = list(rest[start : start + ITEMS_PER_REQUEST])
                answer = api._post(f"playlists/{playlist_id}/items", payload={"uris": chunk})
                version = as_object(answer)
            return str(version["snapshot_id"])

    def change_details(
        self, access_token: str, playlist_id: str, name: str, description: str
    ) -> None:
        """Change the name and description of a playlist.

        Raises:
            PlaylistGone: It does not exist.
        """
        with self._api(access_token) as api:
            api.playlist_change_details(playlist_id, name=name, description=description)

    # -- requests --

    @contextmanager
    def _api(self, access_token: str) -> Iterator[spotipy.Spotify]:
        with self._session("api") as session:
            api = spotipy.Spotify(
                auth=access_token,
                requests_session=session,
                requests_timeout=self._timeout_s,
                retries=0,
                status_retries=0,
            )
            api.prefix = f"{self._app.api_url.rstrip('/')}/"
            yield api

    @contextmanager
    def _pkce(self, client_id: str) -> Iterator[spotipy.SpotifyPKCE]:
        with self._session("accounts") as session:
            if self._app.client_secret and not client_id:  # the secret is the owner's app's
                session.auth = (self._app.client_id, self._app.client_secret)
            pkce = spotipy.SpotifyPKCE(
                client_id=client_id or self._app.client_id,
                redirect_uri=self._app.redirect_uri,
                scope=list(SCOPES),
                cache_handler=spotipy.MemoryCacheHandler(),
                requests_timeout=self._timeout_s,
                requests_session=session,
                open_browser=False,
            )
            accounts_url = self._app.accounts_url.rstrip("/")
            pkce.OAUTH_AUTHORIZE_URL = f"{accounts_url}/authorize"
            pkce.OAUTH_TOKEN_URL = f"{accounts_url}/api/token"
            yield pkce

    @contextmanager
    def _session(self, service: str) -> Iterator[requests.Session]:
        """Yield a session that reports its answers, and translate errors in the block."""

        def tell(answer: requests.Response, **_: object) -> None:
            self._on_answer(service, answer.status_code)

        with translated(), requests.Session() as session:
            session.hooks["response"].append(tell)
            session.max_redirects = 0  # else a redirect could lead a token elsewhere
            try:
                with self._calls.limited(session):
                    yield session
            except (requests.ConnectionError, requests.Timeout):
                self._on_answer(service, None)
                raise


def _tells_no_secrets(record: logging.LogRecord) -> bool:
    """Return whether a log record of spotipy's is safe: below WARNING, they contain tokens."""
    return record.levelno >= logging.WARNING


@contextmanager
def translated() -> Iterator[None]:
    """Translate the errors of spotipy and requests in the block to ours."""
    try:
        yield
    except spotipy.SpotifyException as error:
        raise api_refusal(
            error.http_status, error.reason, str(error.msg), error.headers
        ) from error
    except spotipy.SpotifyOauthError as error:
        # spotipy raises it while handling the HTTP error, which has the status.
        response = getattr(error.__context__, "response", None)
        status, headers = (
            (400, {}) if response is None else (response.status_code, response.headers)
        )
        # Not every instance has the attribute that its class declares.
        code = getattr(error, "error", None)
        raise token_refusal(status, code, str(error), headers) from error
    except (spotipy.exceptions.SpotifyBaseException, OSError) as error:  # requests' are OSErrors
        raise SpotifyUnreachable(f"Spotify cannot be reached: {error}", OUTAGE_WAIT_S) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A proxy's page or half an answer, which spotipy or our own code cannot parse.
        raise SpotifyUnreachable("Spotify's answer makes no sense", OUTAGE_WAIT_S) from error
