"""What is done to rows before they are read: properties of every change."""

from itertools import groupby

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.evaluation.corruptions import CORRUPTIONS, LEVELS, Corruption, Kind, corrupted
from vision.face.crops import ROW_EYES

LADDERS = [
    list(ladder)
    for _, ladder in groupby(
        (c for c in CORRUPTIONS if c.level), lambda c: (c.kind, (c.strength or 0) > 0)
    )
]

seeds = st.integers(0, 2**32 - 1)


def a_row(seed: int, sigma: float = 1.5) -> np.ndarray:
    """Return a row as smooth as a face, with all greys."""
    noise = np.random.default_rng(seed).normal(size=(48, 48))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def changed(row: np.ndarray, corruption: Corruption, seed: int = 0) -> np.ndarray:
    return corrupted(row, ROW_EYES, corruption, np.random.default_rng(seed))


def distance(row: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(row.astype(float) - other).mean())


@settings(max_examples=60)
@given(seeds, st.sampled_from(CORRUPTIONS))
def test_a_change_gives_a_row_and_leaves_the_given_one_alone(
    seed: int, corruption: Corruption
) -> None:
    row = a_row(seed)
    before = row.copy()
    after = changed(row, corruption, seed)
    assert (after.dtype, after.shape) == (np.uint8, (48, 48))
    assert (row == before).all()
    assert (after != row).any()
    assert (after == changed(row, corruption, seed)).all()


@settings(max_examples=30)
@given(seeds)
@pytest.mark.parametrize(
    ("kind", "strength"),
    [
        *(("brightness", 0), ("contrast", 1), ("blur", 0), ("noise", 0)),
        *(("turn", 0), ("resolution", 48)),
    ],
)
def test_no_strength_is_no_change(kind: Kind, strength: float, seed: int) -> None:
    row = a_row(seed)
    assert (changed(row, Corruption(kind, strength), seed) == row).all()


@settings(max_examples=30)
@given(seeds)
def test_a_stronger_change_moves_a_row_farther(seed: int) -> None:
    row = a_row(seed)
    for ladder in LADDERS:
        assert tuple(corruption.level for corruption in ladder) == LEVELS
        if ladder[0].kind == "turn":
            continue  # even a small turn makes another picture of a random texture
        far = [distance(row, changed(row, corruption, seed)) for corruption in ladder]
        assert far == sorted(far), ladder


@given(seeds, st.integers(-255, 255))
def test_brightness_adds_grey_levels_and_stays_in_range(seed: int, levels: int) -> None:
    row = a_row(seed)
    expected = np.clip(row.astype(int) + levels, 0, 255)
    assert (changed(row, Corruption("brightness", levels)) == expected).all()


@given(seeds, st.floats(0.05, 1))
def test_contrast_keeps_the_mean_and_shrinks_the_spread(seed: int, factor: float) -> None:
    row = a_row(seed)
    after = changed(row, Corruption("contrast", factor))
    assert after.mean() == pytest.approx(row.mean(), abs=0.5)
    assert after.std() == pytest.approx(factor * row.std(), abs=0.5)


@pytest.mark.parametrize("sigma", [8, 16, 32])
def test_noise_is_as_wide_as_it_says(sigma: float) -> None:
    gray = np.full((48, 48), 128, np.uint8)
    assert changed(gray, Corruption("noise", sigma)).std() == pytest.approx(sigma, rel=0.06)


@pytest.mark.parametrize("sigma", [1, 2, 3])
def test_blur_is_as_wide_as_it_says(sigma: float) -> None:
    point = np.zeros((48, 48), np.uint8)
    point[24, 24] = 255
    point[:] = cv2.GaussianBlur(point, (0, 0), 0.8) * 3  # wide enough for whole grey levels
    after = changed(point, Corruption("blur", sigma)).astype(float)

    def spread(picture: np.ndarray) -> float:
        x = np.arange(48) - 24.0
        return float((picture.sum(axis=0) * x**2).sum() / picture.sum())

    grown = spread(after) - spread(point.astype(float))
    assert grown == pytest.approx(sigma**2, rel=0.3)


def test_a_turn_is_to_the_right_about_the_middle() -> None:
    row = np.zeros((48, 48), np.uint8)
    row[22:26, 38:42] = 255  # right of the middle: a quarter turn brings it below
    below = changed(row, Corruption("turn", 90))
    assert below[38:42, 22:26].min() > 200
    assert below.sum() == pytest.approx(row.sum(), rel=0.02)


def test_names_tell_all_changes_apart() -> None:
    names = [corruption.name for corruption in CORRUPTIONS]
    assert len(set(names)) == len(CORRUPTIONS) == 29
    assert names[0] == "brightness −25"
    assert names[-1] == "sunglasses"
