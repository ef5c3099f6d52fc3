"""Copies of the user data: whole while the bot writes, put back at once, and forgetting too."""

import asyncio
import logging
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet

import bot.storage.backups
from bot.runtime.database_lock import at_rest, in_use
from bot.settings import NotReady, Settings
from bot.storage.backups import COPIES_KEPT, FOLDER, Nightly, NotABackup, back_up, restore
from bot.storage.records import open_stores
from recommender.mood.targets import EMOTIONS
from recommender.storage.database import immediate
from tests.support.command_line import mirrortape
from tests.support.spotify.spotify_chat import run_job
from tests.support.telegram.chatting import AGREE, ANNA, BEN, NOW, Chat, chatting, with_chat

KEY = Fernet.generate_key().decode()
CIPHER = MultiFernet([Fernet(KEY)])
EVENLY = dict.fromkeys(EMOTIONS, 1 / 7)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """User data of Anna and Ben, closed."""
    path = tmp_path / "data" / "mirrortape.db"
    fill(path, ANNA, BEN)
    return path


def fill(path: Path, *users: int) -> None:
    stores = open_stores(path, CIPHER)
    for user_id in users:
        stores.people.agree(user_id, NOW)
        stores.music.add_reading(user_id, EVENLY, "haar", NOW)
    stores.people.db.close()


def forget(path: Path, user_id: int, now: datetime) -> None:
    stores = open_stores(path, CIPHER)
    with closing(stores.people.db):
        stores.forget(user_id, now)


def users_in(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as db:
        return [user for (user,) in db.execute("select user_id from people order by user_id")]


def files_beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


# -- making one --


def test_a_copy_is_one_whole_file_for_its_owner_alone(database: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out" / "copy.db"
    copy.parent.mkdir()
    back_up(database, copy)
    assert users_in(copy) == [ANNA, BEN]
    assert files_beside(copy) == {"copy.db"}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    fill(database, 3)
    back_up(database, copy)  # a copy of its own is replaced
    assert users_in(copy) == [ANNA, BEN, 3]


def test_copies_made_while_others_write_hold_no_half_transaction(
    database: Path, tmp_path: Path
) -> None:
    stop, written = threading.Event(), 0

    def keep_writing() -> None:
        nonlocal written
        stores = open_stores(database, CIPHER)
        while not stop.is_set():
            user_id = 100 + written
            with immediate(stores.people.db):
                stores.people.db.execute("insert into people (user_id) values (?)", [user_id])
                stores.people.db.execute(
                    "insert into shown_messages (user_id, message_id, playlist_id)"
                    " values (?, ?, 1)",
                    [user_id, user_id],
                )
            written += 1
        stores.people.db.close()

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        seen = []
        for number in range(30):
            copy = tmp_path / f"{number}.db"
            before = written
            back_up(database, copy)
            with closing(sqlite3.connect(copy)) as db:
                (people,) = db.execute("select count(*) from people where user_id >= 100")
                (answers,) = db.execute("select count(*) from shown_messages")
            assert people == answers
            assert people[0] >= before
            seen.append(people[0])
    finally:
        stop.set()
        writer.join()
    assert len(set(seen)) > 10  # it was written to all along


def test_nothing_but_a_copy_is_replaced(database: Path, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Anna")
    empty = tmp_path / "empty"
    empty.touch()
    for target, words in (
        (letter, "another file"),
        (tmp_path, "is a folder"),
        (database, "the user data itself"),
    ):
        with pytest.raises(NotABackup, match=words):
            back_up(database, target)
    assert letter.read_text() == "Dear Anna"
    assert users_in(database) == [ANNA, BEN]
    back_up(database, empty)
    assert users_in(empty) == [ANNA, BEN]


def test_a_damaged_database_is_not_passed_off_as_a_copy(database: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(database, copy)
    damage(database)
    with pytest.raises((NotABackup, sqlite3.DatabaseError)):
        back_up(database, copy)
    assert users_in(copy) == [ANNA, BEN]
    assert not [name for name in files_beside(copy) if "partial" in name]


def damage(file: Path) -> None:
    """Overwrite all pages but the first two."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        (page,) = db.execute("pragma page_size").fetchone()
    content = file.read_bytes()
    file.write_bytes(content[: 2 * page] + b"\xa5" * (len(content) - 2 * page))


# -- putting it back --


def test_a_copy_put_back_is_all_there_is_and_what_was_before_lies_beside(
    database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    back_up(database, copy)
    open_one = open_stores(database, CIPHER)  # its log is not in the file yet
    open_one.people.agree(3, NOW)
    shutil.copytree(database.parent, tmp_path / "crashed")
    open_one.people.db.close()
    crashed = tmp_path / "crashed" / database.name
    assert (tmp_path / "crashed" / "mirrortape.db-wal").stat().st_size > 0
    before = restore(copy, crashed, CIPHER, NOW).before
    assert users_in(crashed) == [ANNA, BEN]
    assert before is not None
    assert users_in(before) == [ANNA, BEN, 3]
    fill(crashed, 4)
    assert users_in(crashed) == [ANNA, BEN, 4]
    assert users_in(copy) == [ANNA, BEN]


def test_a_copy_is_put_back_where_there_is_nothing_or_something_damaged(
    database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    back_up(database, copy)
    damage(database)
    before = restore(copy, database, CIPHER, NOW).before
    assert before is not None
    assert b"\xa5" * 100 in before.read_bytes()
    assert users_in(database) == [ANNA, BEN]
    elsewhere = tmp_path / "new" / "mirrortape.db"
    elsewhere.parent.mkdir()
    assert restore(copy, elsewhere, CIPHER, NOW).before is None
    assert users_in(elsewhere) == [ANNA, BEN]


@pytest.mark.parametrize("what", ["damaged", "cut short", "text", "empty", "other", "missing"])
def test_what_is_no_whole_copy_changes_nothing(database: Path, tmp_path: Path, what: str) -> None:
    copy = tmp_path / "copy.db"
    back_up(database, copy)
    if what == "damaged":
        damage(copy)
    elif what == "cut short":
        copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    elif what == "text":
        copy.write_text("Dear Anna")
    elif what == "empty":
        copy.write_bytes(b"")
    else:
        copy.unlink()
        if what == "other":
            with closing(sqlite3.connect(copy)) as db:
                db.execute("create table people (user_id)")
    content = database.read_bytes()
    with pytest.raises(NotABackup, match="no file" if what == "missing" else "is no copy"):
        restore(copy, database, CIPHER, NOW)
    assert database.read_bytes() == content
    assert files_beside(database) == {"mirrortape.db"}


def test_broken_off_anywhere_the_data_is_the_old_or_the_new(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    back_up(database, copy)
    fill(database, 3)
    outcomes = set()
    for stop_at in range(20):
        here = tmp_path / f"run{stop_at}" / database.name
        shutil.copytree(database.parent, here.parent)
        count = iter(range(100))

        def step(*_: object, at: int = stop_at, count: Iterator[int] = count) -> None:
            if next(count) == at:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            for module, name in (
                (os, "replace"),
                (shutil, "copy"),
                (os, "fsync"),
                (Path, "unlink"),
            ):
                patched.setattr(module, name, stepping(getattr(module, name), step))
            with suppress(KeyboardInterrupt):
                restore(copy, here, CIPHER, NOW)
        found = users_in(here)
        assert found in ([ANNA, BEN], [ANNA, BEN, 3])
        outcomes.add((len(found), next(count) <= stop_at))
        restore(copy, here, CIPHER, NOW)
        assert users_in(here) == [ANNA, BEN]
        assert not [name for name in files_beside(here) if "partial" in name]
    assert {(3, False), (2, False), (2, True)} <= outcomes


def stepping(work, step):
    def stepped(*args, **kwargs):
        step()
        return work(*args, **kwargs)

    return stepped


def test_nothing_is_put_back_under_a_running_bot_and_none_starts_meanwhile(
    database: Path,
) -> None:
    settings = Settings(secret_key=KEY)
    with in_use(database, settings), pytest.raises(NotReady, match="stop it"), at_rest(database):
        pass
    entered = threading.Event()

    def start() -> None:
        with in_use(database, settings):
            entered.set()

    with at_rest(database):
        starting = threading.Thread(target=start)
        starting.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    starting.join()


# -- who was forgotten --


def test_who_was_forgotten_since_is_not_in_what_is_put_back(
    database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    back_up(database, copy)
    forget(database, BEN, NOW)
    fill(database, 3)
    done = restore(copy, database, CIPHER, NOW)
    assert (done.left_out, done.knows_all) == (1, True)
    assert users_in(database) == [ANNA]
    assert users_in(copy) == [ANNA, BEN]  # which is its owner's
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("select user_id from readings").fetchall() == [(ANNA,)]
        assert db.execute("pragma freelist_count").fetchone() == (0,)
    assert restore(copy, database, CIPHER, NOW).left_out == 1  # what was put back knows it too


def test_who_came_back_is_put_back_from_copies_of_then_alone(
    database: Path, tmp_path: Path
) -> None:
    before, after = tmp_path / "before.db", tmp_path / "after.db"
    back_up(database, before)
    forget(database, BEN, NOW)
    fill(database, BEN)
    back_up(database, after)
    assert restore(after, database, CIPHER, NOW).left_out == 0
    assert users_in(database) == [ANNA, BEN]
    assert restore(before, database, CIPHER, NOW).left_out == 1
    assert users_in(database) == [ANNA]
    assert restore(after, database, CIPHER, NOW).left_out == 0
    assert users_in(database) == [ANNA, BEN]


async def test_what_was_set_aside_forgets_and_goes_as_the_nightly_copies_do(
    database: Path, tmp_path: Path
) -> None:
    copy, nightly = tmp_path / "copy.db", Nightly(database, database.with_name(FOLDER), CIPHER)
    back_up(database, copy)
    aside = restore(copy, database, CIPHER, NOW).before
    assert aside is not None
    assert users_in(aside) == [ANNA, BEN]

    async with nightly.lock:
        await nightly.forget(BEN, NOW)
    assert users_in(aside) == [ANNA]
    log = aside.with_name(f"{aside.name}-wal")
    log.write_bytes(b"as damaged data may have one")
    for day in range(COPIES_KEPT):
        assert aside.exists()
        await nightly.ensure_copy(NOW + timedelta(days=day))
    assert not aside.exists()
    assert not log.exists()


def test_where_the_data_is_lost_a_nightly_copy_tells_who_was_forgotten(
    database: Path, tmp_path: Path
) -> None:
    copy, nightly = tmp_path / "copy.db", Nightly(database, database.with_name(FOLDER), CIPHER)
    back_up(database, copy)

    async def story() -> None:
        await nightly.ensure_copy(NOW)
        async with nightly.lock:
            await nightly.forget(BEN, NOW)

    asyncio.run(story())
    damage(database)
    done = restore(copy, database, CIPHER, NOW)
    assert (done.left_out, done.knows_all) == (1, True)
    assert users_in(database) == [ANNA]


def test_where_nothing_tells_who_was_forgotten_that_is_said(
    database: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    back_up(database, copy)
    forget(database, BEN, NOW)
    another = MultiFernet([Fernet(Fernet.generate_key())])
    assert not restore(copy, database, another, NOW).knows_all
    elsewhere = tmp_path / "new" / database.name
    elsewhere.parent.mkdir()
    assert not restore(copy, elsewhere, CIPHER, NOW).knows_all


async def test_who_was_forgotten_stands_nowhere_in_clear_and_once(tmp_path: Path) -> None:
    ben = 4_711_234_567

    async with chatting(database=tmp_path / "mirrortape.db") as chat:
        await chat.press(AGREE, ben)
        for _ in range(2):
            await chat.press("forget:yes", ben)
        dump = await chat.records.run(lambda s: "\n".join(s.people.db.conn.iterdump()))
        assert str(ben) not in dump
        assert await chat.records.run(lambda s: s.forgotten.all()) == {ben: NOW}
        (row,) = await chat.records.run(lambda s: list(s.people.db.table("forgotten").rows))
        assert row["sealed"].startswith("gAAAA")


# -- every night --


def test_each_day_gets_one_copy_and_fourteen_are_kept(database: Path, tmp_path: Path) -> None:
    nightly = Nightly(database, tmp_path / "backups", CIPHER)
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "mine.db").write_text("the owner's")
    (tmp_path / "backups" / ".mirrortape-2026-11-19.db.7.partial").write_text("killed")

    async def story() -> None:
        for hour in range(24 * 20):
            await nightly.ensure_copy(NOW + timedelta(hours=hour))

    asyncio.run(story())
    kept = sorted(file.name for file in (tmp_path / "backups").iterdir())
    last = NOW + timedelta(hours=24 * 20 - 1)
    days = [last - timedelta(days=back) for back in reversed(range(COPIES_KEPT))]
    assert kept == ["mine.db", *(f"mirrortape-{day:%Y-%m-%d}.db" for day in days)]
    assert COPIES_KEPT == 14
    assert all(users_in(tmp_path / "backups" / name) == [ANNA, BEN] for name in kept[1:])


def test_copies_of_a_clock_that_was_ahead_push_out_no_new_one(
    database: Path, tmp_path: Path
) -> None:
    nightly = Nightly(database, tmp_path / "backups", CIPHER)

    async def story() -> None:
        for day in range(COPIES_KEPT):
            await nightly.ensure_copy(NOW + timedelta(days=1500 + day))
        for day in range(2):
            await nightly.ensure_copy(NOW + timedelta(days=day))

    asyncio.run(story())
    names = {copy.name for copy in (tmp_path / "backups").iterdir()}
    new = {f"mirrortape-{NOW + timedelta(days=day):%Y-%m-%d}.db" for day in range(2)}
    assert new <= names
    assert len(names) == COPIES_KEPT


async def test_the_job_makes_the_copy_and_a_full_disk_costs_nobody_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "backups"

    async with chatting(database=tmp_path / "mirrortape.db", nightly=folder) as chat:
        await chat.say("/mood sad")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
            patched.setattr(bot.storage.backups, "back_up", full)
            await run_job(chat, "copy")
        assert "No space left" in caplog.text
        assert not list(folder.iterdir())
        await run_job(chat, "copy")
        (copy,) = folder.iterdir()
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("select count(*) from playlists").fetchone() == (1,)


def test_who_is_forgotten_is_forgotten_in_every_copy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "backups"

    async def story(chat: Chat) -> None:
        for user_id in (ANNA, BEN):
            await chat.say("/mood sad", user_id)
            await chat.press(AGREE, user_id)
        nightly = chat.services.nightly
        assert nightly is not None
        for day in range(3):
            await nightly.ensure_copy(NOW + timedelta(days=day))
        damage(folder / "mirrortape-2026-11-21.db")
        with caplog.at_level(logging.ERROR):
            await chat.press("forget:yes")
        assert "mirrortape-2026-11-21.db could not be changed" in caplog.text

    asyncio.run(with_chat(story, database=tmp_path / "mirrortape.db", nightly=folder))
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["mirrortape-2026-11-20.db", "mirrortape-2026-11-22.db"]
    for name in names:
        assert users_in(folder / name) == [BEN]
        with closing(sqlite3.connect(folder / name)) as db:
            assert db.execute("select distinct user_id from playlists").fetchall() == [(BEN,)]
            assert db.execute("pragma freelist_count").fetchone() == (0,)


# -- the commands --


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return mirrortape(*words, folder=folder, SECRET_KEY=KEY)


def test_the_commands_copy_and_put_back_and_say_so(database: Path, tmp_path: Path) -> None:
    with in_use(database, Settings(secret_key=KEY)):  # a running bot
        done = run(tmp_path, "backup", "copy.db")
        assert (done.returncode, done.stderr) == (0, "")
        assert "The user data is in copy.db (" in done.stdout
        assert "SECRET_KEY is not in it" in done.stdout
        fill(database, 3)
        refused = run(tmp_path, "restore", "copy.db")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            "mirrortape: The bot is running: stop it, then run this again.\n"
        )
        assert users_in(database) == [ANNA, BEN, 3]
    done = run(tmp_path, "restore", "copy.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"is in data/backups/mirrortape-\S+-before-restore\.db, for", done.stdout)
    assert "forgotten" not in done.stdout
    assert users_in(database) == [ANNA, BEN]
    forget(database, BEN, NOW)
    assert (
        "Without 1 person who asked to be forgotten since"
        in run(tmp_path, "restore", "copy.db").stdout
    )
    assert users_in(database) == [ANNA]
    shutil.rmtree(database.parent)
    database.parent.mkdir()
    assert "if anybody did, they are back" in run(tmp_path, "restore", "copy.db").stdout
    assert users_in(database) == [ANNA, BEN]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["backup", "copy.db"], "no user data in data yet"),
        (["restore", "copy.db"], "there is no file copy.db"),
        (["backup"], "Missing argument"),
    ],
)
def test_the_commands_say_in_one_line_what_is_wrong(
    tmp_path: Path, words: list[str], says: str
) -> None:
    done = run(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
