"""The keys that encrypt the user data, and which of them the running bot encrypts with.

A bot reads its keys at start. Were everything re-encrypted under a key that it does not know yet,
it could read nothing more, so it says beside the database which key it uses, as a hash, and holds
a lock on that file for as long as it runs.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from bot.settings import NotReady, Settings

_HOW_TO_MAKE_ONE = (
    "Make one with: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())' and put it in .env."
)


def cipher(settings: Settings) -> MultiFernet:
    """Return what encrypts the user data; the first of the keys encrypts, all decrypt.

    Raises:
        NotReady: `SECRET_KEY` is missing, or one of its keys is none.
    """
    keys = _keys(settings)
    if not keys:
        raise NotReady(f"SECRET_KEY must hold a key, but is empty. {_HOW_TO_MAKE_ONE}")
    fernets = []
    for number, key in enumerate(keys, start=1):
        try:
            fernets.append(Fernet(key))
        except ValueError as error:
            which = "What SECRET_KEY holds" if len(keys) == 1 else f"Key {number} of SECRET_KEY"
            raise NotReady(f"{which} is no key, or not all of one. {_HOW_TO_MAKE_ONE}") from error
    return MultiFernet(fernets)


@contextmanager
def in_use(database: Path, settings: Settings) -> Iterator[None]:
    """Say, while the block runs, that a bot uses this database, and with which key."""
    with _notice(database).open("a+") as notice:
        fcntl.flock(notice, fcntl.LOCK_SH)  # waits while a rotation goes on that thinks us stopped
        notice.truncate(0)
        notice.write(_fingerprint(settings))
        notice.flush()
        yield


@contextmanager
def rotating(database: Path, settings: Settings) -> Iterator[None]:
    """Make sure that no running bot loses what is re-encrypted in the block.

    Raises:
        NotReady: A bot runs that does not encrypt with the newest key.
    """
    with _notice(database).open("a+") as notice:
        try:
            fcntl.flock(notice, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # a bot runs
            notice.seek(0)
            if notice.read() != _fingerprint(settings):
                raise NotReady(
                    "The running bot does not use the first key of SECRET_KEY yet: restart it, "
                    "then run this again."
                ) from None
        yield


def _keys(settings: Settings) -> list[str]:
    parts = settings.secret_key.get_secret_value().split(",")
    return [key for part in parts if (key := part.strip())]


def _notice(database: Path) -> Path:
    return database.with_name(f"{database.name}.running")


def _fingerprint(settings: Settings) -> str:
    return hashlib.sha256(_keys(settings)[0].encode()).hexdigest()
