"""Who may read the files in DATA_DIR: their owner alone.

New files get the right mode from the moment they exist. Files of an earlier version are mended at
each start. Systems without POSIX modes are left alone.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

FILE_MODE = 0o600
"""What the owner may do with a file, and nobody else anything."""

FOLDER_MODE = 0o700
"""The same for a folder."""

_OTHERS = 0o077
_OURS = (
    "mirrortape.db*",
    "catalogue.db*",
    ".mirrortape.db*",
    "backups",
    "backups/*",
    "backups/.*",
)
_HAS_MODES = os.name == "posix"


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone; one that is there stays as it is."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file for its owner alone; one that is there stays as it is.

    SQLite gives its log and shared memory the mode of the database beside them.

    Raises:
        OSError: It cannot be made, or what is there is no regular file.
    """
    check_regular(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    except FileExistsError:
        check_regular(path)


def check_regular(path: Path) -> None:
    """Make sure that a path is free or leads to a regular file: opening a pipe waits for ever.

    Raises:
        OSError: It is something else, or nobody may look.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))


def exposed(folder: Path) -> list[tuple[Path, int]]:
    """Return what in DATA_DIR others may read or change, the folder too, each with its mode."""
    if not _HAS_MODES:
        return []
    return [(path, mode) for path, mode in _modes(folder) if mode & _OTHERS]


def mend(folder: Path) -> list[Path]:
    """Take all that is in DATA_DIR from others; return what stayed open to them.

    Raises:
        OSError: The folder is none, or cannot be made.
    """
    make_folder(folder)
    for path, mode in exposed(folder):
        try:
            path.chmod(mode & ~_OTHERS)
        except OSError:
            continue  # it belongs to somebody else
    return [path for path, _ in exposed(folder)]


def _modes(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the folder and what is ours in it, with modes; links lead elsewhere and are left."""
    for path in (folder, *(found for pattern in _OURS for found in sorted(folder.glob(pattern)))):
        try:
            mode = path.stat().st_mode if path == folder else path.lstat().st_mode
        except FileNotFoundError:  # SQLite puts its log away as it likes
            continue
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            yield path, stat.S_IMODE(mode)
