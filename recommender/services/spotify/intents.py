"""Stores which playlist each listener's account should hold, until it does.

Writing a playlist takes several requests, and a crash may come between any two. So an *intent*
with the wanted tracks is stored first, and deleted once they are written.

A listener has at most one intent: a newer playlist replaces a pending one, even while that is
being written. So the writer says which playlist it wrote, and does not touch a newer intent.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database, Migrations

from recommender.services.spotify.refusals import LONGEST_WAIT_S
from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import PersonalTable

NAME_CHARS = 100
DESCRIPTION_CHARS = 300
"""Spotify's limits."""

MARKER_CHARS = len(" [mt-01234567]")
"""Room in the description for the marker of a playlist being created."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
"""The first and the longest retry delay of a failed write."""

TRIED_FOR = timedelta(days=7)
"""How long a pending playlist is retried."""

PERSONAL_TABLES = (PersonalTable("spotify_intents", structured=("uris",)),)

_migrations = Migrations("spotify intents")


@_migrations()
def m001_intents_that_wait(db: Database) -> None:
    """Add the saved playlist, its message, and the time of the next retry."""
    db.execute("alter table spotify_intents add column saved_id integer")
    db.execute("alter table spotify_intents add column shown_in integer")
    db.execute("alter table spotify_intents add column tries integer not null default 0")
    db.execute("alter table spotify_intents add column try_after_utc text")


@_migrations()
def m002_when_a_creation_began(db: Database) -> None:
    """Add since when a playlist may have been created without our knowledge."""
    db.execute("alter table spotify_intents add column marked_utc text")
    db.execute("update spotify_intents set marked_utc = created_utc where marker is not null")


@_migrations()
def m003_new_playlists(db: Database) -> None:
    """Add whether a new playlist is wanted, and whether writing has begun.

    Before, an intent for a new playlist dropped the old one as soon as it was stored.
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
    """The wanted content of a listener's playlist.

    Args:
        name: Its title.
        description: Its description.
        uris: The Spotify URIs of its tracks, in order.
        saved_id: The saved playlist with these tracks; None if there is none.
        starts_new: Whether to create a new playlist and keep the earlier one.
    """

    name: str
    description: str
    uris: tuple[str, ...]
    saved_id: int | None = None
    starts_new: bool = False

    def fitted(self, spare_chars: int = 0) -> "PlaylistDraft":
        """Return the draft within Spotify's limits, each text on one line.

        Args:
            spare_chars: Characters to leave free in the description.
        """
        name = _one_line(self.name, NAME_CHARS)
        description = _one_line(self.description, DESCRIPTION_CHARS - spare_chars)
        return replace(self, name=name, description=description)


@dataclass(frozen=True, slots=True)
class Intent:
    """A pending draft.

    Args:
        draft: The wanted content.
        marker: A text in the description of the playlist created for it, to find a playlist whose
            id we never received; None before the first attempt to create one.
        marked_utc: Since when it may have been created without our knowledge; None if it was not.
    """

    draft: PlaylistDraft
    marker: str | None
    marked_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublishedList:
    """The playlist that is updated each time, and when it was created."""

    id: str
    created_utc: datetime


class Intents:
    """The intents, and the playlist in each account that is updated.

    Args:
        db: The database, with the tables of `recommender.services.spotify.accounts`.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def living(self, user_id: int) -> PublishedList | None:
        """Return the listener's playlist that is updated each time, if there is one."""
        row = self._row("select * from spotify_accounts where user_id = ?", user_id)
        if row is None or row["playlist_id"] is None:
            return None
        return PublishedList(row["playlist_id"], _time(row["playlist_created_utc"]))

    def set_living(self, user_id: int, playlist_id: str | None, now: datetime) -> None:
        """Store the playlist that was just created; None: there is none any more."""
        self._db.execute(
            "update spotify_accounts set playlist_id = ?, playlist_created_utc = ?"
            " where user_id = ?",
            [playlist_id, now.isoformat(), user_id],
        )

    def intend(self, user_id: int, draft: PlaylistDraft, now: datetime) -> None:
        """Store a draft as the listener's intent, within Spotify's limits.

        It replaces a pending draft. If writing that one has begun, its marker is kept. If not, and
        it was to create a new playlist, this one creates it.
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
        """Mark the pending draft as being written, and return it.

        If it starts a new playlist, the earlier one is no longer updated.
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
        """Change the tracks of a draft, unless it was replaced."""
        self._db.execute(
            "update spotify_intents set uris = ? where user_id = ? and saved_id is ?",
            [json.dumps(draft.uris), user_id, draft.saved_id],
        )

    def mark(self, user_id: int, marker: str, now: datetime) -> None:
        """Store the marker of the playlist that is about to be created."""
        self._db.execute(
            "update spotify_intents set marker = ?, marked_utc = ? where user_id = ?",
            [marker, now.isoformat(), user_id],
        )

    def unmark(self, user_id: int) -> None:
        """Store that the outcome of creating the playlist is known."""
        self._db.execute(
            "update spotify_intents set marked_utc = null where user_id = ?", [user_id]
        )

    def intent(self, user_id: int) -> Intent | None:
        """Return the pending intent, if there is one."""
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
        """Delete the intent of a written draft; a newer one stays pending."""
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
        """Schedule a retry after a failed write.

        Args:
            user_id: Whose playlist.
            now: The time.
            wait: How long Spotify wants us to wait; None for exponential backoff.
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
        """Return the connected listeners whose pending playlist is due for a retry."""
        rows = self._db.query(
            "select user_id from spotify_intents join spotify_accounts using (user_id)"
            " where tokens_encrypted is not null and created_utc between ? and ?"
            # A later time than the longest wait was stored by a clock that was ahead.
            " and (coalesce(try_after_utc, '') <= ? or try_after_utc > ?) order by user_id",
            [
                (now - TRIED_FOR).isoformat(),
                (now + TRIED_FOR).isoformat(),
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
