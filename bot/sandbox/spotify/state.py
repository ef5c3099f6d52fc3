"""The local Spotify's state: accounts, playlists, tokens, and faults."""

import re
import secrets
import string
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.sandbox.spotify.faults import Faults
from recommender.catalogue.tracks import Track

CODE_LASTS = timedelta(minutes=10)
ACCESS_LASTS = timedelta(hours=1)
REFRESH_LASTS = timedelta(days=182)
"""How long codes, access tokens and refresh tokens are valid, the last from the authorization on.
"""

SILENT = ("missing", "null", "unplayable")
"""How an unplayable track appears in a playlist: not at all, as null, or marked."""

_CLIENT_ID = re.compile(r"[0-9a-f]{32}")

_BASE62 = string.digits + string.ascii_letters


def new_id() -> str:
    """Return a new id in Spotify's format."""
    return "".join(secrets.choice(_BASE62) for _ in range(22))


@dataclass(frozen=True, slots=True)
class Account:
    """An invented listener; the account id never changes."""

    id: str
    account_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Item:
    """A track in a playlist: its URI, and when it was added."""

    uri: str
    added_utc: datetime


@dataclass(slots=True)
class StoredPlaylist:
    """A playlist; once its owner deletes it, it is only absent from the library."""

    id: str
    owner: Account
    name: str
    description: str
    public: bool
    collaborative: bool
    created_utc: datetime
    changed_utc: datetime
    items: list[Item] = field(default_factory=list)
    snapshot_id: str = field(default_factory=new_id)
    in_library: bool = True
    cover: bytes | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or token allows.

    Args:
        account: The account that agreed.
        client_id: The app.
        scopes: What the app may do.
        authorized_utc: When the account agreed.
        expires_utc: When this code or token expires.
        redirect_uri: Where a code was sent; empty for a token.
        challenge: A code's PKCE challenge; empty for a token.
    """

    account: Account
    client_id: str
    scopes: frozenset[str]
    authorized_utc: datetime
    expires_utc: datetime
    redirect_uri: str = ""
    challenge: str = ""


class SpotifyState:
    """Everything in memory, used on one event loop.

    Args:
        base_url: Where the local Spotify is, without a slash at the end.
        client_id: The owner's app. Any other id of the right form is some listener's own app.
        client_secret: The owner's app's secret; empty where it has none.
        describe: Finds the catalogue's tracks behind URIs; those it does not know are left out.
        clock: Returns the time now, in UTC.
        offers_phone: Whether one may agree as if on a phone, whose browser cannot come back.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        describe: Callable[[Sequence[str]], Mapping[str, Track]],
        clock: Callable[[], datetime],
        *,
        offers_phone: bool,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.client_id = client_id
        self.client_secret = client_secret
        self.describe = describe
        self.clock = clock
        self.offers_phone = offers_phone
        self.accounts: dict[str, Account] = {}  # by display name, casefolded
        self.playlists: dict[str, StoredPlaylist] = {}  # oldest first
        self.codes: dict[str, Grant] = {}
        self.access_tokens: dict[str, Grant] = {}
        self.refresh_tokens: dict[str, Grant] = {}
        self.faults = Faults()
        self.listing_lag = timedelta()  # how long a new playlist is missing from the library
        self.silent: dict[str, str] = {}  # how each track that no longer plays shows: see `SILENT`
        self.calls: deque[tuple[str, str]] = deque(maxlen=1000)

    def ensure_account(self, display_name: str) -> Account:
        """Return the account with this name, creating it if necessary."""
        key = display_name.casefold()
        if key not in self.accounts:
            self.accounts[key] = Account(new_id(), new_id(), display_name)
        return self.accounts[key]

    def is_app(self, client_id: str) -> bool:
        """Return whether an app of this id is registered."""
        return client_id == self.client_id or _CLIENT_ID.fullmatch(client_id) is not None

    def issue_code(
        self,
        account: Account,
        client_id: str,
        scopes: frozenset[str],
        redirect_uri: str,
        challenge: str,
    ) -> str:
        """Return a one-time code for this grant, valid for ten minutes."""
        now, code = self.clock(), secrets.token_urlsafe(48)
        self.codes[code] = Grant(
            account, client_id, scopes, now, now + CODE_LASTS, redirect_uri, challenge
        )
        return code

    def issue_tokens(self, grant: Grant) -> tuple[str, str]:
        """Return a new access token and a new refresh token for a grant."""
        access, refresh, now = secrets.token_urlsafe(64), secrets.token_urlsafe(64), self.clock()
        for store, token, expires_utc in (
            (self.access_tokens, access, now + ACCESS_LASTS),
            (self.refresh_tokens, refresh, grant.authorized_utc + REFRESH_LASTS),
        ):
            store[token] = Grant(
                grant.account, grant.client_id, grant.scopes, grant.authorized_utc, expires_utc
            )
        return access, refresh

    def create_playlist(
        self, owner: Account, name: str, description: str, *, public: bool, collaborative: bool
    ) -> StoredPlaylist:
        """Create an empty playlist."""
        now = self.clock()
        playlist = StoredPlaylist(
            new_id(), owner, name, description, public, collaborative, now, now
        )
        self.playlists[playlist.id] = playlist
        return playlist

    def set_items(self, playlist: StoredPlaylist, items: list[Item]) -> None:
        """Replace a playlist's items and give it a new snapshot id."""
        for uri in self.faults.take_silenced(item.uri for item in items):
            self.silent[uri] = SILENT[0]
        playlist.items = items
        self.touch(playlist)

    def touch(self, playlist: StoredPlaylist) -> None:
        """Give a changed playlist a new snapshot id."""
        playlist.snapshot_id = new_id()
        playlist.changed_utc = self.clock()

    def library(self, account: Account) -> list[StoredPlaylist]:
        """Return the playlists in an account's library, the newest first."""
        listed_until = self.clock() - self.listing_lag
        return [
            playlist
            for playlist in reversed(self.playlists.values())
            if playlist.owner == account
            and playlist.in_library
            and playlist.created_utc <= listed_until
        ]
