"""The playlists that we write in the listeners' accounts, and those that do not stand there yet.

A playlist is written in several requests, and a crash may come between any two. So an *intent* is
stored first: which tracks shall stand in the listener's playlist. It is deleted when they do.

A listener has one intent at most: a newer playlist takes the place of one that still waits. That
may happen while the older one is being written. So whoever writes says which playlist it was, and
changes nothing about a newer one.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database, Migrations

from recommender.services.spotify.refusals import LONGEST_WAIT_S
from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import Belonging

NAME_CHARS = 100
DESCRIPTION_CHARS = 300
"""Longer texts are refused by Spotify."""

MARKER_CHARS = len(" [mt-01234567]")
"""Room in the description for the marker of a playlist that is being created."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
"""How long a playlist that could not be written waits for the next try: at first, and at most."""

TRIED_FOR = timedelta(days=7)
"""After that long nobody waits for a playlist any more."""

BELONGINGS = (Belonging("spotify_intents", structured=("uris",)),)

_migrations = Migrations("spotify intents")


@_migrations()
def m001_intents_that_wait(db: Database) -> None:
    """Remember which saved playlist an intent is for, where, and when to try again."""
    db.execute("alter table spotify_intents add column saved_id integer")
    db.execute("alter table spotify_intents add column shown_in integer")
    db.execute("alter table spotify_intents add column tries integer not null default 0")
    db.execute("alter table spotify_intents add column try_after_utc text")


@_migrations()
def m002_when_a_creation_began(db: Database) -> None:
    """Remember since when a playlist may have been created without our knowing."""
    db.execute("alter table spotify_intents add column marked_utc text")
    db.execute("update spotify_intents set marked_utc = created_utc where marker is not null")


@_migrations()
def m003_new_playlists(db: Database) -> None:
    """Remember who asked for a new playlist, and whether writing has begun.

    Until now an intent let go of the living playlist as soon as it was stored.
    """
    for column in ("starts_new", "begun"):
        db.execute(f"alter table spotify_intents add column {column} integer not null default 0")
    db.execute("update spotify_intents set begun = 1")


@_migrations()
def m004_no_messages(db: Database) -> None:
    """Drop the message that shows the playlist: the bot's own table says that."""
    db.execute("alter table spotify_intents drop column shown_in")


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
        marked_utc: Since when it may have been created without our knowing; None where it was not.
    """

    draft: PlaylistDraft
    marker: str | None
    marked_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class LivingPlaylist:
    """The one playlist that is rewritten each time, and when it was created."""

    id: str
    created_utc: datetime


class Intents:
    """The intents, and the playlist in each account that they are about.

    Args:
        db: The database, with the tables of `recommender.services.spotify.accounts`.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def living(self, user_id: int) -> LivingPlaylist | None:
        """Return the playlist that is rewritten for this listener, if there is one."""
        row = self._row("select * from spotify_accounts where user_id = ?", user_id)
        if row is None or row["playlist_id"] is None:
            return None
        return LivingPlaylist(row["playlist_id"], _time(row["playlist_created_utc"]))

    def set_living(self, user_id: int, playlist_id: str | None, now: datetime) -> None:
        """Remember the playlist that was just created, or, with None, that it is gone."""
        self._db.execute(
            "update spotify_accounts set playlist_id = ?, playlist_created_utc = ?"
            " where user_id = ?",
            [playlist_id, now.isoformat(), user_id],
        )

    def intend(self, user_id: int, draft: PlaylistDraft, now: datetime) -> None:
        """Remember what shall stand in the playlist, as Spotify takes it.

        It takes the place of a draft that still waits. If writing that one has begun, this one
        completes what was begun, and a marker is kept. If it has not, and was to start a new
        playlist, this one starts it.
        """
        fitted = draft.fitted(spare_chars=MARKER_CHARS)
        self._db.execute(
            "insert into spotify_intents"
            " (user_id, name, description, uris, saved_id, created_utc, starts_new)"
            " values (?, ?, ?, ?, ?, ?, ?) on conflict (user_id) do update set"
            " name = excluded.name, description = excluded.description, uris = excluded.uris,"
            " saved_id = excluded.saved_id, created_utc = excluded.created_utc,"
            " tries = 0, try_after_utc = null,"
            " starts_new = max(excluded.starts_new, starts_new and not begun)",
            [
                user_id,
                fitted.name,
                fitted.description,
                json.dumps(fitted.uris),
                fitted.saved_id,
                now.isoformat(),
                fitted.starts_new,
            ],
        )

    def begin(self, user_id: int, now: datetime) -> Intent | None:
        """Note that the draft that waits is being written, and return it.

        One that starts a new playlist lets go of the living one, which stays as it is.
        """
        with immediate(self._db):
            row = self._row("select * from spotify_intents where user_id = ?", user_id)
            if row is not None and not row["begun"]:
                if row["starts_new"]:
                    self.set_living(user_id, None, now)
                self._db.execute(
                    "update spotify_intents set begun = 1 where user_id = ?", [user_id]
                )
            return self.intent(user_id)

    def amend(self, user_id: int, draft: PlaylistDraft) -> None:
        """Change the tracks of a draft, unless a newer one took its place."""
        self._db.execute(
            "update spotify_intents set uris = ? where user_id = ? and saved_id is ?",
            [json.dumps(draft.uris), user_id, draft.saved_id],
        )

    def mark(self, user_id: int, marker: str, now: datetime) -> None:
        """Remember the marker of the playlist that is about to be created."""
        self._db.execute(
            "update spotify_intents set marker = ?, marked_utc = ? where user_id = ?",
            [marker, now.isoformat(), user_id],
        )

    def unmark(self, user_id: int) -> None:
        """Note that we know what became of the playlist that was about to be created."""
        self._db.execute(
            "update spotify_intents set marked_utc = null where user_id = ?", [user_id]
        )

    def intent(self, user_id: int) -> Intent | None:
        """Return what shall stand in the playlist but does not yet."""
        row = self._row("select * from spotify_intents where user_id = ?", user_id)
        if row is None:
            return None
        uris = tuple(json.loads(row["uris"]))
        draft = PlaylistDraft(
            row["name"],
            row["description"],
            uris,
            row["saved_id"],
            bool(row["starts_new"]),
        )
        marked = row["marked_utc"]
        return Intent(draft, row["marker"], _time(marked) if marked else None)

    def fulfil(self, user_id: int, draft: PlaylistDraft) -> None:
        """Note that a draft stands in Spotify: what waits now, if anything, is a newer one."""
        with immediate(self._db):
            self._db.execute(
                "delete from spotify_intents where user_id = ? and saved_id is ? and uris = ?",
                [user_id, draft.saved_id, json.dumps(draft.uris)],
            )
            self._db.execute(
                "update spotify_intents set begun = 0, marker = null, marked_utc = null"
                " where user_id = ?",
                [user_id],
            )

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
            # Later than any wait is what a clock that was ahead has stored.
            " and (coalesce(try_after_utc, '') <= ? or try_after_utc > ?) order by user_id",
            [
                (now - TRIED_FOR).isoformat(),
                now.isoformat(),
                (now + timedelta(seconds=LONGEST_WAIT_S)).isoformat(),
            ],
        )
        return [row["user_id"] for row in rows]

    def _row(self, sql: str, user_id: int) -> dict[str, Any] | None:
        return next(iter(self._db.query(sql, [user_id])), None)


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
