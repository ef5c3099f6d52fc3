"""New databases in memory without running each migration again.

Most tests need an empty database, and the migrations take longer than many of these tests do.
`tests/recommender/storage/test_database.py` and `tests/bot/storage/test_old_database.py` run them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet
from sqlite_utils import Database

from bot.storage import records
from recommender.storage.database import open_database


@contextmanager
def already_migrated() -> Iterator[None]:
    """Have databases that are opened in memory inside the block begin with all tables."""
    empty = _empty_database()

    def open_copy(path: Path | None) -> Database:
        db = open_database(path)
        if path is None:
            db.conn.deserialize(empty)
        return db

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "open_database", open_copy)
        yield


@cache
def _empty_database() -> bytes:
    """Return a database with all tables and no rows, as SQLite's bytes."""
    db = records.open_stores(None, MultiFernet([Fernet(Fernet.generate_key())])).people.db
    try:
        return db.conn.serialize()
    finally:
        db.close()
