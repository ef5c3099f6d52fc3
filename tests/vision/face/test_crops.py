"""Crops: one geometry for rows of FER-2013 and for photos of any size and turn."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.face.crops import (
    EYES_SIZE,
    FACE_SIZE,
    ROW_EYES,
    ROW_SIZE,
    align,
    apply,
    chain,
    cut_views,
    inverse,
    sample,
    similarity,
    views_of_photo,
)

coordinates = st.floats(-500, 2000)
points = st.tuples(coordinates, coordinates)
pairs = st.tuples(points, points).filter(lambda p: np.hypot(*np.subtract(*p)) > 5)


def smooth_row(seed: int = 1) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(30, 225, (8, 8), np.uint8)
    return cv2.resize(coarse, (ROW_SIZE, ROW_SIZE), interpolation=cv2.INTER_CUBIC)


@given(pairs, pairs)
def test_a_similarity_takes_one_pair_to_the_other(source: tuple, target: tuple) -> None:
    mapped = apply(similarity(source, target), np.array(source))
    assert np.allclose(mapped, target, atol=1e-6)


@given(pairs, pairs)
def test_the_inverse_undoes_a_map(source: tuple, target: tuple) -> None:
    there = similarity(source, target)
    if abs(np.linalg.det(there[:, :2])) < 1e-4:
        return
    there_and_back = chain(there, inverse(there))
    assert np.allclose(there_and_back, [[1, 0, 0], [0, 1, 0]], atol=1e-5)


def test_views_have_the_sizes_of_the_network() -> None:
    views = cut_views(smooth_row())
    assert views.face.shape == (FACE_SIZE, FACE_SIZE)
    assert views.eyes.shape == EYES_SIZE[::-1]
    assert views.face.dtype == views.eyes.dtype == np.uint8


def test_enlarging_keeps_the_centre() -> None:
    centre = apply(cut_views(smooth_row()).face_map, np.array([[23.5, 23.5]]))
    assert centre == pytest.approx(np.array([[47.5, 47.5]]))


def test_the_strip_is_level_around_the_eyes() -> None:
    tilted = ((14.0, 16.0), (32.0, 21.0))
    views = cut_views(smooth_row(), tilted)
    left, right = apply(views.eyes_map, np.array(tilted))
    assert left[1] == pytest.approx(right[1], abs=0.5)
    assert right[0] - left[0] == pytest.approx(EYES_SIZE[0] / 2.3)
    middle = (left + right) / 2
    assert middle[0] == pytest.approx(47.5, abs=2)  # half a row's pixel to the right of the middle
    assert middle[1] == pytest.approx(23.5 + 0.08 * EYES_SIZE[0] / 2.3, abs=1)


@pytest.mark.parametrize("turn_deg", [0, 25, -70])
@pytest.mark.parametrize("size", [1.5, 4.0, 11.3])
def test_a_photo_of_a_row_gives_the_row_back(turn_deg: float, size: float) -> None:
    row = smooth_row()
    turn = size * np.exp(1j * np.deg2rad(turn_deg))
    eyes = tuple(
        (z.real, z.imag) for p in ROW_EYES for z in [turn * (complex(*p) - 24 - 24j) + 350 + 350j]
    )
    to_photo = similarity(ROW_EYES, eyes)
    photo = cv2.warpAffine(
        row, to_photo, (700, 700), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    back, to_row = align(photo, eyes)
    assert np.allclose(apply(to_row, np.array(eyes)), ROW_EYES)
    assert np.abs(back.astype(int) - row)[2:-2, 2:-2].mean() < 3
    seen, expected = views_of_photo(back, to_row), cut_views(row)
    assert np.abs(seen.face.astype(int) - expected.face)[6:-6, 6:-6].mean() < 3
    assert np.abs(seen.eyes.astype(int) - expected.eyes).mean() < 3
    back_to_photo = apply(inverse(seen.face_map), apply(seen.face_map, np.array(eyes)))
    assert np.allclose(back_to_photo, eyes)


def test_reducing_averages_instead_of_skipping() -> None:
    stripes = np.zeros((700, 700), np.uint8)
    stripes[:, ::2] = 255  # finer than a row can show
    row, _ = align(stripes, ((220.0, 250.0), (402.0, 250.0)))
    assert row.std() < 4
    assert row.mean() == pytest.approx(127.5, abs=3)


@given(st.floats(0.05, 3), st.integers(0, 255))
def test_sampling_a_plain_picture_gives_its_colour(scale: float, gray: int) -> None:
    picture = np.full((50, 70), gray, np.uint8)
    affine = np.array([[scale, 0.0, -3.0], [0.0, scale, 2.0]])
    assert (sample(picture, affine, (24, 16)) == gray).all()


@pytest.mark.parametrize("size", [3.0, 11.3, 40.0])
def test_each_pixel_is_the_mean_of_the_patch_that_it_covers(size: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (700, 700), np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), size)
    picture = np.asarray(cv2.normalize(picture, picture.copy(), 0, 255, cv2.NORM_MINMAX), np.uint8)
    turn = np.exp(1j * np.deg2rad(20)) / size
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    to_tile = np.column_stack([linear, [5.5, 5.5] - linear @ [349.5, 349.5]])
    looks = int(2 * size)  # per pixel and direction
    side = (np.arange(12 * looks) + 0.5) / looks - 0.5
    x, y = apply(inverse(to_tile), np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)).T
    seen = picture[np.rint(y).astype(int).clip(0, 699), np.rint(x).astype(int).clip(0, 699)]
    means = seen.reshape(12, looks, 12, looks).mean(axis=(1, 3))
    difference = sample(picture, to_tile, (12, 12)) - means
    assert np.abs(difference).mean() < 0.05 * means.std() + 0.5
    assert abs(difference.mean()) < 0.3
