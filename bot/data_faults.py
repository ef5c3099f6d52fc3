"""Explains errors with our files in one line: which file, what is wrong, what to do."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.settings import NotReady
from recommender.storage.inspection import is_damage

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SQLITE_DENIED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_ELSEWHERE = "name another folder by DATA_DIR or --data-dir"
_PRIMARY = 0xFF
"""Masks SQLite's extended error codes down to the primary ones."""


@contextmanager
def explaining_errors(path: Path) -> Iterator[None]:
    """Turn any error with a file in the block into one that names the file and says what to do.

    Raises:
        NotReady: The file cannot be used.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise NotReady(explain(error, path)) from error


def explain(error: sqlite3.Error | OSError, path: Path) -> str:
    """Explain an error with a file in a sentence or two.

    Args:
        error: The error.
        path: The file that was used, unless the error names another.
    """
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, path)
    where = Path(error.filename) if isinstance(error.filename, str) else path
    if error.errno in _DENIED:
        return _denied(where)
    if error.errno in _FULL:
        return _full(where)
    if error.errno == errno.EIO:
        return _failing(where, os.strerror(errno.EIO))
    if error.errno in (errno.EBUSY, errno.ETXTBSY):
        return _busy(where, os.strerror(error.errno))
    if error.errno == errno.EISDIR:
        return f"{where} is a folder, but must be a file: move it away."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        file = next((p for p in (where, *where.parents) if p.exists() and not p.is_dir()), where)
        return f"{file} is a file, but must be a folder: move it away, or {_ELSEWHERE}."
    if error.errno == errno.ENOENT:
        return f"{where} is not there: check the path, and that its folder exists."
    what = error.strerror or str(error)
    return f"{where} cannot be used ({what}): move it away, or {_ELSEWHERE}."


def _of_sqlite(error: sqlite3.Error, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    if is_damage(error):
        return f"{path} is damaged ({error}): {remedy(path)}."
    if code == sqlite3.SQLITE_FULL:
        return _full(path)
    if code in _SQLITE_DENIED:
        return _denied(path)
    if code in _SQLITE_BUSY:
        return _busy(path, str(error))
    if code == sqlite3.SQLITE_IOERR:
        return _failing(path, str(error))
    return f"{path} cannot be used ({error}): {remedy(path)}."


def remedy(database: Path) -> str:
    """Return what to do about a damaged database."""
    if database.name.startswith("catalogue"):
        return "delete it, then run: mirrortape catalogue fetch"
    copies = database.parent / "backups"
    return f"put a copy back with: mirrortape restore FILE (there are some in {copies})"


def _denied(path: Path) -> str:
    return (
        f"{path} cannot be opened or written to: let the user who runs Mirrortape own it and its "
        "folder."
    )


def _busy(path: Path, why: str) -> str:
    return f"{path} is in use by another program ({why}): close that, then try again."


def _failing(path: Path, why: str) -> str:
    return f"{path} cannot be read or written ({why}): check its disk, and make room on it."


def _full(path: Path) -> str:
    return f"there is no room on the disk for {path}: make room, then try again."
