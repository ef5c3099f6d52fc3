"""`catalogue.db`: the tracks that we may choose from, replaceable at any time.

A CSV is read into a temporary table first and moved over in one short transaction, so that a bad
file changes nothing and a running bot goes on reading while the catalogue is replaced.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database, Migrations

from recommender.csv_rows import CsvTally, OnProgress, Skipped
from recommender.database import immediate, open_database
from recommender.errors import CatalogueEmpty, CatalogueUnreadable
from recommender.importing import CsvTrack, read_csv
from recommender.stats import EMPTY, CatalogueStats, summarise
from recommender.table import TrackTable, read_table
from recommender.tracks import FEATURES, Track, artist_key, song_key

__all__ = ["Catalogue", "CatalogueStats", "ImportReport", "TrackTable"]

MAX_GENRES = 3
"""How many genres a track keeps when a file lists it under more."""

_ROWS_PER_BATCH = 5_000
_COLUMNS = (
    "id",
    "name",
    "artist",
    "album",
    "genre",
    "popularity",
    "duration_ms",
    "explicit",
    *FEATURES,
    "artist_key",
    "song_key",
    "invented",
)
_DEFINITIONS = """
    id text primary key,
    name text not null,
    artist text not null,
    album text not null,
    genre text not null,
    popularity integer,
    duration_ms integer not null,
    explicit integer not null,
    valence real not null,
    energy real not null,
    tempo_bpm real not null,
    acousticness real not null,
    danceability real not null,
    mode integer not null,
    loudness_db real not null,
    artist_key integer not null,
    song_key integer not null,
    invented integer not null
"""
_INSERT = f" ({', '.join(_COLUMNS)}) values ({', '.join('?' * len(_COLUMNS))})"  # names are ours

_migrations = Migrations("catalogue")


@_migrations()
def m001_tracks(db: Database) -> None:
    """Create the tracks, stored in the order of their ids, in which they are loaded."""
    db.execute(f"create table tracks ({_DEFINITIONS}) strict, without rowid")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Args:
        rows: Rows in the file, after its header.
        skipped: Rows that could not be used, by reason.
        duplicates: Good rows that repeated the id of an earlier one and were merged with it.
        tracks: Different tracks in the file; `new` + `updated` + `unchanged`.
        new: Tracks that the catalogue did not have.
        updated: Tracks that it had with other values.
        unchanged: Tracks that it had just so.
        invented_dropped: Invented tracks that gave way.
    """

    rows: int
    skipped: tuple[Skipped, ...]
    duplicates: int
    tracks: int
    new: int
    updated: int
    unchanged: int
    invented_dropped: int


class Catalogue:
    """The tracks in one SQLite file.

    Use it on the thread that made it.

    Args:
        path: The file, created if missing, or None for a catalogue in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.db = open_database(path)
        _migrations.apply(self.db)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def __len__(self) -> int:
        return self._count("select count(*) from tracks")

    # -- filling --

    def import_csv(self, path: Path, on_progress: OnProgress | None = None) -> ImportReport:
        """Add the tracks of a CSV, replacing those with the same ids and all invented ones.

        Rows with one id are merged: the most popular wins, else the first, and the genres of all
        are kept. Importing the same file again changes nothing.

        Args:
            path: A CSV as `importing` describes.
            on_progress: Called now and then with bytes done and bytes in all.

        Raises:
            CatalogueUnreadable: The file cannot be imported; the catalogue is as it was.
        """
        tally = CsvTally()
        self.db.conn.create_function("merge_genres", 2, _merge_genres, deterministic=True)
        self.db.execute("drop table if exists temp.staged")
        self.db.execute(f"create temp table staged ({_DEFINITIONS}) without rowid")
        try:
            with self.db.atomic():  # only touches the temporary table: nobody waits
                for batch in _batches(read_csv(path, tally, on_progress), _ROWS_PER_BATCH):
                    self.db.conn.executemany(_STAGE, map(_from_csv, batch))
            return self._move_staged(tally)
        except sqlite3.OperationalError as error:
            raise CatalogueUnreadable(f"{path} could not be stored: {error}") from error
        finally:
            self.db.execute("drop table if exists temp.staged")

    def replace_invented(self, tracks: Iterable[Track]) -> None:
        """Put invented tracks in the place of all earlier invented ones."""
        with immediate(self.db):
            self.db.execute("delete from tracks where invented")
            self.db.conn.executemany(f"insert into tracks{_INSERT}", map(_from_track, tracks))

    def _move_staged(self, tally: CsvTally) -> ImportReport:
        with immediate(self.db):
            tracks = self._count("select count(*) from staged")
            known = self._count("select count(*) from staged join tracks using (id)")
            unchanged = self._count(
                "select count(*) from (select * from staged intersect select * from tracks)"
            )
            dropped = self.db.execute("delete from tracks where invented").rowcount
            self.db.execute("insert or replace into tracks select * from staged order by id")
        good = tally.rows - sum(skipped.count for skipped in tally.skipped)
        return ImportReport(
            rows=tally.rows,
            skipped=tally.skipped,
            duplicates=good - tracks,
            tracks=tracks,
            new=tracks - known,
            updated=known - unchanged,
            unchanged=unchanged,
            invented_dropped=dropped,
        )

    # -- reading --

    def find(self, track_ids: Iterable[str]) -> list[Track]:
        """Return those of the tracks that the catalogue has, in the order asked for."""
        sql = "select * from tracks where id = ?"
        return [_to_track(row) for id_ in track_ids for row in self.db.query(sql, [id_])]

    def stats(self) -> CatalogueStats:
        """Return what the catalogue holds."""
        return summarise(self.load()) if len(self) else EMPTY

    def load(self) -> TrackTable:
        """Read all tracks into memory.

        Raises:
            CatalogueEmpty: There is no track.
        """
        with self.db.atomic():  # the count and the rows of one moment
            n = len(self)
            if not n:
                raise CatalogueEmpty("the catalogue has no tracks")
            return read_table(self.db, n)

    def _count(self, sql: str) -> int:
        (count,) = self.db.execute(sql).fetchone()
        return int(count)


# A repeated id takes over the row only if it is more popular; the genres of all are merged.
_STAGE = (
    f"insert into staged{_INSERT} on conflict (id) do update set "
    + ", ".join(
        f"{column} = iif(excluded.popularity > popularity, excluded.{column}, {column})"
        for column in _COLUMNS
        if column not in ("id", "genre")
    )
    + ", genre = merge_genres(genre, excluded.genre)"
)


def _merge_genres(first: str, second: str) -> str:
    """Join two lists of genres, each genre once, at most `MAX_GENRES`."""
    genres = dict.fromkeys((first + ", " + second).split(", "))
    return ", ".join([genre for genre in genres if genre][:MAX_GENRES])


def _from_csv(track: CsvTrack) -> tuple[Any, ...]:
    return (
        *track,
        artist_key(track.artist),
        song_key(track.name, track.artist),
        False,
    )


def _from_track(track: Track) -> tuple[Any, ...]:
    return (
        track.id,
        track.name,
        track.artist,
        track.album,
        track.genre,
        None,
        track.duration_ms,
        track.explicit,
        *track.features[:5],
        track.mode,
        track.loudness_db,
        artist_key(track.artist),
        song_key(track.name, track.artist),
        track.invented,
    )


def _to_track(row: dict[str, Any]) -> Track:
    return Track(
        id=row["id"],
        name=row["name"],
        artist=row["artist"],
        album=row["album"],
        genre=row["genre"],
        duration_ms=row["duration_ms"],
        explicit=bool(row["explicit"]),
        valence=row["valence"],
        energy=row["energy"],
        tempo_bpm=row["tempo_bpm"],
        acousticness=row["acousticness"],
        danceability=row["danceability"],
        mode=row["mode"],
        loudness_db=row["loudness_db"],
        invented=bool(row["invented"]),
    )


T = TypeVar("T")


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
