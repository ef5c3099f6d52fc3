"""Blur and noise are recognised and taken away, and a good row is left alone."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from vision.data.rows import RowFinder
from vision.evaluation.corruptions import blurred
from vision.face.restoration import (
    _USUAL,
    Degradation,
    _log_spectrum,
    deblur,
    estimate_degradation,
    restore,
)

DATA = Path(os.environ.get("MIRRORTAPE_DATA", "../shared/data"))


@pytest.fixture(scope="module")
def row() -> np.ndarray:
    """The row of the astronaut's face."""
    return RowFinder().find(np.asarray(skimage.data.astronaut())).pixels


def noisy(row: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, strength, row.shape)
    return np.clip(np.rint(row + noise), 0, 255).astype(np.uint8)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the root mean square difference inside the border, in grey levels."""
    inner = (first.astype(float) - second)[4:-4, 4:-4]
    return float(np.sqrt((inner**2).mean()))


def test_a_good_row_is_left_as_it_is(row: np.ndarray) -> None:
    degradation = estimate_degradation(row)
    assert degradation.blur_px < 0.7
    assert degradation.noise < 10
    assert (restore(row) == row).all()


@pytest.mark.parametrize("blur_px", [1.0, 1.5, 2.0, 2.5])
def test_blur_is_measured_and_mostly_undone(row: np.ndarray, blur_px: float) -> None:
    worn = blurred(row, blur_px)
    assert estimate_degradation(worn).blur_px == pytest.approx(blur_px, abs=0.4)
    assert distance(restore(worn), row) < 0.75 * distance(worn, row)


@pytest.mark.parametrize("strength", [12.0, 16.0, 24.0, 32.0])
def test_noise_is_measured_and_mostly_taken_away(row: np.ndarray, strength: float) -> None:
    worn = noisy(row, strength)
    assert estimate_degradation(worn).noise == pytest.approx(strength, rel=0.3)
    assert distance(restore(worn), row) < 0.75 * distance(worn, row)


def test_contrast_and_brightness_are_no_wear(row: np.ndarray) -> None:
    faint = np.clip(np.rint(40 + 0.4 * (row - row.mean())), 0, 255).astype(np.uint8)
    assert estimate_degradation(faint).blur_px == pytest.approx(
        estimate_degradation(row).blur_px, abs=0.3
    )
    assert (restore(faint) == faint).all()


@pytest.mark.parametrize("gray", [0, 127, 255])
def test_a_row_without_structure_stays_plain(gray: int) -> None:
    plain = np.full((48, 48), gray, np.uint8)
    assert np.ptp(restore(plain)) == 0
    assert np.ptp(deblur(plain, 2.0)) == 0


def test_what_is_known_is_not_measured_again(row: np.ndarray) -> None:
    worn = blurred(row, 2.0)
    assert (restore(worn, Degradation(0.0, 0.0)) == worn).all()
    assert (restore(worn, estimate_degradation(worn)) == restore(worn)).all()


def test_a_turned_face_is_as_sharp_as_before(row: np.ndarray) -> None:
    upside_down = np.ascontiguousarray(cv2.rotate(row, cv2.ROTATE_180))
    assert estimate_degradation(upside_down) == estimate_degradation(row)


@pytest.mark.data
@pytest.mark.skipif(not (DATA / "fer2013_trainval.npz").is_file(), reason=f"no FER-2013 in {DATA}")
def test_the_usual_spectrum_is_that_of_the_training_rows() -> None:
    with np.load(DATA / "fer2013_trainval.npz", allow_pickle=False) as data:
        rows = data["images"][data["usage"] == 0][::14]  # 2,051 rows
    medians = np.median([_log_spectrum(row) for row in rows], axis=0)
    assert np.abs(medians - _USUAL).max() < 0.1
    estimates = [estimate_degradation(row) for row in rows]
    assert np.mean([estimate.noise > 10 for estimate in estimates]) < 0.08
    assert np.mean([estimate.blur_px > 0.7 for estimate in estimates]) < 0.05
