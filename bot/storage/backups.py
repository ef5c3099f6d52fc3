"""Backups of the user data: on demand and nightly, also while the bot runs, and restoring them.

A backup is one SQLite file. It is written under a temporary name, checked, and then renamed, so a
file with a backup's name is always complete.

Users who are forgotten are deleted from the nightly backups at once, and left out when any other
backup is restored; see `bot.storage.forgotten`.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from cryptography.fernet import MultiFernet

from bot.storage.records import NewerVersion, Stores, check_version, open_stores
from recommender.storage.inspection import is_damage
from recommender.storage.private_files import FILE_MODE, check_regular, make_file, make_folder

FOLDER = "backups"
"""The folder of the nightly backups, beside the data."""

COPIES_KEPT = 14
"""How many nightly backups are kept; beyond that, the one dated furthest from today is deleted."""

_NAMES = ("mirrortape-????-??-??.db", "mirrortape-????-??-??-??????-before-restore.db")

_TABLES = {"people", "inbox", "playlists", "shown", "spotify_accounts"}
"""Tables that together identify our database."""

logger = logging.getLogger(__name__)


class NotABackup(Exception):
    """A file cannot serve as a backup or as its target; the text says why."""


def back_up(database: Path, target: Path) -> None:
    """Write a consistent copy of the user data; others may keep writing.

    Raises:
        NotABackup: The target must not be replaced, such as a link, a device or another file.
        OSError: The target cannot be written.
        sqlite3.Error: The database cannot be read.
    """
    if target.is_dir():
        raise NotABackup(f"{target} is a folder: name a file in it.")
    _check_target(target)
    if target.exists() and target.samefile(database):
        raise NotABackup(f"{target} is the user data itself: name another file.")
    if target.exists() and target.stat().st_size and not _is_ours(target):
        raise NotABackup(f"{target} is another file, which is not replaced: name a new one.")
    with _copied(database, target) as copy:
        os.replace(copy, target)
    _sync(target.parent)


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of restoring a backup.

    Args:
        before: Where the previous data is now; None if there was none.
        left_out: How many people in the backup were forgotten after it was made.
        knows_all: Whether that is everybody. The previous data may be lost, or encrypted with a
            lost key.
    """

    before: Path | None
    left_out: int
    knows_all: bool


def restore(backup: Path, database: Path, cipher: MultiFernet, now: datetime) -> Restored:
    """Replace the user data by a backup; the bot must not be running.

    The previous data stays in place until the last moment, and is then kept among the nightly
    backups. Users who were forgotten after the backup was made are left out.

    Raises:
        NotABackup: The file is not an intact backup; nothing was changed.
        NewerVersion: A newer version made it; nothing was changed.
    """
    if not backup.is_file():
        raise NotABackup(f"there is no file {backup}.")
    if database.exists() and backup.samefile(database):
        raise NotABackup(f"{backup} is the user data itself: name a copy of it.")
    check_regular(database)
    try:
        with closing(_opened(backup)) as db:
            _check(db, backup)
            check_version(db, backup)
    except (sqlite3.Error, NotABackup) as error:
        if isinstance(error, sqlite3.Error) and not is_damage(error):
            raise  # an I/O or permission error says nothing about the backup
        raise NotABackup(
            f"{backup} is no copy of Mirrortape's user data, or it is damaged."
        ) from error
    _sweep(database.parent)
    folder = database.with_name(FOLDER)
    lists = [_forgotten_in(file, cipher) for file in (database, *_copies(folder))]
    with _copied(backup, database) as copy:
        left_out = _leave_out(copy, _newest(filter(None, lists)), cipher)
        before = _set_aside(database, folder, now) if database.exists() else None
        os.replace(copy, database)
    _sync(database.parent)
    return Restored(before, left_out, knows_all=any(each is not None for each in lists))


class Nightly:
    """The nightly backups, one a day.

    Args:
        database: The user data.
        folder: Where they are kept.
        cipher: Decrypts what is encrypted in them.
    """

    def __init__(self, database: Path, folder: Path, cipher: MultiFernet) -> None:
        self._database = database
        self._folder = folder
        self._cipher = cipher
        self.lock = asyncio.Lock()
        """Held while a backup is made, and while a user is being forgotten."""

    async def ensure_copy(self, now: datetime) -> None:
        """Make today's backup if there is none; a failure is logged and retried later."""
        target = self._folder / f"mirrortape-{now:%Y-%m-%d}.db"
        async with self.lock:
            if target.exists():
                return
            try:
                await asyncio.to_thread(self._make, target, now.date())
            except (OSError, sqlite3.Error, NotABackup) as error:
                logger.error("the nightly backup failed: %s", error)
            else:
                logger.info("made the nightly backup")

    def _make(self, target: Path, today: date) -> None:
        make_folder(self._folder)
        _sweep(self._folder)
        back_up(self._database, target)
        # By distance, not age: backups dated by a clock ahead would push out every new one.
        newest = reversed(_copies(self._folder))
        by_age = sorted(newest, key=lambda copy: abs(today - _day(copy)))
        for old in by_age[COPIES_KEPT:]:
            _delete(old)

    async def forget(self, user_id: int, now: datetime) -> None:
        """Delete every row about this user from the backups; the caller holds the lock.

        A backup that cannot be changed is deleted.
        """
        assert self.lock.locked()
        await asyncio.to_thread(self._forget, user_id, now)

    def _forget(self, user_id: int, now: datetime) -> None:
        for copy in _copies(self._folder):
            try:
                with _stores_in(copy, self._cipher) as stores:
                    stores.forget(user_id, now)
            except (sqlite3.Error, OSError, NewerVersion) as error:
                logger.error("%s could not be changed and is deleted: %s", copy.name, error)
                _delete(copy)


# -- the nightly backups --


def _copies(folder: Path) -> list[Path]:
    """Return the nightly backups in the folder, oldest first."""
    return sorted(file for names in _NAMES for file in folder.glob(names))


def _day(copy: Path) -> date:
    """Return the date in a backup's name, or the earliest date if there is none."""
    try:
        return date.fromisoformat(copy.name.removeprefix("mirrortape-")[:10])
    except ValueError:
        return date.min


def _delete(copy: Path) -> None:
    """Delete a backup and its SQLite log files."""
    for ending in ("", "-wal", "-shm"):
        copy.with_name(f"{copy.name}{ending}").unlink(missing_ok=True)


@contextmanager
def _stores_in(copy: Path, cipher: MultiFernet) -> Iterator[Stores]:
    """Open a backup; at the end, overwrite deleted data by vacuuming the file."""
    stores = open_stores(copy, cipher)
    with closing(stores.people.db) as db:
        yield stores
        db.execute("vacuum")
        db.execute("pragma journal_mode = delete")  # one file is all of it


# -- forgotten users --


def _forgotten_in(file: Path, cipher: MultiFernet) -> dict[int, datetime] | None:
    """Return the forgotten users that a file lists; None if the list cannot be read completely."""
    if not file.exists() or not _is_ours(file):
        return None
    try:
        stores = open_stores(file, cipher)
    except NewerVersion:
        return None
    with closing(stores.people.db):
        return stores.forgotten.all() if stores.forgotten.is_readable() else None


def _newest(lists: Iterable[Mapping[int, datetime]]) -> dict[int, datetime]:
    """Merge lists of forgotten users, keeping the latest time of each."""
    newest: dict[int, datetime] = {}
    for user_id, at in (entry for each in lists for entry in each.items()):
        newest[user_id] = max(at, newest.get(user_id, at))
    return newest


def _leave_out(copy: Path, forgotten: Mapping[int, datetime], cipher: MultiFernet) -> int:
    """Delete users from a backup who were forgotten later; return how many it held."""
    left_out = 0
    with _stores_in(copy, cipher) as stores:
        known = stores.forgotten.all()
        for user_id, at in forgotten.items():
            if user_id not in known or known[user_id] < at:
                left_out += any(table.rows for table in stores.about(user_id))
                stores.forget(user_id, at)
    _sync(copy)
    return left_out


# -- files --


def _check_target(target: Path) -> None:
    """Check that a backup can be written here: the name is free or a regular file.

    Raises:
        NotABackup: It is something else, which is neither followed nor replaced.
    """
    if target.is_symlink():
        raise NotABackup(f"{target} is a link, which is not followed: name the file itself.")
    if target.exists() and not target.is_file():
        raise NotABackup(f"{target} is a pipe or a device, which is not replaced: name a file.")
    if not target.parent.is_dir():
        raise NotABackup(f"there is no folder {target.parent} to put the copy in: make it first.")


@contextmanager
def _copied(source: Path, target: Path) -> Iterator[Path]:
    """Yield a checked copy of a database, next to the target and readable only by its owner."""
    copy = target.with_name(f".{target.name}.{os.getpid()}.partial")
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    try:
        with closing(_opened(source)) as original, closing(sqlite3.connect(copy)) as written:
            original.backup(written)
            written.execute("pragma journal_mode = delete")  # one file is all of it
            _check(written, source)
        _sync(copy)
        yield copy
    finally:
        for name in (copy.name, f"{copy.name}-journal", f"{copy.name}-wal", f"{copy.name}-shm"):
            copy.with_name(name).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Delete the files of interrupted backups; no other backup to this folder may be running."""
    for left in folder.glob(".*.partial*"):
        left.unlink()


def _set_aside(database: Path, folder: Path, now: datetime) -> Path:
    """Move the data that will be replaced to the nightly backups, damaged or not."""
    make_folder(folder)
    with suppress(sqlite3.Error), closing(_opened(database)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    aside = folder / f"mirrortape-{now:%Y-%m-%d-%H%M%S}-before-restore.db"
    for ending in ("", "-wal"):  # the checkpoint removes the log if it succeeds
        file = database.with_name(f"{database.name}{ending}")
        then = aside.with_name(f"{aside.name}{ending}")
        then.unlink(missing_ok=True)
        if file.exists():
            make_file(then)
            shutil.copyfile(file, then)
            _sync(then)
    # SQLite would apply a remaining log to the restored data.
    for ending in ("-wal", "-shm"):
        database.with_name(f"{database.name}{ending}").unlink(missing_ok=True)
    return aside


def _is_ours(file: Path) -> bool:
    """Return whether a file is an intact database of ours."""
    try:
        with closing(_opened(file)) as db:
            _check(db, file)
    except (sqlite3.Error, OSError, NotABackup):
        return False
    return True


def _check(db: sqlite3.Connection, source: Path) -> None:
    """Check that a database is intact and ours.

    Raises:
        NotABackup: It is not.
    """
    names = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    if not names >= _TABLES:
        raise NotABackup(f"{source} holds no user data of Mirrortape.")
    (told,) = db.execute("pragma integrity_check(1)").fetchone()
    if told != "ok" or db.execute("pragma foreign_key_check").fetchone():
        raise NotABackup(f"{source} is damaged: {told}.")


def _opened(file: Path) -> sqlite3.Connection:
    """Open an existing database; never create one."""
    check_regular(file)
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=5)


def _sync(path: Path) -> None:
    """Flush a file or folder to disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
