"""Looks into a database file without changing it: is it sound, and which version made it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recommender.storage.private_files import check_regular

BUSY_S = 5.0

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file for reading, whoever writes to it meanwhile.

    Raises:
        OSError: It is no regular file.
        sqlite3.Error: It cannot be opened.
    """
    check_regular(path)
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
    try:
        yield connection
    finally:
        connection.close()


def damage(connection: sqlite3.Connection) -> str:
    """Return what SQLite finds to be broken; empty for a sound database.

    Raises:
        sqlite3.DatabaseError: The file is no database, or is broken beyond looking.
    """
    (found,) = connection.execute("pragma integrity_check(1)").fetchone()
    return "" if found == "ok" else str(found)


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means a broken file; else its disk or its mode may be in the way."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """Return the names of a table's columns; none where there is no such table."""
    rows = connection.execute("select name from pragma_table_info(?)", [table])
    return frozenset(name for (name,) in rows)


def migrations(connection: sqlite3.Connection) -> frozenset[tuple[str, str]]:
    """Return which steps were taken to make the tables: pairs of a set and a step."""
    if not columns(connection, "_sqlite_migrations"):
        return frozenset()
    rows = connection.execute("select migration_set, name from _sqlite_migrations")
    return frozenset((str(group), str(step)) for group, step in rows)


def refusal_to_write(path: Path) -> str:
    """Return why a database cannot be written to; empty if it can. Nothing is written."""
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
