"""Processes that write user data through the stores, for tests that kill, race or copy them.

Each tells what it has committed as soon as the store has returned, so that whoever looks at the
file later knows what must be in it.
"""

import itertools
import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
from cryptography.fernet import Fernet, MultiFernet

from bot.storage.inbox_table import NewUpdate
from bot.storage.records import Stores, open_stores
from recommender.mood.targets import EMOTIONS
from recommender.recommend import recommend
from recommender.taste.taste import Taste
from tests.support.songs import random_tracks, table_of

KEY = Fernet.generate_key().decode()
CIPHER = MultiFernet([Fernet(KEY)])
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENLY = dict.fromkeys(EMOTIONS, 1 / 7)
TRACKS = 5
PLAYLIST = recommend(
    table_of(random_tracks(40)),
    probabilities=EVENLY,
    mode="lift",
    length=TRACKS,
    taste=Taste(),
    recent=(),
    rng=np.random.default_rng(0),
)

Committed = tuple[str, tuple[int, ...]]
"""A question that has an answer if something is in the database, and its values."""

HALF_WRITTEN = (
    "select * from playlists where ? <> (select count(*) from shown where playlist_id = id)"
)

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.support.database_writers"])


def use(stores: Stores, user_id: int, tell: Callable[[str, int, int], None]) -> None:
    """Do what a user with a selfie does, and tell of each commit."""
    stores.people.agree(user_id, NOW)
    tell("people where user_id = ? and consent_version >= ?", user_id, 1)
    stores.people.inbox.add([NewUpdate(user_id, user_id, "a selfie" * 50)], NOW)
    tell("inbox where update_id = ? and tries = ?", user_id, 0)
    reading_id = stores.music.add_reading(user_id, EVENLY, "haar", NOW)
    tell("readings where user_id = ? and id = ?", user_id, reading_id)
    playlist_id = stores.music.add_playlist(user_id, PLAYLIST, "lift", reading_id, "sad", NOW)
    tell("playlists where id = ? and reading_id = ?", playlist_id, reading_id)
    stores.music.vote(user_id, playlist_id, 0, True, NOW)
    tell("shown where playlist_id = ? and liked = ?", playlist_id, 1)
    stores.music.rate(user_id, playlist_id, 4, NOW)
    tell("playlists where id = ? and stars = ?", playlist_id, 4)
    stores.people.inbox.finish(user_id, NOW)
    tell("inbox where update_id = ? and handled_utc is not null and tries = ?", user_id, 0)


def missing(database: Path, committed: Sequence[Committed]) -> list[Committed]:
    """Return what is not in a database, of what was committed to it."""
    with closing(sqlite3.connect(database)) as db:
        return [each for each in committed if not db.execute(*each).fetchone()]


def faults(database: Path, tracks: int = TRACKS) -> list[object]:
    """Return what is wrong with a database, opened as it was left, whose playlists are so long."""
    with closing(sqlite3.connect(database)) as db:
        checks = ("pragma integrity_check", "pragma foreign_key_check")
        found = [row for check in checks for row in db.execute(check)]
        found += db.execute(HALF_WRITTEN, [tracks])
    return [row for row in found if row != ("ok",)]


class Writer:
    """A process that uses the stores for one user after another until it is killed."""

    def __init__(self, database: Path, first_user: int) -> None:
        self._ours, theirs = multiprocessing.Pipe(duplex=False)
        self._process: ForkServerProcess = processes.Process(
            target=_write_on, args=(database, KEY, first_user, theirs)
        )
        self._process.start()
        theirs.close()

    def told(self, at_least: int = 0) -> Iterator[Committed]:
        """Yield what it has committed and not told yet, after waiting for so much."""
        with suppress(EOFError):
            while at_least > 0 or self._ours.poll():
                at_least -= 1
                yield self._ours.recv()

    def kill(self) -> list[Committed]:
        """End it where it is, and return what it told last."""
        self._process.kill()
        self._process.join()
        last = list(self.told(at_least=1_000_000))
        self._ours.close()
        self._process.close()
        return last


@contextmanager
def writers(database: Path, count: int) -> Iterator[list[Writer]]:
    """Have so many write while the block runs; they are killed in the end."""
    running = [Writer(database, 1_000_000 * (1 + number)) for number in range(count)]
    try:
        yield running
    finally:
        for writer in running:
            writer.kill()


def _write_on(database: Path, key: str, first_user: int, told: Connection) -> None:
    stores = open_stores(database, MultiFernet([Fernet(key)]))
    for user_id in itertools.count(first_user):
        use(
            stores,
            user_id,
            lambda where, *values: told.send((f"select 1 from {where}", values)),  # noqa: S608
        )


def race(database: Path, count: int, times: int) -> list[str]:
    """Let so many processes read, then write, so often, and return what failed."""
    barrier = processes.Barrier(count, timeout=60)
    pipes = [multiprocessing.Pipe(duplex=False) for _ in range(count)]
    runners = [
        processes.Process(target=_run, args=(database, KEY, user_id, times, barrier, theirs))
        for user_id, (_, theirs) in enumerate(pipes, start=1)
    ]
    for runner, (_, theirs) in zip(runners, pipes, strict=True):
        runner.start()
        theirs.close()
    failed = [failure for ours, _ in pipes for failure in ours.recv()]
    for runner in runners:
        runner.join()
    return failed


def _run(
    database: Path, key: str, user_id: int, times: int, barrier: Barrier, told: Connection
) -> None:
    failed = []
    barrier.wait()
    stores = open_stores(database, MultiFernet([Fernet(key)]))
    stores.music.add_reading(user_id, EVENLY, "haar", NOW)
    for _ in range(times):
        try:
            reading = stores.music.last_reading(user_id)
            assert reading is not None
            saved = stores.music.add_playlist(user_id, PLAYLIST, "lift", reading.id, "sad", NOW)
            stores.music.vote(user_id, saved, 0, True, NOW)
        except sqlite3.Error as error:
            failed.append(str(error))
    told.send(failed)
