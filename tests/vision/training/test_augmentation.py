"""Augmentation: views of the right form, none of it without an amount, and plausible changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision.face.crops import ROW_EYES, cut_views
from vision.training.augmentation import NONE, Augmentation, augmented_views, mirrored

STRONG = replace(Augmentation(), degraded=0.2, strip_erased=0.1, masked=0.1, shaded=0.1)

rows = arrays(np.uint8, (48, 48))
seeds = st.integers(0, 2**32)
eyes = st.tuples(
    st.tuples(st.floats(9, 20), st.floats(13, 24)), st.tuples(st.floats(28, 39), st.floats(13, 24))
)


def portrait() -> np.ndarray:
    """A light oval with dark eyes and mouth, left and right unlike."""
    y, x = np.mgrid[:48, :48]
    row = np.where(((x - 23) / 20) ** 2 + ((y - 25) / 25) ** 2 < 1, 180, 60).astype(np.uint8)
    row[16:20, 11:18] = 20
    row[16:20, 30:36] = 40
    row[36:39, 17:30] = 30
    return row


@given(rows, eyes, st.sampled_from([32, 64, 96]), seeds)
def test_views_are_gray_pictures_of_the_size_asked_for(
    row: np.ndarray, centres: tuple, size: int, seed: int
) -> None:
    amount = Augmentation(degraded=1.0, erased=1.0, strip_erased=1.0)
    before = row.copy()
    face, strip, _ = augmented_views(row, centres, size, np.random.default_rng(seed), amount)
    assert (face.shape, strip.shape) == ((size, size), (size // 2, size))
    assert face.dtype == strip.dtype == np.uint8
    assert np.array_equal(row, before)


@given(rows, eyes, st.sampled_from([64, 96]), seeds)
def test_without_an_amount_training_sees_what_serving_sees(
    row: np.ndarray, centres: tuple, size: int, seed: int
) -> None:
    face, strip, _ = augmented_views(row, centres, size, np.random.default_rng(seed), NONE)
    plain = cut_views(row, centres, size)
    assert np.array_equal(face, plain.face)
    assert np.array_equal(strip, plain.eyes)


@given(rows, eyes, seeds)
def test_one_seed_gives_one_picture(row: np.ndarray, centres: tuple, seed: int) -> None:
    amount = STRONG
    first = augmented_views(row, centres, 64, np.random.default_rng(seed), amount)
    again = augmented_views(row, centres, 64, np.random.default_rng(seed), amount)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("field", Augmentation.__slots__)
def test_every_amount_changes_something(field: str) -> None:
    if field == "strip":
        amount = replace(NONE, turn_deg=10.0)
        stronger = replace(amount, strip=1.0)
    else:
        amount, stronger = NONE, replace(NONE, **{field: getattr(STRONG, field)})
    changed = 0
    for seed in range(40):
        without, having = (
            augmented_views(portrait(), ROW_EYES, 96, np.random.default_rng(seed), a)
            for a in (amount, stronger)
        )
        changed += any((a != b).any() for a, b in zip(without[:2], having[:2], strict=True))
    assert changed > 0


def test_the_mirror_image_keeps_the_eyes_on_the_eyes() -> None:
    centres = ((14.0, 17.5), (33.0, 18.5))
    row = portrait()
    flip = replace(NONE, flipped=1.0)
    _, strip, _ = augmented_views(row, centres, 96, np.random.default_rng(1), flip)
    expected = cut_views(np.ascontiguousarray(row[:, ::-1]), mirrored(centres)).eyes
    assert np.array_equal(strip, expected)
    assert mirrored(mirrored(centres)) == centres


def test_changed_faces_stay_near_the_face() -> None:
    amount = replace(
        Augmentation(),
        contrast=0,
        brightness=0,
        degraded=0,
        erased=0,
        flipped=0,
        masked=0,
        shaded=0,
    )
    plain = cut_views(portrait()).face.astype(float)
    for seed in range(40):
        face, _, _ = augmented_views(portrait(), ROW_EYES, 96, np.random.default_rng(seed), amount)
        assert np.corrcoef(plain.ravel(), face.ravel())[0, 1] > 0.4


def test_what_is_covered_is_told() -> None:
    amount = replace(NONE, masked=0.3, shaded=0.3)
    plain, plain_strip, _ = augmented_views(
        portrait(), ROW_EYES, 96, np.random.default_rng(), NONE
    )
    told = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        face, strip, covering = augmented_views(portrait(), ROW_EYES, 96, rng, amount)
        told.add(covering)
        assert np.array_equal(face, plain) == (covering == "none")
        assert np.array_equal(strip, plain_strip) or covering != "none"
        lower = np.abs(face[60:].astype(int) - plain[60:]).mean()
        upper = np.abs(face[24:50].astype(int) - plain[24:50]).mean()
        assert covering == "none" or (lower > upper) == (covering == "mouth")
    assert told == {"none", "mouth", "eyes"}
