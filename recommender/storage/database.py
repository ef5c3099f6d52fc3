"""Opens both databases: durable, strict, and without lock upgrades.

sqlite-utils' own `atomic()` begins deferred transactions: a writer that reads first may find the
database locked when it writes. `immediate` takes the write lock at the start instead.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from recommender.storage.private_files import make_file, make_folder

PATIENCE_S = 5.0
"""How long a connection waits for a lock."""


class DiskFull(sqlite3.OperationalError):
    """The disk is full; nothing was stored, and stored data is intact."""


def open_database(path: Path | None) -> Database:
    """Open a SQLite file with our settings, creating it and its folder if they are missing.

    A new file is readable by its owner only. Use the connection only in the calling thread.

    Args:
        path: The file, or None for a database in memory (what tests use).

    Raises:
        OSError: The file or its folder cannot be created, or it is not a regular file.
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
    db.conn.isolation_level = None  # transactions begin only explicitly
    # Otherwise sqlite-utils detects this by writing, at the first upsert. If the disk is full
    # then, it falls back to an older kind of upsert, which silently loses rows.
    setattr(db, "_supports_on_conflict", True)  # noqa: B010 - it declares no such attribute
    db.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_S:.0f}")
    _keep_log(db)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")


def _keep_log(db: Database) -> None:
    """Switch to write-ahead logging (WAL).

    In a new file this needs exclusive access, and SQLite does not wait for it by itself.
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
    """Apply a store's pending migrations in one transaction.

    Another process that opens the file at the same time waits, and finds nothing left to do.
    """
    if migrations.pending(db):
        with immediate(db):
            migrations.apply(db)


@contextmanager
def telling_full_disk() -> Iterator[None]:
    """Translate SQLite's error for a full disk.

    Raises:
        DiskFull: The disk is full; a transaction in the block was rolled back.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull("the disk is full") from error
        raise


@contextmanager
def immediate(db: Database) -> Iterator[None]:
    """Run the block in a transaction that takes the write lock at the start.

    Within another such block, it is part of the outer transaction.
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
