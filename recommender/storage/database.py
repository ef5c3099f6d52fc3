"""Opens SQLite databases with durable settings, and runs migrations and transactions.

sqlite-utils' `atomic()` starts a deferred transaction: one that reads first may find the database
locked when it writes. `immediate` takes the write lock at the start instead.
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
    """The disk is full; nothing was stored, and the data is intact."""


def open_database(path: Path | None) -> Database:
    """Open a SQLite file with our settings; create it and its folder if missing.

    Only the owner can read a new file. Use the connection only on the calling thread.

    Args:
        path: The file, or None for a database in memory (for tests).

    Raises:
        OSError: The file or its folder cannot be created, or it is not a regular file.
        sqlite3.Error: SQLite cannot open it.
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
    db.conn.isolation_level = None  # no implicit transactions
    # Else sqlite-utils tests for it by writing, at the first upsert. If the disk is full at that
    # moment, it falls back to an older kind of upsert, which silently loses rows.
    setattr(db, "_supports_on_conflict", True)  # noqa: B010 - it declares no such attribute
    db.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE_S:.0f}")
    _keep_log(db)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")


def _keep_log(db: Database) -> None:
    """Turn on write-ahead logging (WAL).

    On a new file this needs an exclusive lock, which SQLite's busy timeout does not cover.
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

    Another process that opens the file at the same moment waits, then has nothing left to do.
    """
    if migrations.pending(db):
        with immediate(db):
            migrations.apply(db)


@contextmanager
def telling_full_disk() -> Iterator[None]:
    """Raise `DiskFull` instead of SQLite's general error if the disk is full.

    Raises:
        DiskFull: The disk is full; a transaction in the block is rolled back.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull("the disk is full") from error
        raise


@contextmanager
def immediate(db: Database) -> Iterator[None]:
    """Run the block in one transaction that takes the write lock at the start.

    A nested block joins the outer transaction.
    """
    if db.conn.in_transaction:
        yield
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.conn.in_transaction:  # SQLite may have rolled back already, e.g. on a full disk
            db.execute("ROLLBACK")
        raise
