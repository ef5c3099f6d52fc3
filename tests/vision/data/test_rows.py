"""Any picture becomes a row: cut-out faces of any size, photos, photos without a face."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vision.data.datasets import Dataset
from vision.data.rows import Row, RowFinder, find_rows, resized
from vision.errors import DamagedPhoto, VisionError
from vision.face.crops import ROW_EYES


@pytest.fixture(scope="module")
def finder() -> RowFinder:
    return RowFinder()


@pytest.fixture(scope="module")
def row(finder: RowFinder) -> Row:
    """The row of the astronaut's face."""
    return finder.find(np.asarray(skimage.data.astronaut()))


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)


def test_the_face_of_a_photo_is_found_and_aligned(row: Row) -> None:
    assert row.pixels.shape == (48, 48)
    assert row.is_found
    assert row.eyes == ROW_EYES


def test_a_row_stays_as_it_is(finder: RowFinder, row: Row) -> None:
    again = finder.find(row.pixels)
    assert (again.pixels == row.pixels).all()
    assert again.is_found
    assert np.abs(np.array(again.eyes) - ROW_EYES).max() < 3


def test_a_cut_out_face_of_another_size_is_brought_to_a_rows(finder: RowFinder, row: Row) -> None:
    large = cv2.resize(row.pixels, (96, 96), interpolation=cv2.INTER_CUBIC)
    back = finder.find(np.asarray(large))
    difference = np.abs(back.pixels.astype(int) - row.pixels.astype(int))
    assert difference.mean() < 6


def test_without_eyes_a_face_has_them_at_their_usual_place(finder: RowFinder) -> None:
    found = finder.find(np.full((48, 48), 90, np.uint8))
    assert not found.is_found
    assert found.eyes == ROW_EYES


def test_a_photo_without_a_face_is_taken_whole(finder: RowFinder) -> None:
    gray = noise(160, 120)
    found = finder.find(gray)
    assert not found.is_found
    assert found.pixels.shape == (48, 48)
    # The box is the square in the middle, so its middle is the picture's.
    middle = found.pixels[22:26, 22:26].mean()
    assert middle == pytest.approx(gray[70:90, 50:70].mean(), abs=25)


@settings(max_examples=40)
@given(st.integers(1, 99), st.integers(1, 300))
def test_a_cut_out_face_may_have_any_shape(height: int, width: int) -> None:
    assert resized(noise(height, width)).shape == (48, 48)


def test_files_that_cannot_be_opened_are_told_apart(tmp_path: Path, row: Row) -> None:
    files = tuple(tmp_path / name for name in ("a.png", "b.png", "gone.png"))
    out = io.BytesIO()
    Image.fromarray(row.pixels).save(out, "PNG")
    files[0].write_bytes(out.getvalue())
    files[1].write_bytes(out.getvalue()[:60])
    dataset = Dataset(("a", "b", "c"), files, np.zeros(3, np.int64), "ferplus")
    done: list[int] = []
    good, cut_short, gone = find_rows(dataset, done.append)
    assert isinstance(good, Row)
    assert (good.pixels == row.pixels).all()
    assert isinstance(cut_short, VisionError)
    assert isinstance(gone, DamagedPhoto)
    assert done == [3]


def test_processes_find_what_one_finds(row: Row) -> None:
    pictures = np.stack([row.pixels] * 65 + [row.pixels[:, ::-1]])
    dataset = Dataset(tuple(map(str, range(66))), pictures, np.zeros(66, np.int64), "fer")
    alone, together = (find_rows(dataset, workers=workers) for workers in (1, 2))
    for one, other in zip(alone, together, strict=True):
        assert isinstance(one, Row)
        assert isinstance(other, Row)
        assert (one.pixels == other.pixels).all()
        assert one.eyes == other.eyes
