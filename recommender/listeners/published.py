"""Which of our playlists stands in which playlist of Spotify: the newest written there.

Every button that opens a playlist in Spotify, or saves it there, is made from what this says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlite_utils import Database, Migrations

from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import OF_THEIR_PLAYLISTS, Belonging

BELONGINGS = (
    Belonging("standing", OF_THEIR_PLAYLISTS),
    Belonging("written", OF_THEIR_PLAYLISTS),
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
    """Remember each playlist that was ever written, also once another stands in its place."""
    db.execute(
        """
        create table written (
            playlist_id integer primary key references playlists (id) on delete cascade
        ) strict
        """
    )
    db.execute("insert into written select distinct playlist_id from standing")


class State(Enum):
    """What is between a playlist of ours and the listener's Spotify."""

    UNWRITTEN = "unwritten"
    """It was never written there."""

    WAITING = "waiting"
    """It is written as soon as that is possible."""

    STANDING = "standing"
    """It is there."""

    REPLACED = "replaced"
    """It was there; since then something else took its place, or the listener deleted it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a playlist is.

    Args:
        state: What is between it and the listener's Spotify.
        url: Where it opens; None unless it stands.
    """

    state: State
    url: str | None = None


UNWRITTEN = Place(State.UNWRITTEN)

PLACES = """select id,
    (select max(url) from standing where playlist_id = playlists.id) as url,
    exists (select 1 from written where playlist_id = playlists.id) as was_written,
    exists (
        select 1 from spotify_intents as waiting
        where waiting.user_id = playlists.user_id and saved_id = playlists.id
    ) as waits
    from playlists"""
"""Selects what `to_place` needs to know, for each playlist."""


def to_place(row: Mapping[str, Any]) -> Place:
    """Return a row of `PLACES` as a value."""
    if row["url"] is not None:
        return Place(State.STANDING, row["url"])
    if row["waits"]:
        return Place(State.WAITING)
    return Place(State.REPLACED) if row["was_written"] else UNWRITTEN


class Standing:
    """Where the playlists stand.

    Args:
        db: The database, with the tables of `recommender.listeners.music_tables`; what waits is in
            those of `recommender.services.spotify.intents`.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def note(self, playlist_id: int, url: str) -> None:
        """Remember that a playlist was written; one that was deleted meanwhile is passed over."""
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
        """Remember that a playlist of Spotify's was deleted."""
        self._db.execute("delete from standing where url like '%/' || ?", [spotify_id])

    def of(self, playlist_id: int) -> Place:
        """Return where a playlist is; nowhere, if there is none."""
        rows = self._db.query(f"{PLACES} where id = ?", [playlist_id])
        return next(map(to_place, rows), UNWRITTEN)

    def urls(self, playlist_ids: Sequence[int]) -> dict[int, str]:
        """Return where each of these playlists opens, of those that still stand."""
        marks = ", ".join("?" * len(playlist_ids))
        rows = self._db.query(
            f"select * from standing where playlist_id in ({marks})",  # noqa: S608 - only marks
            list(playlist_ids),
        )
        return {row["playlist_id"]: row["url"] for row in rows}
