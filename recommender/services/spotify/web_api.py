"""The Spotify Web API as a new app gets it; the only module that knows spotipy.

Every method makes at most a few requests, ends in time, never sleeps, never repeats a request, and
raises nothing but `recommender.errors`. No answer leads it elsewhere: pages are asked for by their
offset, redirects are not followed. It keeps no state: tokens come in and go out as values, and
whoever stores them decides when to refresh.

spotipy is kept on a short lead. Each request gets a `requests.Session` of ours, because spotipy's
own sleeps through 429s and repeats POSTs. Its token cache lives in memory only, and an
authorization code is always given, because without one it would open a browser and wait.
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
"""What we ask a listener for: to write private playlists, and to find ours among them."""

STATE_BYTES = 32
STATE_CHARS = 43
"""How much chance is in the state of a link, and how long that is in base64url."""

ITEMS_PER_REQUEST = 100
ITEMS_PER_PAGE = 50
PLAYLISTS_PER_PAGE = 50

MOST_PAGES = 40
"""More are not asked for: 2,000 playlists, or as many items of one."""

TOTAL_S = 10.0
"""How long a call may take, all its requests together."""


@dataclass(frozen=True, slots=True)
class SpotifyApp:
    """One app in Spotify's developer dashboard, and where Spotify is.

    Args:
        client_id: The app's public name.
        redirect_uri: Where consent ends: HTTPS or a loopback IP, as the dashboard has it.
        client_secret: Not needed, since PKCE takes its place; sent too where there is one.
        accounts_url: Where people log in and tokens are issued.
        api_url: Where the Web API is, version included.
    """

    client_id: str
    redirect_uri: str
    client_secret: str = field(default="", repr=False)
    accounts_url: str = "https://accounts.spotify.com"
    api_url: str = "https://api.spotify.com/v1"


@dataclass(frozen=True, slots=True)
class Authorization:
    """A way to the consent page, and what must be remembered until somebody comes back.

    Args:
        url: Where the listener goes.
        state: Comes back with the listener and tells whose consent it is.
        verifier: Proves that the code which comes back was meant for us (PKCE).
    """

    url: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


class SpotifyClient:
    """Speaks to Spotify in the name of the owner's app, or of one that a listener brought.

    Args:
        app: The owner's app and Spotify's addresses.
        timeout_s: How long to wait for a connection, and for each part of an answer.
        total_s: How long a call may take in all.
        on_answer: Called with "accounts" or "api" and the HTTP status of each answer, None where
            there was none; from whichever thread asked.
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
        """End what is under way, from whichever thread; nothing more is asked."""
        self._calls.close()

    @property
    def redirect_uri(self) -> str:
        """Where consent ends; every app must have it in its settings."""
        return self._app.redirect_uri

    # -- authorization --

    def authorize(self, client_id: str = "") -> Authorization:
        """Make a fresh way to the consent page; nothing is sent.

        Args:
            client_id: The listener's own app; empty for the owner's.
        """
        state = secrets.token_urlsafe(STATE_BYTES)
        with self._pkce(client_id) as pkce:
            url = pkce.get_authorize_url(state=state)
            # Else an account that agreed before is connected without being shown first.
            return Authorization(f"{url}&show_dialog=true", state, pkce.code_verifier)

    def exchange(self, code: str, verifier: str, now: datetime, client_id: str = "") -> Tokens:
        """Turn the code that came back from the consent page into tokens.

        Args:
            code: What came back.
            verifier: Of the way that the listener went.
            now: The time, in UTC.
            client_id: The app of that way; empty for the owner's.

        Raises:
            ConnectionExpired: The code is too old, used, or was made for another verifier.
        """
        if not code:
            raise ConnectionExpired("there is no authorization code")
        with self._pkce(client_id) as pkce:
            pkce.code_verifier = verifier
            pkce.code_challenge = "already sent"  # else spotipy makes a new pair
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
        """Buy a new access token; Spotify may replace the refresh token with it, or keep it.

        Raises:
            ConnectionExpired: The refresh token ended or was revoked.
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
        """Return whose account this is.

        Raises:
            AccountUnknown: Spotify does not say.
        """
        with self._api(access_token) as api:
            me = as_object(api._get("me"))  # current_user asks for "me/", which is no route
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
            PlaylistGone: There is none with this id.
        """
        with self._api(access_token) as api:
            return as_playlist(api.playlist(playlist_id))

    def playlists(self, access_token: str) -> Iterator[Playlist]:
        """Yield the playlists in the listener's library, asking for pages as they are needed."""
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
        """Return what a playlist holds, as it plays where the listener lives.

        Raises:
            PlaylistGone: There is no playlist with this id.
        """
        entries: list[Entry] = []
        with self._api(access_token) as api:
            # Not every app sees the new names of these fields yet, so both are read.
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
                # An offset that is not heeded would bring the same for ever.
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
        """Make the playlist hold exactly these tracks; doing it twice changes nothing more.

        Returns:
            The id of the version that this makes.

        Raises:
            PlaylistGone: There is no playlist with this id.
        """
        first, rest = uris[:ITEMS_PER_REQUEST], uris[ITEMS_PER_REQUEST:]
        with self._api(access_token) as api:
            version = as_object(api.playlist_replace_items(playlist_id, list(first)))
            for start in range(0, len(rest), ITEMS_PER_REQUEST):
                # playlist_add_items would send a bare array, which Spotify no longer takes.
                chunk = list(rest[start : start + ITEMS_PER_REQUEST])
                answer = api._post(f"playlists/{playlist_id}/items", payload={"uris": chunk})
                version = as_object(answer)
            return str(version["snapshot_id"])

    def change_details(
        self, access_token: str, playlist_id: str, name: str, description: str
    ) -> None:
        """Give a playlist another name and description.

        Raises:
            PlaylistGone: There is no playlist with this id.
        """
        with self._api(access_token) as api:
            api.playlist_change_details(playlist_id, name=name, description=description)

    # -- the way out --

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
        """Yield a session whose answers are told; what fails in the block is one of our errors."""

        def tell(answer: requests.Response, **_: object) -> None:
            self._on_answer(service, answer.status_code)

        with translated(), requests.Session() as session:
            session.hooks["response"].append(tell)
            session.max_redirects = 0  # else a token goes wherever an answer says
            try:
                with self._calls.limited(session):
                    yield session
            except (requests.ConnectionError, requests.Timeout):
                self._on_answer(service, None)
                raise


def _tells_no_secrets(record: logging.LogRecord) -> bool:
    """Return whether a record of spotipy's may be logged: below a warning, it has tokens in it."""
    return record.levelno >= logging.WARNING


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever spotipy and requests raise in the block into our own errors."""
    try:
        yield
    except spotipy.SpotifyException as error:
        raise api_refusal(
            error.http_status, error.reason, str(error.msg), error.headers
        ) from error
    except spotipy.SpotifyOauthError as error:
        # spotipy raises it while it handles the HTTP error, which alone knows the status.
        response = getattr(error.__context__, "response", None)
        status, headers = (
            (400, {}) if response is None else (response.status_code, response.headers)
        )
        # Not every kind of it has the attribute that its class declares.
        code = getattr(error, "error", None)
        raise token_refusal(status, code, str(error), headers) from error
    except (spotipy.exceptions.SpotifyBaseException, OSError) as error:  # requests' are OSErrors
        raise SpotifyUnreachable(f"Spotify cannot be reached: {error}", OUTAGE_WAIT_S) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A proxy's page or half an answer, on which spotipy or our own reading stumbles.
        raise SpotifyUnreachable("Spotify's answer makes no sense", OUTAGE_WAIT_S) from error
