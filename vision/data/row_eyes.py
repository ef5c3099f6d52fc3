"""Find the eyes in a data set's rows, and cache them: the search is far slower than the crop.

`EyeFinder.find_in_row` does the search, as in evaluation.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.data.atomic_files import write_npz
from vision.face.eyes import EyeFinder
from vision.pool import map_chunks, processors

_CHUNK: Final = 256  # rows per task, and per write of the cache

Rows = NDArray[np.uint8]
Centres = NDArray[np.float64]


def find_eyes(
    images: Rows,
    cache: Path,
    on_rows: Callable[[int], None] = lambda count: None,
    workers: int | None = None,
) -> Centres:
    """Return the eye centres of rows, NaN where no eyes are found.

    Args:
        images: uint8 (N, 48, 48).
        cache: An `.npz` with the results for exactly these images. An interrupted search
            continues from it. Delete it after a change to `vision.face.eyes`.
        on_rows: Called with the number of rows done so far.
        workers: Number of processes; by default one per CPU.

    Returns:
        float64 (N, 2, 2), x and y in pixels of the row, the eye on the left first.
    """
    key = hashlib.sha256(images.tobytes()).hexdigest()
    found = _cached(cache, key)
    on_rows(len(found))
    chunks = [images[start : start + _CHUNK] for start in range(len(found), len(images), _CHUNK)]
    for centres in map_chunks(_find, chunks, workers or processors()):
        found = np.concatenate([found, centres])
        write_npz(cache, {"key": np.array(key), "eyes": found})
        on_rows(len(found))
    return found


def _find(images: Rows) -> Centres:
    finder = EyeFinder()
    missing = ((np.nan, np.nan), (np.nan, np.nan))
    return np.array([finder.find_in_row(row) or missing for row in images])


def _cached(cache: Path, key: str) -> Centres:
    if cache.is_file():
        with np.load(cache, allow_pickle=False) as kept:
            if str(kept["key"]) == key:
                return np.asarray(kept["eyes"])
    return np.empty((0, 2, 2))
