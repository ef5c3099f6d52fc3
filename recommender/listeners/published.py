"""Tracks which of our playlists is currently in which Spotify playlist.

Every button that opens a playlist in Spotify, or saves it there, is made from this state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlite_utils import Database, Migrations

from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import OF_THEIR_PLAYLISTS, PersonalTable

PERSONAL_TABLES = (
    PersonalTable("standing", OF_THEIR_PLAYLISTS),
    PersonalTable("written", OF_THEIR_PLAYLISTS),
)

_migrations = Migrations("standing")


@_migrations()
def m001_standing(db: Database) -> None:
    """Create the table; a row goes with its playlist."""
    db.execute(
        """
        create table standing (
            url text primary key,
            playlist_id integer not null references playlists (id) on delete cascade
        ) strict, without rowid
        """
    )
    db.execute("create index standing_of_playlist on standing (playlist_id)")


@_migrations()
def m002_written(db: Database) -> None:
    """Store each playlist that was ever written, even if it was replaced since."""
    db.execute(
        """
        create table written (
            playlist_id integer primary key references playlists (id) on delete cascade
        ) strict
        """
    )
    db.execute("insert into written select distinct playlist_id from standing")


class State(Enum):
    """The state of one of our playlists in the listener's Spotify account."""

    UNWRITTEN = "unwritten"
    """It was never written there."""

    WAITING = "waiting"
    """It is queued to be written."""

    PUBLISHED = "standing"
    """It is there."""

    REPLACED = "replaced"
    """It was there, but was replaced, or deleted by the listener."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a playlist is.

    Args:
        state: Its state in the listener's account.
        url: Its URL in Spotify; None unless the state is `PUBLISHED`.
    """

    state: State
    url: str | None = None


UNWRITTEN = Publication(State.UNWRITTEN)

PUBLICATIONS = """select id,
    (select max(url) from standing where playlist_id = playlists.id) as url,
    exists (select 1 from written where playlist_id = playlists.id) as was_written,
    exists (
        select 1 from spotify_intents as waiting
        where waiting.user_id = playlists.user_id and saved_id = playlists.id
    ) as waits
    from playlists"""
"""Selects the columns for `to_publication`, for each playlist."""


def to_publication(row: Mapping[str, Any]) -> Publication:
    """Return a row of `PUBLICATIONS` as a value."""
    if row["url"] is not None:
        return Publication(State.PUBLISHED, row["url"])
    if row["waits"]:
        return Publication(State.WAITING)
    return Publication(State.REPLACED) if row["was_written"] else UNWRITTEN


class Publications:
    """The tables of published playlists.

    Args:
        db: The database, with the tables of `recommender.listeners.music_tables` and
            `recommender.services.spotify.intents`.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def note(self, playlist_id: int, url: str) -> None:
        """Store that a playlist was written; do nothing if it was deleted meanwhile."""
        with immediate(self._db):
            self._db.execute(
                "insert into standing (url, playlist_id) select ?, id from playlists where id = ?"
                " on conflict (url) do update set playlist_id = excluded.playlist_id",
                [url, playlist_id],
            )
            self._db.execute(
                "insert or ignore into written select id from playlists where id = ?",
                [playlist_id],
            )

    def note_gone(self, spotify_id: str) -> None:
        """Store that a Spotify playlist was deleted."""
        self._db.execute("delete from standing where url like '%/' || ?", [spotify_id])

    def of(self, playlist_id: int) -> Publication:
        """Return where a playlist is; `UNWRITTEN` if there is no such playlist."""
        rows = self._db.query(f"{PUBLICATIONS} where id = ?", [playlist_id])
        return next(map(to_publication, rows), UNWRITTEN)

    def urls(self, playlist_ids: Sequence[int]) -> dict[int, str]:
        """Return the URLs of those playlists that are in Spotify now, by id."""
        marks = ", ".join("?" * len(playlist_ids))
        rows = self._db.query(
            f"select * from standing where playlist_id in ({marks})",  # noqa: S608 - only marks
            list(playlist_ids),
        )
        return {row["playlist_id"]: row["url"] for row in rows}
