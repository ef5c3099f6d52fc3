"""`mirrortape.db` and the one thread that owns it.

SQLite answers in microseconds but may wait for the disk, and a connection belongs to the thread
that opened it. So everything that reads or writes user data goes through `Records.run`.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography.fernet import MultiFernet
from sqlite_utils import Database

from bot import people, received, schedules
from bot.export import Table
from bot.forgotten import FORGOTTEN, Forgotten
from bot.handling import current
from bot.people import UNREAD, People
from bot.received import INBOX
from bot.schedules import Schedules
from recommender import accounts, store
from recommender.accounts import SpotifyAccounts
from recommender.database import DiskFull, immediate, open_database, telling_full_disk
from recommender.sealing import ACCOUNTS, ARRIVALS, WAYS, Seal
from recommender.store import MusicStore

T = TypeVar("T")

BELONGINGS = (
    *people.BELONGINGS,
    received.WAITING,
    *schedules.BELONGINGS,
    *store.BELONGINGS,
    *accounts.BELONGINGS,
)
"""All that is remembered of a user."""

SEALED = (ACCOUNTS, WAYS, ARRIVALS, INBOX, UNREAD, FORGOTTEN)
"""All that is encrypted in `mirrortape.db`."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores that share `mirrortape.db`; use them on their own thread only."""

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
            for each in BELONGINGS
        ]

    def note_moved(self, user_id: int, message_id: int, now_in: int) -> None:
        """Let what a message showed that its user deleted be found in the one sent anew."""
        self.people.note_moved(user_id, message_id, now_in)
        self.spotify.playlists.note_moved(user_id, message_id, now_in)

    def forget(self, user_id: int, now: datetime, but_for: int | None = None) -> None:
        """Delete every row about this user, and remember to leave them out of older copies.

        Args:
            user_id: Who.
            now: The time.
            but_for: The update that asks for it: it goes once it is answered.
        """
        with immediate(self.people.db):
            self.forgotten.note(user_id, now)
            self.music.forget(user_id)
            self.spotify.forget(user_id)
            self.schedules.forget(user_id)
            self.people.forget(user_id, but_for)


class Records:
    """Runs work on the stores, one piece at a time, off the event loop.

    Args:
        path: The database file, or None for one in memory.
        cipher: Encrypts what must not lie in the file in clear.
    """

    def __init__(self, path: Path | None, cipher: MultiFernet) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")
        self._stores = self._thread.submit(open_stores, path, cipher).result()
        self.is_full = False
        """Whether there was no room on the disk when something was to be stored last."""

    async def run(self, work: Callable[[Stores], T]) -> T:
        """Run `work` on the thread that owns the database and return what it returns.

        Raises:
            DiskFull: There is no room to store anything.
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
        if connection.total_changes > before:  # what only reads says nothing of the disk
            self.is_full = False
        return done

    async def once(self, what: str, work: Callable[[Stores], int]) -> int:
        """Run `work`, which does something that must not be done twice for one update.

        Args:
            what: A name for it.
            work: Returns the id of what it stored, which a later try of the same update gets too.
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

    def close(self) -> None:
        """Finish what is queued, then close the database."""
        self._thread.submit(self._stores.people.db.close).result()
        self._thread.shutdown()


def open_stores(path: Path | None, cipher: MultiFernet) -> Stores:
    """Open the stores in a database file, or in memory."""
    return stores_in(open_database(path), cipher)


def stores_in(db: Database, cipher: MultiFernet) -> Stores:
    """Return the stores in a database; what is older is brought up to date."""
    return Stores(
        People(db, cipher),
        Schedules(db),
        MusicStore(db),
        SpotifyAccounts(db, cipher),
        Forgotten(db, Seal(cipher)),
    )
