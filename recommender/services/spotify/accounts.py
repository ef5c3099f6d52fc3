"""Stores the listeners' Spotify accounts and tokens.

Tokens are encrypted, see `recommender.storage.sealing`. An account's row stays when its tokens are
deleted, so that a listener who reconnects keeps the same playlist; `forget` deletes everything.
Playlists to be written are in `recommender.services.spotify.intents`.
"""

from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from recommender.errors import ConnectionExpired
from recommender.services.spotify import authorizations, intents, notices
from recommender.services.spotify.authorizations import Authorizations
from recommender.services.spotify.intents import Intents
from recommender.services.spotify.notices import Notices
from recommender.services.spotify.tokens import Profile, Tokens
from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import PersonalTable, delete
from recommender.storage.sealing import ACCOUNTS, Seal, bind_once

PERSONAL_TABLES = (
    PersonalTable(
        "spotify_cooldowns",
        "client_id in (select client_id from spotify_apps where user_id = :user_id)",
        shared="client_id in (select client_id from spotify_apps where user_id <> :user_id)",
    ),
    *authorizations.PERSONAL_TABLES,
    *intents.PERSONAL_TABLES,
    *notices.PERSONAL_TABLES,
    PersonalTable("spotify_accounts", secrets=("tokens_encrypted",)),
)
"""All tables with personal data."""

_migrations = Migrations("spotify")


@_migrations()
def m001_first_tables(db: Database) -> None:
    """Create accounts, pending authorizations, intents and the cooldown."""
    db.table("spotify_accounts").create(
        {
            "user_id": int,
            "account_id": str,
            "display_name": str,
            "tokens_encrypted": str,  # null once disconnected
            "authorized_utc": str,
            "playlist_id": str,  # the playlist that is updated, null until there is one
            "playlist_created_utc": str,
        },
        pk="user_id",
        not_null={"account_id", "display_name", "authorized_utc"},
    )
    db.table("spotify_authorizations").create(
        {"state_sha256": str, "user_id": int, "verifier_encrypted": str, "created_utc": str},
        pk="state_sha256",
        not_null={"user_id", "verifier_encrypted", "created_utc"},
    )
    db.table("spotify_intents").create(
        {
            "user_id": int,
            "name": str,
            "description": str,
            "uris": str,
            "marker": str,  # null until a playlist is about to be created
            "created_utc": str,
        },
        pk="user_id",
        not_null={"name", "description", "uris", "created_utc"},
    )
    db.table("spotify_cooldown").create(
        {"id": int, "until_utc": str}, pk="id", not_null={"until_utc"}
    )


@_migrations()
def m002_cooldown_of_each_app(db: Database) -> None:
    """Keep a cooldown per app: a listener's own app does not wait for the owner's."""
    db.table("spotify_cooldowns").create(
        {"client_id": str, "until_utc": str}, pk="client_id", not_null={"until_utc"}
    )
    db.execute("insert into spotify_cooldowns select '', until_utc from spotify_cooldown")
    db.execute("drop table spotify_cooldown")


class SpotifyAccounts:
    """The Spotify tables in `mirrortape.db`.

    Args:
        db: The database; used on the calling thread.
        cipher: Encrypts tokens and verifiers; its first key is the newest.
    """

    def __init__(self, db: Database, cipher: MultiFernet) -> None:
        self._db = db
        self._seal = Seal(cipher)
        migrate(db, _migrations)
        bind_once(db, cipher)
        self.authorizations = Authorizations(db, cipher)
        self.playlists = Intents(db)
        self.notices = Notices(db)

    # -- accounts --

    def connect(self, user_id: int, profile: Profile, tokens: Tokens) -> None:
        """Store an account; the same account as before keeps its playlist."""
        self._db.execute(
            "insert into spotify_accounts"
            " (user_id, account_id, display_name, tokens_encrypted, authorized_utc)"
            " values (?, ?, ?, ?, ?) on conflict (user_id) do update set"
            " playlist_id = iif(account_id = excluded.account_id, playlist_id, null),"
            " account_id = excluded.account_id, display_name = excluded.display_name,"
            " tokens_encrypted = excluded.tokens_encrypted,"
            " authorized_utc = excluded.authorized_utc",
            [
                user_id,
                profile.account_id,
                profile.display_name,
                self._seal.close(ACCOUNTS, user_id, tokens.to_json()),
                tokens.authorized_utc.isoformat(),
            ],
        )

    def replace_tokens(self, user_id: int, old: Tokens, new: Tokens) -> Tokens | None:
        """Replace tokens by refreshed ones, if they have not changed.

        If the listener disconnected or reconnected during the refresh, the refreshed tokens are
        dropped.

        Returns:
            The tokens that are stored now, or None.
        """
        with immediate(self._db):
            stored = self.tokens(user_id)
            if stored != old:
                return stored
            self._db.execute(
                "update spotify_accounts set tokens_encrypted = ? where user_id = ?",
                [self._seal.close(ACCOUNTS, user_id, new.to_json()), user_id],
            )
        return new

    def end(self, user_id: int, tokens: Tokens) -> None:
        """Delete tokens that Spotify no longer accepts, if they have not been replaced.

        The listener gets a notice, see `recommender.services.spotify.notices`.
        """
        with immediate(self._db):
            if self.tokens(user_id) == tokens:
                self._db.execute(
                    "update spotify_accounts set tokens_encrypted = null where user_id = ?",
                    [user_id],
                )
                self.notices.note_end(user_id)

    def tokens(self, user_id: int) -> Tokens | None:
        """Return the tokens of a listener, or None if no account is connected.

        Raises:
            ConnectionExpired: The tokens cannot be decrypted: the key is gone, or they belong to
                another user.
        """
        row = self._row("select tokens_encrypted from spotify_accounts where user_id = ?", user_id)
        if row is None or row["tokens_encrypted"] is None:
            return None
        try:
            return Tokens.from_json(self._seal.open(ACCOUNTS, user_id, row["tokens_encrypted"]))
        except InvalidToken as error:
            raise ConnectionExpired("the stored tokens cannot be read") from error

    def drop_tokens(self, user_id: int) -> None:
        """Delete a listener's tokens, pending authorizations and notices."""
        with immediate(self._db):
            self._db.execute(
                "update spotify_accounts set tokens_encrypted = null where user_id = ?", [user_id]
            )
            self.authorizations.drop(user_id)
            self.notices.drop(user_id)

    def is_connected(self, user_id: int) -> bool:
        """Return whether this listener has tokens."""
        row = self._row("select tokens_encrypted from spotify_accounts where user_id = ?", user_id)
        return row is not None and row["tokens_encrypted"] is not None

    def profile(self, user_id: int) -> Profile | None:
        """Return the last account that a listener connected."""
        row = self._row("select * from spotify_accounts where user_id = ?", user_id)
        return None if row is None else Profile(row["account_id"], row["display_name"])

    # -- the cooldown, shared by all who connected with the same app --

    def cool_down(self, client_id: str, until: datetime) -> None:
        """Store until when an app must send no requests; "" is the owner's app."""
        self._db.table("spotify_cooldowns").upsert(
            {"client_id": client_id, "until_utc": until.isoformat()}, pk="client_id"
        )

    def cooldown(self, client_id: str) -> datetime | None:
        """Return until when an app must send no requests, if it ever had to wait."""
        row = self._row("select until_utc from spotify_cooldowns where client_id = ?", client_id)
        return None if row is None else _time(row["until_utc"])

    # -- the end --

    def forget(self, user_id: int) -> None:
        """Delete every row about this listener."""
        with immediate(self._db):
            delete(self._db, PERSONAL_TABLES, user_id)

    def _row(self, sql: str, value: int | str) -> dict[str, Any] | None:
        return next(iter(self._db.query(sql, [value])), None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
