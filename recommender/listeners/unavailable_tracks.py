"""Stores the tracks that Spotify no longer plays, in `mirrortape.db`.

Tracks of the catalogue become unavailable when Spotify's licences end. They are excluded for all
listeners until the next import of a catalogue.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlite_utils import Database, Migrations

from recommender.storage.database import migrate

_migrations = Migrations("gone")


@_migrations()
def m001_gone_tracks(db: Database) -> None:
    """Create the list of tracks."""
    db.execute(
        "create table gone_tracks (track_id text primary key, seen_utc text not null)"
        " strict, without rowid"
    )


class UnavailableTracks:
    """The table of unavailable tracks."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def add(self, track_ids: Iterable[str], now: datetime) -> None:
        """Store tracks that Spotify does not play."""
        for track_id in track_ids:
            self._db.execute(
                "insert or ignore into gone_tracks (track_id, seen_utc) values (?, ?)",
                [track_id, now.isoformat()],
            )

    def all(self) -> frozenset[str]:
        """Return the ids of all unavailable tracks."""
        return frozenset(
            row["track_id"] for row in self._db.query("select track_id from gone_tracks")
        )

    def clear(self) -> None:
        """Delete all entries, since a new catalogue was imported."""
        self._db.execute("delete from gone_tracks")
