"""How both databases are opened: durable, strict, and never deadlocked by a late lock.

sqlite-utils' own `atomic()` defers its lock, so that a writer that reads first can find the
database taken when it comes to write. `immediate` takes the lock at the start instead.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from recommender.storage.private_files import make_file, make_folder

PATIENCE_S = 5.0
"""How long a connection waits for others to be done."""


class DiskFull(sqlite3.OperationalError):
    """Nothing can be stored until there is room on the disk again; what is stored is whole."""


def open_database(path: Path | None) -> Database:
    """Open a SQLite file with our settings, creating it and its folder if they are missing.

    A new file is for its owner alone. The connection may only be used from the thread that calls
    this.

    Args:
        path: The file, or None for a database in memory (what tests use).

    Raises:
        OSError: The file or its folder cannot be made, or it is no regular file.
        sqlite3.Error: SQLite cannot use it.
    """
    if path is None:
        db = Database(memory=True, strict=True)
    else:
        make_folder(path.parent)
        make_file(path)
        db = Database(path, strict=True)
    try:
        _prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: Database) -> None:
    db.conn.isolation_level = None  # transactions begin where we say so
    # Else sqlite-utils finds out by writing, at the first upsert. If the disk is full just then,
    # it upserts in an older way from there on, by which rows get lost without a word.
    setattr(db, "_supports_on_conflict", True)  # noqa: B010 - it declares no such attribute
    db.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_S:.0f}")
    _keep_log(db)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")


def _keep_log(db: Database) -> None:
    """Have what is written go to a log first (WAL).

    In a new file that needs everybody else out of it, and SQLite does not wait for that by itself.
    """
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def migrate(db: Database, migrations: Migrations) -> None:
    """Bring a store's tables up to date: all of it or nothing, and once.

    Whoever opens the file at the same moment waits, and finds nothing left to do.
    """
    if migrations.pending(db):
        with immediate(db):
            migrations.apply(db)


@contextmanager
def telling_full_disk() -> Iterator[None]:
    """Tell a full disk from whatever else may keep the block from storing.

    Raises:
        DiskFull: There was no room; of a transaction in the block, nothing is stored.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull("the disk is full") from error
        raise


@contextmanager
def immediate(db: Database) -> Iterator[None]:
    """Run the block in one transaction that holds the write lock from its first statement.

    Within another such block it is a part of that one's transaction.
    """
    if db.conn.in_transaction:
        yield
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.conn.in_transaction:  # a full disk may have rolled it back already
            db.execute("ROLLBACK")
        raise
