"""What is remembered of the listeners' Spotify accounts.

Tokens are sealed, see `recommender.sealing`. An account's row outlives its tokens, so that
somebody who disconnects and returns keeps the same living playlist; `forget` deletes everything.

A playlist is written in several requests, and a crash may come between any two. So an *intent* is
stored first: which tracks shall stand in the listener's playlist. It is deleted when they do.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from recommender.authorizations import Authorizations
from recommender.database import immediate
from recommender.errors import ConnectionExpired
from recommender.sealing import Seal, bind_once
from recommender.tokens import Profile, Tokens

NAME_CHARS = 100
DESCRIPTION_CHARS = 300
"""Longer texts are refused by Spotify."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
"""How long a playlist that could not be written waits for the next try: at first, and at most."""

TRIED_FOR = timedelta(days=7)
"""After that long nobody waits for a playlist any more."""

_TABLE = "spotify_accounts"

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
            "playlist_id": str,  # the living playlist, null until there is one
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
def m002_intents_that_wait(db: Database) -> None:
    """Remember which saved playlist an intent is for, and when it is worth another try."""
    db.execute("alter table spotify_intents add column saved_id integer")
    db.execute("alter table spotify_intents add column tries integer not null default 0")
    db.execute("alter table spotify_intents add column try_after_utc text")


@dataclass(frozen=True, slots=True)
class PlaylistDraft:
    """What shall stand in a listener's playlist.

    Args:
        name: What it shall be called.
        description: What shall be said of it.
        uris: Its tracks, as Spotify names them, in order.
        saved_id: The playlist of our own that it is; None where there is none.
        starts_new: Whether the playlist written before stays and this becomes another.
    """

    name: str
    description: str
    uris: tuple[str, ...]
    saved_id: int | None = None
    starts_new: bool = False

    def fitted(self, spare_chars: int = 0) -> "PlaylistDraft":
        """Return the draft as Spotify takes it: each text on one line and not too long.

        Args:
            spare_chars: How much room to leave in the description.
        """
        name = _one_line(self.name, NAME_CHARS)
        description = _one_line(self.description, DESCRIPTION_CHARS - spare_chars)
        return replace(self, name=name, description=description)


@dataclass(frozen=True, slots=True)
class Intent:
    """A draft that does not stand in Spotify yet.

    Args:
        draft: What shall stand there.
        marker: In the description of the playlist that was about to be created for it, so that
            one whose id we never learned can be found; None while there was no such moment.
    """

    draft: PlaylistDraft
    marker: str | None


@dataclass(frozen=True, slots=True)
class LivingPlaylist:
    """The one playlist that is rewritten each time, and when it was created."""

    id: str
    created_utc: datetime


class SpotifyAccounts:
    """The Spotify tables in `mirrortape.db`.

    Args:
        db: The database; used on the calling thread.
        cipher: Encrypts tokens and verifiers; its first key is the newest.
    """

    def __init__(self, db: Database, cipher: MultiFernet) -> None:
        self._db = db
        self._seal = Seal(cipher)
        _migrations.apply(db)
        bind_once(db, cipher)
        self.authorizations = Authorizations(db, cipher)

    # -- accounts --

    def connect(self, user_id: int, profile: Profile, tokens: Tokens) -> None:
        """Remember an account; the living playlist stays if it is the same account as before."""
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
                self._seal.close(_TABLE, user_id, tokens.to_json()),
                tokens.authorized_utc.isoformat(),
            ],
        )

    def replace_tokens(self, user_id: int, old: Tokens, new: Tokens) -> Tokens | None:
        """Put refreshed tokens in the place of those that bought them.

        A listener may disconnect or connect anew while a refresh is under way. What they did
        counts, and the refreshed tokens are dropped.

        Returns:
            The tokens that stand there now, None where there are none.
        """
        with immediate(self._db):
            stored = self.tokens(user_id)
            if stored != old:
                return stored
            self._db.execute(
                "update spotify_accounts set tokens_encrypted = ? where user_id = ?",
                [self._seal.close(_TABLE, user_id, new.to_json()), user_id],
            )
        return new

    def end(self, user_id: int, tokens: Tokens) -> None:
        """Delete tokens that Spotify no longer honours, unless others took their place."""
        with immediate(self._db):
            if self.tokens(user_id) == tokens:
                self._db.execute(
                    "update spotify_accounts set tokens_encrypted = null where user_id = ?",
                    [user_id],
                )

    def tokens(self, user_id: int) -> Tokens | None:
        """Return the tokens of a listener, None where no account is connected.

        Raises:
            ConnectionExpired: They were encrypted under a key that we no longer have, or for
                somebody else.
        """
        row = self._row("select tokens_encrypted from spotify_accounts where user_id = ?", user_id)
        if row is None or row["tokens_encrypted"] is None:
            return None
        try:
            return Tokens.from_json(self._seal.open(_TABLE, user_id, row["tokens_encrypted"]))
        except InvalidToken as error:
            raise ConnectionExpired("the stored tokens cannot be read") from error

    def drop_tokens(self, user_id: int) -> None:
        """Delete a listener's tokens and what could bring new ones."""
        with immediate(self._db):
            self._db.execute(
                "update spotify_accounts set tokens_encrypted = null where user_id = ?", [user_id]
            )
            self.authorizations.drop(user_id)

    def is_connected(self, user_id: int) -> bool:
        """Return whether there are tokens of this listener."""
        row = self._row("select tokens_encrypted from spotify_accounts where user_id = ?", user_id)
        return row is not None and row["tokens_encrypted"] is not None

    def profile(self, user_id: int) -> Profile | None:
        """Return the account that a listener connected last."""
        row = self._row("select * from spotify_accounts where user_id = ?", user_id)
        return None if row is None else Profile(row["account_id"], row["display_name"])

    # -- the living playlist and what shall stand in it --

    def living_playlist(self, user_id: int) -> LivingPlaylist | None:
        """Return the playlist that is rewritten for this listener, if there is one."""
        row = self._row("select * from spotify_accounts where user_id = ?", user_id)
        if row is None or row["playlist_id"] is None:
            return None
        return LivingPlaylist(row["playlist_id"], _time(row["playlist_created_utc"]))

    def set_living_playlist(self, user_id: int, playlist_id: str | None, now: datetime) -> None:
        """Remember the playlist that was just created, or, with None, that it is gone."""
        self._db.execute(
            "update spotify_accounts set playlist_id = ?, playlist_created_utc = ?"
            " where user_id = ?",
            [playlist_id, now.isoformat(), user_id],
        )

    def intend(self, user_id: int, draft: PlaylistDraft, now: datetime) -> None:
        """Remember what shall stand in the playlist; a marker from an earlier try is kept.

        A draft that starts a new playlist lets go of the living one, unless an earlier draft is
        still unfinished: then what that has begun is completed, not left half done.
        """
        with immediate(self._db):
            if draft.starts_new and self.intent(user_id) is None:
                self.set_living_playlist(user_id, None, now)
            self._db.table("spotify_intents").upsert(
                {
                    "user_id": user_id,
                    "name": draft.name,
                    "description": draft.description,
                    "uris": json.dumps(draft.uris),
                    "saved_id": draft.saved_id,
                    "created_utc": now.isoformat(),
                    "tries": 0,
                    "try_after_utc": None,
                },
                pk="user_id",
            )

    def mark(self, user_id: int, marker: str) -> None:
        """Remember the marker of the playlist that is about to be created."""
        self._db.execute(
            "update spotify_intents set marker = ? where user_id = ?", [marker, user_id]
        )

    def intent(self, user_id: int) -> Intent | None:
        """Return what shall stand in the playlist but does not yet."""
        row = self._row("select * from spotify_intents where user_id = ?", user_id)
        if row is None:
            return None
        uris = tuple(json.loads(row["uris"]))
        draft = PlaylistDraft(row["name"], row["description"], uris, row["saved_id"])
        return Intent(draft, row["marker"])

    def fulfil(self, user_id: int) -> None:
        """Note that the playlist stands as intended."""
        self._db.execute("delete from spotify_intents where user_id = ?", [user_id])

    def postpone(self, user_id: int, now: datetime, wait: timedelta | None = None) -> None:
        """Note that writing failed and when to try again.

        Args:
            user_id: Whose playlist waits.
            now: The time.
            wait: How long Spotify wants to hear nothing; None where nobody says, then twice as
                long each time.
        """
        with immediate(self._db):
            row = self._row("select tries from spotify_intents where user_id = ?", user_id)
            if row is not None:
                until = now + (wait or min(FIRST_WAIT * 2 ** row["tries"], LONGEST_WAIT))
                self._db.execute(
                    "update spotify_intents set tries = tries + ?, try_after_utc = ?"
                    " where user_id = ?",
                    [wait is None, until.isoformat(), user_id],
                )

    def unfinished(self, now: datetime) -> list[int]:
        """Return the connected listeners whose playlist is due for another try."""
        rows = self._db.query(
            "select user_id from spotify_intents join spotify_accounts using (user_id)"
            " where tokens_encrypted is not null and created_utc > ?"
            " and coalesce(try_after_utc, '') <= ? order by user_id",
            [(now - TRIED_FOR).isoformat(), now.isoformat()],
        )
        return [row["user_id"] for row in rows]

    # -- the cooldown, which is the app's and so everybody's --

    def cool_down(self, until: datetime) -> None:
        """Remember until when Spotify wants to hear nothing from us."""
        self._db.table("spotify_cooldown").upsert(
            {"id": 1, "until_utc": until.isoformat()}, pk="id"
        )

    def cooldown(self) -> datetime | None:
        """Return until when Spotify wants to hear nothing from us, if it ever said so."""
        row = self._row("select until_utc from spotify_cooldown where id = ?", 1)
        return None if row is None else _time(row["until_utc"])

    # -- the end --

    def forget(self, user_id: int) -> None:
        """Delete every row about this listener."""
        with immediate(self._db):
            self._db.execute("delete from spotify_intents where user_id = ?", [user_id])
            self.authorizations.forget(user_id)
            self._db.execute("delete from spotify_accounts where user_id = ?", [user_id])

    def _row(self, sql: str, value: int | str) -> dict[str, Any] | None:
        return next(iter(self._db.query(sql, [value])), None)


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
