"""Finds the eyes in a data set's rows once and caches them, because detection is slow.

Uses `EyeFinder.find_in_row`, as reading a row does.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.data.atomic import write_npz
from vision.face.eyes import EyeFinder
from vision.pool import map_parts, processors

_PART: Final = 256  # rows per task, and between two writes of the cache

Rows = NDArray[np.uint8]
Centres = NDArray[np.float64]


def seek_eyes(
    images: Rows,
    cache: Path,
    on_rows: Callable[[int], None] = lambda count: None,
    workers: int | None = None,
) -> Centres:
    """Return the eye centres of rows, or NaN where none are found.

    Args:
        images: uint8 (N, 48, 48).
        cache: An `.npz` that caches the result for these images, also a partial one. Delete it
            when `vision.face.eyes` has changed.
        on_rows: Called with the number of finished rows.
        workers: The number of processes; one per processor by default.

    Returns:
        float64 (N, 2, 2), x and y in pixels of the row, the eye on the left first.
    """
    key = hashlib.sha256(images.tobytes()).hexdigest()
    found = _cached(cache, key)
    on_rows(len(found))
    parts = [images[start : start + _PART] for start in range(len(found), len(images), _PART)]
    for centres in map_parts(_find, parts, workers or processors()):
        found = np.concatenate([found, centres])
        write_npz(cache, {"key": np.array(key), "eyes": found})
        on_rows(len(found))
    return found


def _find(images: Rows) -> Centres:
    finder = EyeFinder()
    nowhere = ((np.nan, np.nan), (np.nan, np.nan))
    return np.array([finder.find_in_row(row) or nowhere for row in images])


def _cached(cache: Path, key: str) -> Centres:
    if cache.is_file():
        with np.load(cache, allow_pickle=False) as kept:
            if str(kept["key"]) == key:
                return np.asarray(kept["eyes"])
    return np.empty((0, 2, 2))
