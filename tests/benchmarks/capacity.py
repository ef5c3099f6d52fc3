"""`python -m tests.benchmarks.capacity`: what a worker reads, a disk commits, a user stores.

Figures of docs/capacity.md. A listener sends the real bot a selfie a day, votes on three of the
tracks, gives stars, and asks for another playlist every other day. Those photos are not looked
at, and Telegram is a fake. It takes a minute or two. Run it where nothing else runs, and name a
folder on the disk where the data would lie.
"""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bot.playlists.learning import refit_prior
from bot.sandbox.page.samples import portrait_jpeg
from bot.storage.backups import back_up
from bot.storage.records import Stores, open_stores
from bot.updates.inbox import Inbox
from bot.worker.process import VisionWorker
from recommender.catalogue.catalogue import TrackTable
from recommender.mood.targets import EMOTIONS
from tests.support.database_writers import CIPHER, use
from tests.support.songs import random_tracks, table_of
from tests.support.telegram.chatting import AGREE, JPEG, NOW, Chat, a_reading, with_chat

TRACKS = 28_000
"""As many as `mirrortape catalogue fetch` brings."""

FIRST_UPDATE = 1_000_000

WRITES = ("insert", "update", "delete", "replace")
COMMITS_FOR_S = 5.0
PHOTOS_FOR_S = 10.0


@dataclass(slots=True)
class Year:
    """What was counted while days went by.

    Args:
        cpu_s: Seconds of processor time, by day.
        commits: Transactions that wrote, by day.
        updates: What the listener sent.
        requests: What the bot asked of Telegram.
    """

    cpu_s: list[float] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    updates: int = 0
    requests: int = 0


class Clock:
    """Tells a time that only goes on when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Listener:
    """Somebody who uses the bot every day.

    Args:
        chat: The bot.
        clock: Its time.
        user_id: Who.
    """

    def __init__(self, chat: Chat, clock: Clock, user_id: int) -> None:
        self._chat = chat
        self._clock = clock
        self._user_id = user_id
        self._inbox = Inbox(chat.application, chat.records, clock, chat.services.metrics)
        self.year = Year()

    async def live(self, days: int) -> None:
        """Agree, then send a selfie a day."""
        await self._inbox.open()
        await self._chat.press(AGREE, self._user_id)
        self._chat.telegram.calls.clear()
        await self._count_commits()
        for day in range(days):
            self.year.commits.append(0)
            before = time.process_time()
            await self._day(day)
            self.year.cpu_s.append(time.process_time() - before)
            self._clock.now += timedelta(days=1)
            self.year.requests += len(self._chat.telegram.calls)
            self._chat.telegram.calls.clear()

    async def _day(self, day: int) -> None:
        self._chat.worker.outcome = a_reading(EMOTIONS[day % len(EMOTIONS)])
        for words in ("", "/feedback 1 +", "/feedback 2 +", "/feedback 3 -", "/feedback 4"):
            await self._send(words)
        if day % 2:
            await self._send("/playlist")

    async def _send(self, words: str) -> None:
        """Send a text, or without one a selfie, and wait until it is handled."""
        chat, command = self._chat, words.partition(" ")[0]
        entity = {"type": "bot_command", "offset": 0, "length": len(command)}
        text = {"text": words, "entities": [entity]}
        message = chat.written(text if words else {"photo": [chat.file(JPEG)]}, self._user_id)
        self.year.updates += 1
        sent = {"update_id": FIRST_UPDATE + self.year.updates, "message": message}
        await self._inbox.receive([sent])
        while await chat.records.run(lambda stores: stores.people.inbox.waiting()):
            await asyncio.sleep(0.002)

    async def _count_commits(self) -> None:
        """From now on, count each transaction that writes to the day on which it does."""

        def count(stores: Stores) -> None:
            connection = stores.people.db.conn

            def note(statement: str) -> None:
                alone = not connection.in_transaction and statement.lower().startswith(WRITES)
                if alone or statement == "COMMIT":
                    self.year.commits[-1] += 1

            connection.set_trace_callback(note)

        await self._chat.records.run(count)


async def measure_year(folder: Path, days: int, table: TrackTable) -> None:
    """Let a year go by and say what it left."""
    database, clock = folder / "mirrortape.db", Clock()

    async def story(chat: Chat) -> None:
        empty = size_of(database)
        listener = Listener(chat, clock, user_id=1)
        await listener.live(days)
        grown = size_of(database) - empty
        year, month, largest = listener.year, min(30, days // 2), sizes(database)
        copy = folder / "copy.db"
        start = time.perf_counter()
        back_up(database, copy)
        copying_s = time.perf_counter() - start
        start = time.process_time()
        await refit_prior(chat.services)
        learning_s = time.process_time() - start
        print(f"{days} days of a listener: {year.updates} messages, {grown / 1e6:.2f} MB")
        for name, size in largest:
            print(f"    {name:16} {size / 1e3:9.0f} kB")
        print(f"requests to Telegram a day: {year.requests / days:.1f}")
        print(f"commits a day: {sum(year.commits) / days:.1f}")
        for name, part in (("first", year.cpu_s[:month]), ("last", year.cpu_s[-month:])):
            print(f"processor time of a day, {name} month: {1e3 * sum(part) / len(part):.0f} ms")
        print(f"learning from everybody: {1e3 * learning_s:.0f} ms for this listener")
        print(f"a copy: {copying_s:.2f} s for {copy.stat().st_size / 1e6:.1f} MB")

    await with_chat(story, database=database, clock=clock, table=table)


def size_of(database: Path) -> int:
    """Return the bytes of a database once its log is written into it."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    return database.stat().st_size


def sizes(database: Path) -> list[tuple[str, int]]:
    """Return about how many bytes the rows of the largest tables have, largest first."""
    found = []
    with closing(sqlite3.connect(database)) as db:
        tables = db.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (name,) in tables:
            rows = db.execute(f'select * from "{name}"').fetchall()  # noqa: S608
            found.append((name, sum(len(str(value)) for row in rows for value in row)))
    return sorted(found, key=lambda each: -each[1])[:5]


def measure_commits(folder: Path) -> None:
    """Say how many transactions a second the disk takes, one after the other."""
    stores = open_stores(folder / "commits.db", CIPHER)
    count, start = 0, time.perf_counter()
    for user_id in range(1, 1_000_000):
        use(stores, user_id, lambda *_: None)
        count += 7
        if time.perf_counter() - start > COMMITS_FOR_S:
            break
    print(f"commits: {count / (time.perf_counter() - start):.0f} a second")
    stores.people.db.close()


async def measure_photos() -> None:
    """Say how many portraits a second one worker reads and draws."""
    worker, portrait = VisionWorker(), portrait_jpeg()
    await worker.start()
    await worker.explain([portrait])  # what is loaded at first use is there now
    count, start = 0, time.perf_counter()
    while (took_s := time.perf_counter() - start) < PHOTOS_FOR_S:
        await worker.explain([portrait])
        count += 1
    print(f"one worker: {count / took_s:.1f} photos a second")
    worker.close()


def main() -> None:
    """Measure and print all of it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--folder", type=Path, default=Path(), help="on the disk to measure")
    arguments = parser.parse_args()
    table = table_of(random_tracks(TRACKS))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        asyncio.run(measure_photos())
        measure_commits(Path(folder))
        asyncio.run(measure_year(Path(folder), arguments.days, table))


if __name__ == "__main__":
    main()
