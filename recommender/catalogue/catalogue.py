"""The catalogue of tracks in `catalogue.db`.

A CSV is first read into a temporary table, then moved over in one short transaction. So a bad file
changes nothing, and a running bot can read while the catalogue is replaced. `catalogue.db-tracks`
holds the same tracks as memory-mapped arrays (see `table_file`).
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
        rows: Rows in the file, without the header.
        skipped: Invalid rows, by reason.
        duplicates: Valid rows that were merged with an earlier row of the same id.
        tracks: Distinct tracks in the file: `new` + `updated` + `unchanged`.
        new: Tracks that the catalogue did not have.
        updated: Tracks whose values changed.
        unchanged: Tracks whose values stayed the same.
        invented_dropped: Deleted invented tracks.
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

    Use it only on the thread that created it.

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
        """Import a CSV: replace tracks with the same ids and delete all invented ones.

        Rows with the same id are merged: the most popular row wins, else the first, and the
        genres of all are kept. Importing the same file again changes nothing.

        Args:
            path: A CSV as described in `importing`.
            on_progress: Called regularly with the bytes read and the total bytes.

        Raises:
            CatalogueUnreadable: The file cannot be imported; the catalogue is unchanged.
        """
        tally = CsvTally()
        self.db.conn.create_function("merge_genres", 2, merge_genres, deterministic=True)
        self.db.execute("drop table if exists temp.staged")
        self.db.execute(CREATE_STAGED)
        self.db.execute(INDEX_STAGED)
        try:
            with self.db.atomic():  # only writes to the temporary table, so it blocks nobody
                for batch in _batches(read_csv(path, tally, on_progress), _ROWS_PER_BATCH):
                    self.db.conn.executemany(STAGE, map(from_csv, batch))
            return self._move_staged(tally)
        except sqlite3.OperationalError as error:
            raise CatalogueUnreadable(f"{path} could not be stored: {error}") from error
        finally:
            self.db.execute("drop table if exists temp.staged")

    def replace_invented(self, tracks: Iterable[Track]) -> None:
        """Replace all invented tracks by these."""
        with self._changing():
            self.db.execute("delete from tracks where invented")
            self.db.conn.executemany(INSERT, map(from_track, tracks))

    def set_labels(self, labels: Iterable[tuple[str, str]]) -> None:
        """Assign tracks to song categories; a later import keeps the categories.

        Args:
            labels: Pairs of track id and category, "" for none; other tracks keep theirs.
        """
        self.db.execute("create temp table given (id text primary key, label text) without rowid")
        try:
            with self.db.atomic():  # only writes to the temporary table, so it blocks nobody
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
        """Change tracks in one transaction; renew the revision and the array file."""
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
        """Return the known tracks among these ids, in the same order."""
        sql = "select * from tracks where id = ?"
        return [to_track(row) for id_ in track_ids for row in self.db.query(sql, [id_])]

    def stats(self) -> CatalogueStats:
        """Return the statistics of the catalogue."""
        try:
            return summarise(self.load())
        except CatalogueEmpty:
            return EMPTY

    def load(self) -> TrackTable:
        """Return all tracks, memory-mapped from the array file.

        If there is no array file of this revision, the tracks are read from the database and the
        file is written. If it cannot be written, the tracks stay in memory.

        Raises:
            CatalogueEmpty: The catalogue has no tracks.
        """
        if self._table_path and (table := open_table(self._table_path, self._revision())):
            return table
        with self.db.atomic():  # a consistent snapshot of revision, count and rows
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
