"""The lock on the database: who uses it, a running bot, a key rotation or a restore.

A running bot holds a shared lock on a file beside the database, and writes into it a hash of the
key that it encrypts with. The bot reads its keys only at start, so it could not read data that is
re-encrypted under a newer key. And if the database file were replaced, it would keep writing to
the old one.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bot.settings import NotReady, Settings
from bot.storage.keys import fingerprint
from recommender.storage.private_files import check_regular, make_file, make_folder


@contextmanager
def in_use(database: Path, settings: Settings) -> Iterator[None]:
    """Hold the bot's lock on the database during the block.

    Open the database inside the block: before, a restore may replace it.
    """
    with _notice(database) as notice:
        fcntl.flock(notice, fcntl.LOCK_SH)  # waits for a restore or rotation to finish
        notice.truncate(0)
        notice.write(fingerprint(settings))
        notice.flush()
        yield


@contextmanager
def rotating(database: Path, settings: Settings) -> Iterator[None]:
    """Make sure that no running bot loses access to what the block re-encrypts.

    Raises:
        NotReady: A running bot does not encrypt with the newest key.
    """
    with _notice(database) as notice:
        if not _is_alone(notice):
            notice.seek(0)
            if notice.read() != fingerprint(settings):
                raise NotReady(
                    "The running bot does not use the first key of SECRET_KEY yet: restart it, "
                    "then run this again."
                )
        yield


@contextmanager
def at_rest(database: Path) -> Iterator[None]:
    """Make sure that no bot uses the database during the block.

    Raises:
        NotReady: A bot runs, or another command changes the data.
    """
    with _notice(database) as notice:
        if not _is_alone(notice):
            raise NotReady("The bot is running: stop it, then run this again.")
        yield


def is_running(database: Path) -> bool:
    """Return whether a bot uses the database now; create no file.

    Raises:
        OSError: The lock file cannot be read.
    """
    check_regular(lock_file(database))
    try:
        with lock_file(database).open() as notice:
            return not _is_alone(notice)
    except FileNotFoundError:
        return False


def _notice(database: Path) -> IO[str]:
    make_folder(database.parent)
    make_file(lock_file(database))
    return lock_file(database).open("a+")


def lock_file(database: Path) -> Path:
    """Return the file that a running bot locks."""
    return database.with_name(f"{database.name}.running")


def _is_alone(notice: IO[str]) -> bool:
    """Take the exclusive lock unless somebody uses the database; return whether it worked."""
    try:
        fcntl.flock(notice, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
