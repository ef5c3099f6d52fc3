"""How the databases are opened: what every connection has, and tables made whole or not at all."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from sqlite_utils import Database

from bot.storage.records import open_stores, stores_in
from recommender.catalogue.catalogue import Catalogue
from recommender.storage.database import immediate, open_database

CIPHER = MultiFernet([Fernet(Fernet.generate_key())])


def pragma(db: Database, name: str) -> Any:
    return db.execute(f"pragma {name}").fetchone()[0]


def test_every_connection_is_durable_patient_and_checks_references(tmp_path: Path) -> None:
    path = tmp_path / "mirrortape.db"
    found: list[list[Any]] = []

    def look() -> None:
        for open_one in (open_database, lambda path: open_stores(path, CIPHER).people.db):
            db = open_one(path)
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            found.append([pragma(db, name) for name in names])
            db.close()

    look()
    elsewhere = threading.Thread(target=look)
    elsewhere.start()
    elsewhere.join()
    full, on, wait_ms = 2, 1, 5000
    assert found == [["wal", full, on, wait_ms]] * 4


def test_every_table_is_strict() -> None:
    for db in (open_stores(None, CIPHER).people.db, Catalogue(None).db):
        tables = db.query("select name, strict from pragma_table_list where schema = 'main'")
        loose = {row["name"] for row in tables if not row["strict"]}
        assert {name for name in loose if not name.startswith("sqlite_")} == set()
        assert len(db.table_names()) > 1


@pytest.mark.parametrize(
    "row",
    [
        "shown_messages (user_id, message_id, playlist_id) values (1, 'a name', 1)",
        "mood_shifts values (9, '', 1)",
    ],
    ids=["a name for a number", "for a reading that is not there"],
)
def test_what_does_not_fit_is_refused(row: str) -> None:
    db = open_stores(None, CIPHER).people.db
    with pytest.raises(sqlite3.IntegrityError, match=r"cannot store TEXT|FOREIGN KEY"):
        db.execute(f"insert into {row}")


def test_who_is_to_write_is_alone_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    one, other = open_database(path), open_database(path)
    other.execute("pragma busy_timeout = 0")
    with (
        immediate(one),  # and has only read so far
        pytest.raises(sqlite3.OperationalError, match="locked"),
        immediate(other),
    ):
        pass
    with immediate(other):
        assert other.conn.in_transaction


# -- migrations --


def tables(db: Database) -> list[Any]:
    made = db.execute("select type, name, sql from sqlite_master order by type, name").fetchall()
    applied = db.execute("select migration_set, name from _sqlite_migrations order by 1, 2")
    return [*made, *applied.fetchall()]


def breaking_off(at: int) -> tuple[Callable[..., int], list[int]]:
    """Return an authorizer of SQLite's that refuses one step, and the count of all."""
    steps = [0]

    def authorize(*_: object) -> int:
        steps[0] += 1
        return sqlite3.SQLITE_DENY if steps[0] == at else sqlite3.SQLITE_OK

    return authorize, steps


def test_broken_off_anywhere_the_tables_are_made_whole_by_the_next_start() -> None:
    whole = open_database(None)
    authorize, steps = breaking_off(at=0)
    whole.conn.set_authorizer(authorize)
    stores_in(whole, CIPHER)
    whole.conn.set_authorizer(None)
    broken_off = 0
    for at in range(1, steps[0], steps[0] // 30):
        db = open_database(None)
        db.conn.set_authorizer(breaking_off(at)[0])
        with suppress(sqlite3.DatabaseError):
            stores_in(db, CIPHER)
        db.conn.set_authorizer(None)
        assert not db.conn.in_transaction
        broken_off += not db.table_names() or tables(db) != tables(whole)
        stores_in(db, CIPHER)
        assert tables(db) == tables(whole)
    assert broken_off > 20


def test_up_to_date_nothing_is_written_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "mirrortape.db"
    first = open_stores(path, CIPHER).people.db
    before, version = tables(first), pragma(first, "data_version")
    again = open_stores(path, CIPHER).people.db
    assert again.conn.total_changes == 0
    assert tables(again) == before
    assert pragma(first, "data_version") == version


def test_an_upsert_writes_its_row_and_nothing_else() -> None:
    """What sqlite-utils tries out first could fail for want of room, and rows get lost then."""
    db = open_database(None)
    db.table("apps").create({"id": int, "name": str}, pk="id", not_null={"name"})
    written: list[str] = []
    db.conn.set_trace_callback(written.append)
    db.table("apps").upsert({"id": 1, "name": "one"}, pk="id")
    db.conn.set_trace_callback(None)
    assert not [sql for sql in written if sql.lower().startswith(("create", "drop"))]
    assert list(db.table("apps").rows) == [{"id": 1, "name": "one"}]
