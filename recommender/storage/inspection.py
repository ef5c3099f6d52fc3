"""Inspects a database file without changing it: its integrity and its migrations."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recommender.storage.private_files import check_regular

BUSY_S = 5.0

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file for reading; others may write to it meanwhile.

    Raises:
        OSError: It is not a regular file.
        sqlite3.Error: It cannot be opened.
    """
    check_regular(path)
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
    try:
        yield connection
    finally:
        connection.close()


def damage(connection: sqlite3.Connection) -> str:
    """Return the first integrity error that SQLite finds, or an empty text.

    Raises:
        sqlite3.DatabaseError: The file is not a database, or too damaged to check.
    """
    (found,) = connection.execute("pragma integrity_check(1)").fetchone()
    return "" if found == "ok" else str(found)


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means a damaged file, not a full disk or missing permissions."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """Return the names of a table's columns; empty if there is no such table."""
    rows = connection.execute("select name from pragma_table_info(?)", [table])
    return frozenset(name for (name,) in rows)


def migrations(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Return the applied migrations, as pairs of set and name."""
    if not columns(connection, "_sqlite_migrations"):
        return frozenset()
    rows = connection.execute("select migration_set, name from _sqlite_migrations")
    return frozenset((str(group), str(step)) for group, step in rows)


def refusal_to_write(path: Path) -> str:
    """Return why a database is not writable, or an empty text. Nothing is written."""
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_S
        )
        try:
            connection.execute("begin immediate")
            connection.execute("rollback")
        finally:
            connection.close()
    except sqlite3.Error as error:
        return str(error)
    return ""
