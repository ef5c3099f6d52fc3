"""The database under those who kill, race and copy it: nothing that was committed is lost."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.storage.backups import back_up
from bot.storage.records import open_stores
from tests.support.command_line import mirrortape
from tests.support.database_writers import (
    CIPHER,
    KEY,
    TRACKS,
    Committed,
    Writer,
    faults,
    missing,
    race,
    writers,
)


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.chaos)])
def test_what_was_committed_outlives_a_kill_at_any_moment(tmp_path: Path, kills: int) -> None:
    database = tmp_path / "mirrortape.db"
    open_stores(database, CIPHER).people.db.close()
    rng = np.random.default_rng(7)
    committed: list[Committed] = []
    for number in range(kills):
        writer = Writer(database, 1_000_000 * number)
        committed += writer.told(at_least=int(rng.integers(0, 12)))  # or while it opens the file
        time.sleep(rng.uniform(0, 0.02))
        last = writer.kill()
        committed += last
        assert faults(database) == []
        assert missing(database, last) == []
    assert len(committed) > kills
    assert missing(database, committed) == []
    print(f"{kills} kills: {len(committed)} commits, none lost, the file whole each time")


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.chaos)])
def test_eight_writers_that_read_first_never_fail(tmp_path: Path, times: int) -> None:
    """They open the file, which is not there yet, at the same moment too."""
    database, count = tmp_path / "mirrortape.db", 8
    start = time.perf_counter()
    failed = race(database, count, times)
    seconds = time.perf_counter() - start
    print(f"{len(failed)} of {count * times} failed, in {seconds:.1f} s")
    assert failed == []
    assert faults(database) == []
    with closing(sqlite3.connect(database)) as db:
        written = db.execute("select count(*), sum(liked) from shown").fetchone()
    assert written == (count * times * TRACKS, count * times)


@pytest.mark.parametrize(
    ("before", "copies"), [(200, 1), pytest.param(5_000, 10, marks=pytest.mark.chaos)]
)
def test_a_copy_made_under_writes_has_all_that_was_there_when_it_began(
    tmp_path: Path, before: int, copies: int
) -> None:
    database = tmp_path / "data" / "mirrortape.db"
    taken: list[list[Committed]] = []
    with writers(database, 2) as running:
        committed = [each for writer in running for each in writer.told(before // 2)]
        for number in range(copies):
            committed += [each for writer in running for each in writer.told()]
            taken.append(list(committed))
            back_up(database, tmp_path / f"{number}.db")
            meanwhile = [each for writer in running for each in writer.told()]
            assert meanwhile  # it was written to all along
            committed += meanwhile
    for number, all_then in enumerate(taken):
        done = mirrortape("restore", f"{number}.db", folder=tmp_path, SECRET_KEY=KEY)
        assert (done.returncode, done.stderr) == (0, "")
        assert rows(database) == rows(tmp_path / f"{number}.db")
        assert faults(database) == []
        assert missing(database, all_then) == []
        print(f"copy {number}: {len(all_then)} of {len(all_then)} commits from before it are back")


def rows(database: Path) -> dict[str, list[Any]]:
    """Return every row of every table."""
    with closing(sqlite3.connect(database)) as db:
        tables = db.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {
            name: db.execute(f'select * from "{name}" order by 1').fetchall()  # noqa: S608
            for (name,) in tables
        }
