"""Writes files atomically: to a temporary file, which is then renamed."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Call `write` with a temporary file, and rename it to `path` once it is on the disk."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as an uncompressed `.npz`, atomically."""
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
