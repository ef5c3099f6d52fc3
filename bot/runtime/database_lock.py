"""Who uses the database: a running bot, a rotation of keys, or a restored copy.

A bot holds a lock on a file beside the database for as long as it runs, and writes there, as a
hash, which key it encrypts with. It reads its keys at start: were everything re-encrypted under a
key that it does not know yet, it could read nothing more. And were the file replaced under it, it
would go on writing to the one that is gone.
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
    """Say, while the block runs, that a bot uses this database, and with which key.

    The database is opened in the block, not before: until then a copy may take its place.
    """
    with _notice(database) as notice:
        fcntl.flock(notice, fcntl.LOCK_SH)  # waits while something goes on that thinks us stopped
        notice.truncate(0)
        notice.write(fingerprint(settings))
        notice.flush()
        yield


@contextmanager
def rotating(database: Path, settings: Settings) -> Iterator[None]:
    """Make sure that no running bot loses what is re-encrypted in the block.

    Raises:
        NotReady: A bot runs that does not encrypt with the newest key.
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
    """Make sure that no bot uses the database, nor begins to, while the block runs.

    Raises:
        NotReady: A bot runs, or another command changes the data.
    """
    with _notice(database) as notice:
        if not _is_alone(notice):
            raise NotReady("The bot is running: stop it, then run this again.")
        yield


def is_running(database: Path) -> bool:
    """Return whether a bot uses the database now; makes no file.

    Raises:
        OSError: The file that would tell cannot be read.
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
    """Return the file that a running bot holds a lock on."""
    return database.with_name(f"{database.name}.running")


def _is_alone(notice: IO[str]) -> bool:
    """Lock the file for us alone, unless somebody uses the database; return whether it worked."""
    try:
        fcntl.flock(notice, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
