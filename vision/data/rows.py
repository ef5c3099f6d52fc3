"""Turn labelled pictures into rows: 48×48 faces with eye centres, from which views are cut.

A small picture is taken as a face. In a larger one the face is found as in serving. If none is
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
from vision.face.restoration import restore
from vision.photo.decoding import open_photo
from vision.photo.formats import MAX_BYTES
from vision.pool import map_chunks, processors
from vision.reader import brighten

SMALLEST_PHOTO: Final = 100
"""Pixels; a picture with a shorter side is taken as a cropped face."""

_CHUNK: Final = 64  # pictures per task
_MIN_FOR_POOL: Final = 200  # pictures; fewer are done before worker processes would start

Gray = NDArray[np.uint8]
Picture = NDArray[np.uint8] | Path


@dataclass(frozen=True, slots=True)
class Row:
    """A face before restoration, uint8 (48, 48), its eye centres, and whether they were found."""

    pixels: Gray
    eyes: Eyes
    is_found: bool


class RowFinder:
    """Finds the face in a picture and crops it to a row; loads its cascades once."""

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
            found = self._eyes.find_in_row(restore(row))
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
    """Return the row of every picture, or the error that opening it raised.

    Args:
        dataset: The pictures.
        on_pictures: Called with the number of pictures done so far.
        workers: Number of processes; by default one per CPU, or one for a small data set.
    """
    count = len(dataset)
    if workers is None:
        workers = processors() if count >= _MIN_FOR_POOL else 1
    chunks = [list(dataset.pictures[start : start + _CHUNK]) for start in range(0, count, _CHUNK)]
    rows: list[Row | VisionError] = []
    for found in map_chunks(_rows_of, chunks, workers):
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
    """Return a face that fills the picture."""
    height, width = gray.shape
    return Face(((width - 1) / 2, (height - 1) / 2), min(width, height), turn_deg=0.0, votes=0)
