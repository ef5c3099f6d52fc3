"""`catalogue.db`: the tracks to choose from, replaceable at any time.

A CSV is first read into a temporary table, then moved in one short transaction. So a bad file
changes nothing, and a running bot can read while the catalogue is replaced. The file
`catalogue.db-tracks` holds the same tracks as memory-mapped arrays (see `table_file`).
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from recommender.catalogue.csv_rows import CsvTally, OnProgress, Skipped
from recommender.catalogue.importing import read_csv
from recommender.catalogue.loading import read_table
from recommender.catalogue.statistics import EMPTY, CatalogueStats, summarise
from recommender.catalogue.table import TrackTable
from recommender.catalogue.table_file import open_table, write_table
from recommender.catalogue.track_rows import (
    COUNT_UNCHANGED,
    CREATE_STAGED,
    INDEX_STAGED,
    INSERT,
    MOVE_STAGED,
    RENEW_REVISION,
    STAGE,
    from_csv,
    from_track,
    merge_genres,
    migrations,
    to_track,
)
from recommender.catalogue.tracks import Track
from recommender.errors import CatalogueEmpty, CatalogueUnreadable
from recommender.storage.database import immediate, migrate, open_database

__all__ = ["Catalogue", "CatalogueStats", "ImportReport", "TrackTable"]

_log = logging.getLogger(__name__)

_ROWS_PER_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import.

    Args:
        rows: Rows in the file, after its header.
        skipped: Rows that could not be used, by reason.
        duplicates: Good rows that were merged with an earlier row of the same id.
        tracks: Different tracks in the file: `new` + `updated` + `unchanged`.
        new: Tracks that the catalogue did not have.
        updated: Tracks that it had with other values.
        unchanged: Tracks that it had with the same values.
        invented_dropped: Invented tracks that were removed.
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
        self._table_path = path and path.with_name(f"{path.name}-tracks")
        migrate(self.db, migrations)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def __len__(self) -> int:
        return self._count("select count(*) from tracks")

    # -- filling --

    def import_csv(self, path: Path, on_progress: OnProgress | None = None) -> ImportReport:
        """Add the tracks of a CSV, replacing those with the same ids and all invented ones.

        Rows with the same id are merged: the most popular one wins, else the first, with the
        genres of all. Importing the same file again changes nothing.

        Args:
            path: A CSV as `importing` describes.
            on_progress: Called with the bytes read and the size of the file.

        Raises:
            CatalogueUnreadable: The file cannot be imported; the catalogue is unchanged.
        """
        tally = CsvTally()
        self.db.conn.create_function("merge_genres", 2, merge_genres, deterministic=True)
        self.db.execute("drop table if exists temp.staged")
        self.db.execute(CREATE_STAGED)
        self.db.execute(INDEX_STAGED)
        try:
            with self.db.atomic():  # only touches the temporary table: no reader waits
                for batch in _batches(read_csv(path, tally, on_progress), _ROWS_PER_BATCH):
                    self.db.conn.executemany(STAGE, map(from_csv, batch))
            return self._move_staged(tally)
        except sqlite3.OperationalError as error:
            raise CatalogueUnreadable(f"{path} could not be stored: {error}") from error
        finally:
            self.db.execute("drop table if exists temp.staged")

    def replace_invented(self, tracks: Iterable[Track]) -> None:
        """Replace all invented tracks."""
        with self._changing():
            self.db.execute("delete from tracks where invented")
            self.db.conn.executemany(INSERT, map(from_track, tracks))

    def set_labels(self, labels: Iterable[tuple[str, str]]) -> None:
        """Set the song categories of tracks; importing the tracks again keeps them.

        Args:
            labels: Pairs of a track id and its category, "" for none; other tracks are unchanged.
        """
        self.db.execute("create temp table given (id text primary key, label text) without rowid")
        try:
            with self.db.atomic():  # only touches the temporary table: nobody waits
                self.db.conn.executemany("insert or replace into given values (?, ?)", labels)
            with self._changing():
                self.db.execute(
                    "update tracks set label = given.label from given "
                    "where given.id = tracks.id and given.label <> tracks.label"
                )
        finally:
            self.db.execute("drop table if exists temp.given")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change tracks in one transaction, and renew their revision and arrays."""
        with immediate(self.db):
            before = self.db.conn.total_changes
            yield
            if self.db.conn.total_changes > before:
                self.db.execute(RENEW_REVISION)
        if self._table_path is not None:
            with suppress(CatalogueEmpty):
                self.load()

    def _move_staged(self, tally: CsvTally) -> ImportReport:
        with self._changing():
            tracks = self._count("select count(*) from staged")
            known = self._count("select count(*) from staged join tracks using (id)")
            unchanged = self._count(COUNT_UNCHANGED)
            dropped = self.db.execute("delete from tracks where invented").rowcount
            if unchanged < tracks:
                self.db.execute(MOVE_STAGED)
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
        """Return the known tracks among these ids, in the given order."""
        sql = "select * from tracks where id = ?"
        return [to_track(row) for id_ in track_ids for row in self.db.query(sql, [id_])]

    def stats(self) -> CatalogueStats:
        """Return statistics of the catalogue."""
        try:
            return summarise(self.load())
        except CatalogueEmpty:
            return EMPTY

    def load(self) -> TrackTable:
        """Return all tracks, mapped from the file of arrays.

        If there is no file of this revision, it is written from the database. If it cannot be
        written, the tracks stay in memory.

        Raises:
            CatalogueEmpty: There are no tracks.
        """
        if self._table_path and (table := open_table(self._table_path, self._revision())):
            return table
        with self.db.atomic():  # a consistent revision, count and rows
            revision, n = self._revision(), len(self)
            if not n:
                raise CatalogueEmpty("the catalogue has no tracks")
            table = read_table(self.db, n)
        if self._table_path is None:
            return table
        try:
            write_table(table, self._table_path, revision)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._table_path, error)
            return table
        return open_table(self._table_path, revision) or table

    def _revision(self) -> str:
        (token,) = self.db.execute("select token from revision").fetchone()
        return str(token)

    def _count(self, sql: str) -> int:
        (count,) = self.db.execute(sql).fetchone()
        return int(count)


T = TypeVar("T")


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
