"""Keeps the files in DATA_DIR readable by their owner only.

New files are created with the right mode. Files of earlier versions are repaired at each start.
Nothing is done on systems without POSIX modes.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

FILE_MODE = 0o600
"""Read and write for the owner, nothing for others."""

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
    """Create a folder only its owner can open; an existing one is not changed."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def make_file(path: Path) -> None:
    """Create an empty file only its owner can read; an existing one is not changed.

    SQLite creates its log and shared memory with the mode of the database.

    Raises:
        OSError: It cannot be created, or it exists and is not a regular file.
    """
    check_regular(path)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    except FileExistsError:
        check_regular(path)


def check_regular(path: Path) -> None:
    """Check that a path is free or a regular file: opening a pipe would block.

    Raises:
        OSError: It is something else, or cannot be read.
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
    """Return the paths in DATA_DIR, itself included, that others can access, with their modes."""
    if not _HAS_MODES:
        return []
    return [(path, mode) for path, mode in _modes(folder) if mode & _OTHERS]


def restrict_access(folder: Path) -> list[Path]:
    """Remove others' access to DATA_DIR; return the paths where that failed.

    Raises:
        OSError: The folder cannot be created, or is not a folder.
    """
    make_folder(folder)
    for path, mode in exposed(folder):
        try:
            path.chmod(mode & ~_OTHERS)
        except OSError:
            continue  # another user owns it
    return [path for path, _ in exposed(folder)]


def _modes(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the folder and our files in it, with their modes; skip symbolic links."""
    for path in (folder, *(found for pattern in _OURS for found in sorted(folder.glob(pattern)))):
        try:
            mode = path.stat().st_mode if path == folder else path.lstat().st_mode
        except FileNotFoundError:  # SQLite may delete its log at any time
            continue
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            yield path, stat.S_IMODE(mode)
