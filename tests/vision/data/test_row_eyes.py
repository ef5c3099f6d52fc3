"""Eyes of rows: sought once, kept for these very rows, and gone on with after an interruption."""

from pathlib import Path

import numpy as np
import pytest

from vision.data import row_eyes
from vision.data.row_eyes import find_eyes


class FakeFinder:
    """Finds eyes in bright rows, and counts how often it is asked."""

    asked = 0

    def find_in_row(self, row: np.ndarray) -> tuple | None:
        FakeFinder.asked += 1
        value = float(row[0, 0])
        return ((value, 18.0), (33.0, 18.0)) if value > 100 else None


@pytest.fixture(autouse=True)
def fake_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeFinder.asked = 0
    monkeypatch.setattr(row_eyes, "EyeFinder", FakeFinder)
    monkeypatch.setattr(row_eyes, "_CHUNK", 4)


def rows(count: int, first: int = 98) -> np.ndarray:
    values = np.arange(first, first + count, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None], (count, 48, 48)).copy()


def test_found_eyes_keep_the_rows_order(tmp_path: Path) -> None:
    done: list[int] = []
    found = find_eyes(rows(10), tmp_path / "eyes.npz", done.append, workers=1)
    assert found.shape == (10, 2, 2)
    assert np.isnan(found[:3]).all()
    assert np.array_equal(found[3:, 0, 0], np.arange(101, 108))
    assert done == [0, 4, 8, 10]


def test_rows_are_sought_once(tmp_path: Path) -> None:
    cache = tmp_path / "eyes.npz"
    first = find_eyes(rows(10), cache, workers=1)
    assert np.array_equal(find_eyes(rows(10), cache, workers=1), first, equal_nan=True)
    assert FakeFinder.asked == 10
    find_eyes(rows(10, first=99), cache, workers=1)  # other rows
    assert FakeFinder.asked == 20


def test_an_interrupted_search_goes_on(tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    cache = tmp_path / "eyes.npz"
    with pytest.raises(KeyboardInterrupt):
        find_eyes(rows(10), cache, interrupt, workers=1)
    assert len(find_eyes(rows(10), cache, workers=1)) == 10
    assert FakeFinder.asked == 10
