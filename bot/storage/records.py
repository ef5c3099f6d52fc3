"""`mirrortape.db` and the one thread that owns it.

SQLite may wait for the disk, and a connection belongs to the thread that opened it. So everything
that reads or writes user data goes through `Records.run`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

from cryptography.fernet import Fernet, MultiFernet
from sqlite_utils import Database

from bot.current_update import current
from bot.settings import NotReady
from bot.storage import inbox_table, people, schedules
from bot.storage.export import Table
from bot.storage.forgotten import FORGOTTEN, Forgotten
from bot.storage.inbox_table import ASIDE, INBOX
from bot.storage.people import UNREAD, People
from bot.storage.schedules import Schedules
from recommender.listeners import store
from recommender.listeners.store import MusicStore
from recommender.services.spotify import accounts
from recommender.services.spotify.accounts import SpotifyAccounts
from recommender.storage import inspection
from recommender.storage.database import DiskFull, immediate, open_database, telling_full_disk
from recommender.storage.sealing import ACCOUNTS, ARRIVALS, WAYS, Seal

T = TypeVar("T")

PERSONAL_TABLES = (
    *people.PERSONAL_TABLES,
    inbox_table.WAITING,
    inbox_table.UNPARSED,
    *schedules.PERSONAL_TABLES,
    *store.PERSONAL_TABLES,
    *accounts.PERSONAL_TABLES,
)
"""All tables with data about a user."""

SEALED = (ACCOUNTS, WAYS, ARRIVALS, INBOX, ASIDE, UNREAD, FORGOTTEN)
"""All encrypted columns of `mirrortape.db`."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores in `mirrortape.db`. Use them only on the database thread."""

    people: People
    schedules: Schedules
    music: MusicStore
    spotify: SpotifyAccounts
    forgotten: Forgotten

    def about(self, user_id: int) -> list[Table]:
        """Return every row about this user, table by table."""
        db = self.people.db
        return [
            Table(
                each.table,
                each.columns(db),
                each.rows(db, user_id),
                each.secrets,
                each.structured,
            )
            for each in PERSONAL_TABLES
        ]

    def holds_any(self, user_id: int) -> bool:
        """Return whether anything but unanswered updates is stored about this user."""
        kept = (each for each in PERSONAL_TABLES if each is not inbox_table.WAITING)
        return any(each.has_any(self.people.db, user_id) for each in kept)

    def forget(self, user_id: int, now: datetime, except_for: int | None = None) -> None:
        """Delete every row about this user, and add them to the list of deleted users.

        Args:
            user_id: The user.
            now: The time.
            except_for: The update that requests this; it is deleted once it is answered.
        """
        with immediate(self.people.db):
            self.forgotten.note(user_id, now)
            self.music.forget(user_id)
            self.spotify.forget(user_id)
            self.schedules.forget(user_id)
            self.people.forget(user_id, except_for)


class Records:
    """Runs functions on the stores, one at a time, in the database thread.

    Args:
        path: The database file, or None for one in memory.
        cipher: Encrypts secrets and private content.
    """

    def __init__(self, path: Path | None, cipher: MultiFernet) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")
        try:
            self._stores = self._thread.submit(open_stores, path, cipher).result()
        except BaseException:
            self._thread.shutdown()
            raise
        self.is_full = False
        """Whether the disk was full at the last write."""

    async def run(self, work: Callable[[Stores], T]) -> T:
        """Run `work` in the database thread and return its result.

        Raises:
            DiskFull: The disk is full.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[Stores], T]) -> T:
        connection = self._stores.people.db.conn
        before = connection.total_changes
        try:
            with telling_full_disk():
                done = work(self._stores)
        except DiskFull:
            self.is_full = True
            raise
        if connection.total_changes > before:  # reading proves nothing about the disk
            self.is_full = False
        return done

    async def once(self, what: str, work: Callable[[Stores], int]) -> int:
        """Run `work`, which must not be repeated for the same update.

        Args:
            what: The name of this step.
            work: Returns an integer, such as an id; a retry of this update gets the same one.
        """
        handling = current()
        if handling is None:
            return await self.run(work)
        name, update_id = handling.name(what), handling.update_id
        if (done := handling.done.get(name)) is not None:
            return done

        def work_and_note(stores: Stores) -> int:
            with immediate(stores.people.db):
                result = work(stores)
                stores.people.inbox.note(update_id, name, result)
            return result

        handling.done[name] = result = await self.run(work_and_note)
        return result

    @asynccontextmanager
    async def at_end(self, work: Callable[[Stores], object]) -> AsyncIterator[None]:
        """Run `work` after the last try of the current update.

        It runs in the transaction that ends the update. Outside of updates, it runs at the end of
        the block, if nothing is raised there.
        """
        handling = current()
        if handling is None:
            yield
            await self.run(work)
        else:
            handling.at_end(lambda stores, _: work(stores))
            yield

    def close(self) -> None:
        """Finish queued work, then close the database."""
        self._thread.submit(self._stores.people.db.close).result()
        self._thread.shutdown()


class NewerVersion(NotReady):
    """A newer version of Mirrortape has used this database; the message says what to do."""


def open_stores(path: Path | None, cipher: MultiFernet) -> Stores:
    """Open the stores in a database file, or in memory.

    Raises:
        NewerVersion: A newer version has used it; nothing was changed.
        OSError: The file cannot be created.
        sqlite3.Error: It cannot be read or migrated.
    """
    db = open_database(path)
    try:
        if path is not None:
            check_version(db.conn, path)
        return stores_in(db, cipher)
    except BaseException:
        db.close()
        raise


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Check that this version knows all migrations of a database.

    Raises:
        NewerVersion: It does not.
    """
    if unknown := inspection.migrations(connection) - known_migrations():
        names = ", ".join(sorted(f"{group} {step}" for group, step in unknown))
        raise NewerVersion(
            f"{path} was used by a newer version of Mirrortape, which added {names}: install that "
            "version again, or use an older copy of the data."
        )


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this version."""
    with closing(open_database(None)) as db:
        stores_in(db, MultiFernet([Fernet(Fernet.generate_key())]))
        return inspection.migrations(db.conn)


def stores_in(db: Database, cipher: MultiFernet) -> Stores:
    """Return the stores in a database, after pending migrations."""
    return Stores(
        People(db, cipher),
        Schedules(db),
        MusicStore(db),
        SpotifyAccounts(db, cipher),
        Forgotten(db, Seal(cipher)),
    )
