"""Turns labelled pictures into rows of 48×48 pixels with eye centres.

A small picture is a face already. In a larger one the face is detected as in serving. If none is
found, the whole picture is taken as the face, since every picture of a data set shows one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.data.datasets import Dataset
from vision.errors import DamagedPhoto, VisionError
from vision.face.crops import ROW_EYES, ROW_SIZE, Eyes, align
from vision.face.eyes import EyeFinder, estimate_eyes
from vision.face.faces import Face, FaceFinder
from vision.face.restoring import restored
from vision.photo.formats import MAX_BYTES
from vision.photo.gate import open_photo
from vision.pool import map_parts, processors
from vision.reader import brighten

SMALLEST_PHOTO: Final = 100
"""Pixels; a picture with a shorter side is a face already."""

_PART: Final = 64  # pictures per task
_WORTH_A_POOL: Final = 200  # pictures; fewer are finished before other processes have started

Gray = NDArray[np.uint8]
Picture = NDArray[np.uint8] | Path


@dataclass(frozen=True, slots=True)
class Row:
    """One face as it is: uint8 (48, 48), its eye centres, and whether cascades found them."""

    pixels: Gray
    eyes: Eyes
    is_found: bool


class RowFinder:
    """Cuts the row from a picture; loads its cascades once."""

    def __init__(self) -> None:
        self._faces, self._eyes = FaceFinder(), EyeFinder()

    def find(self, picture: Picture) -> Row:
        """Return the row of a picture, uint8 (H, W) or (H, W, 3) RGB, or of a file.

        Raises:
            UnreadablePhoto: The file is not a photo that we can open.
        """
        pixels = _open(picture) if isinstance(picture, Path) else picture
        gray = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        gray = np.asarray(gray, dtype=np.uint8)
        if min(gray.shape) < SMALLEST_PHOTO:
            row = resized(gray)
            found = self._eyes.find_in_row(restored(row))
            return Row(row, found or ROW_EYES, found is not None)
        bright = brighten(gray)
        faces = self._faces.find(bright)
        face = faces[0] if faces else _whole(gray)
        found = self._eyes.find(bright, face)
        row, _ = align(gray, found or estimate_eyes(face))
        return Row(row, ROW_EYES, found is not None)


def find_rows(
    dataset: Dataset,
    on_pictures: Callable[[int], None] = lambda count: None,
    workers: int | None = None,
) -> list[Row | VisionError]:
    """Return the row of every picture, or why it cannot be opened.

    Args:
        dataset: The pictures.
        on_pictures: Called with the number of finished pictures.
        workers: The number of processes; by default one per processor if that pays off.
    """
    count = len(dataset)
    if workers is None:
        workers = processors() if count >= _WORTH_A_POOL else 1
    parts = [list(dataset.pictures[start : start + _PART]) for start in range(0, count, _PART)]
    rows: list[Row | VisionError] = []
    for found in map_parts(_rows_of, parts, workers):
        rows += found
        on_pictures(len(rows))
    return rows


def resized(gray: Gray) -> Gray:
    """Resize a face, uint8 (H, W), to a row."""
    if gray.shape == (ROW_SIZE, ROW_SIZE):
        return gray
    shrinks = min(gray.shape) >= ROW_SIZE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(gray, (ROW_SIZE, ROW_SIZE), interpolation=how), dtype=np.uint8)


def _rows_of(pictures: Sequence[Picture]) -> list[Row | VisionError]:
    finder = RowFinder()
    rows: list[Row | VisionError] = []
    for picture in pictures:
        try:
            rows.append(finder.find(picture))
        except VisionError as error:
            rows.append(error)
    return rows


def _open(path: Path) -> NDArray[np.uint8]:
    try:
        with path.open("rb") as file:
            return open_photo(file.read(MAX_BYTES + 1), of_data_set=True).pixels
    except OSError as error:
        raise DamagedPhoto(f"{path}: {error.strerror}") from error


def _whole(gray: Gray) -> Face:
    """Treat a picture as a face that fills it."""
    height, width = gray.shape
    return Face(((width - 1) / 2, (height - 1) / 2), min(width, height), turn_deg=0.0, votes=0)
