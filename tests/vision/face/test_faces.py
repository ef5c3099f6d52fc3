"""Faces and eyes: found where they are, upright and turned, and not where there are none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from vision.face.eyes import USUAL_EYES, EyeFinder, estimate_eyes
from vision.face.faces import Face, FaceFinder, face_patch
from vision.photo.decoding import open_photo

# The centres of the astronaut's eyes, as a person sees them.
EYES = np.array([[204.0, 101.0], [247.0, 103.0]])


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def faces() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="module")
def eyes() -> EyeFinder:
    return EyeFinder()


def turned(gray: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn the portrait around its face, clockwise; return it and the map of its points."""
    affine = cv2.getRotationMatrix2D((225.0, 125.0), -degrees, 1.0)
    return cv2.warpAffine(gray, affine, gray.shape[::-1], borderMode=cv2.BORDER_REFLECT), affine


@pytest.mark.parametrize("degrees", [0, -24, 24])
def test_finds_a_face_and_its_eyes_upright_and_turned(
    portrait: np.ndarray, faces: FaceFinder, eyes: EyeFinder, degrees: float
) -> None:
    gray, affine = turned(portrait, degrees)
    found = faces.find(gray)
    assert len(found) == 1
    pair = eyes.find(gray, found[0])
    assert pair is not None
    expected = EYES @ affine[:, :2].T + affine[:, 2]
    assert np.abs(np.array(pair) - expected).max() < 8


def test_a_face_that_fills_the_picture_is_found(portrait: np.ndarray, faces: FaceFinder) -> None:
    found = faces.find(np.ascontiguousarray(portrait[70:185, 170:280]))
    assert len(found) == 1


def test_two_faces_are_two_and_the_larger_comes_first(
    portrait: np.ndarray, faces: FaceFinder
) -> None:
    head = portrait[20:220, 130:330]
    pair = np.hstack([cv2.resize(head, (140, 140)), np.full((140, 60), 90, np.uint8)])
    pair = np.vstack([pair, np.full((60, 200), 90, np.uint8)])
    both = np.hstack([pair, head])
    found = faces.find(both)
    assert len(found) == 2
    assert found[0].centre[0] > 200 > found[1].centre[0]
    assert found[0].size > found[1].size


@pytest.mark.parametrize("kind", ["plain", "noise", "stripes", "coffee"])
def test_finds_no_face_where_there_is_none(faces: FaceFinder, kind: str) -> None:
    gray = {
        "plain": np.full((300, 300), 128, np.uint8),
        "noise": np.random.default_rng(3).integers(0, 255, (300, 300), np.uint8),
        "stripes": np.tile(np.uint8([0, 0, 0, 255, 255, 255]), (300, 50)),
        "coffee": cv2.cvtColor(skimage.data.coffee(), cv2.COLOR_RGB2GRAY),
    }[kind]
    assert faces.find(gray) == []


def test_a_box_stays_inside_the_picture() -> None:
    face = Face((10.0, 90.0), 60.0, turn_deg=0.0, votes=0)
    assert face.box(100, 100) == (0, 60, 40, 40)


def test_estimated_eyes_turn_with_the_head() -> None:
    face = Face((100.0, 80.0), 60.0, turn_deg=30.0, votes=0)
    left, right = np.array(estimate_eyes(face))
    slope = np.rad2deg(np.arctan2(*(right - left)[::-1]))
    assert slope == pytest.approx(30)
    assert np.hypot(*(right - left)) == pytest.approx(60 * (USUAL_EYES[1][0] - USUAL_EYES[0][0]))
    # In the face cut out upright they lie at their usual place.
    _, to_patch = face_patch(np.zeros((200, 200), np.uint8), face, 60, 60)
    assert to_patch[:, :2] @ left + to_patch[:, 2] + 0.5 == pytest.approx(
        60 * np.array(USUAL_EYES[0]), abs=1e-6
    )


@pytest.mark.data
@pytest.mark.parametrize(("degrees", "share"), [(0, 0.85), (20, 0.65), (-20, 0.65)])
def test_finds_the_eyes_of_most_development_faces(
    data_dir: Path, faces: FaceFinder, eyes: EyeFinder, degrees: float, share: float
) -> None:
    paths = sorted((data_dir / "faces").glob("*/*"))[::5]
    found = with_eyes = 0
    for path in paths:
        gray = cv2.cvtColor(open_photo(path.read_bytes()).pixels, cv2.COLOR_RGB2GRAY)
        middle = (np.array(gray.shape[::-1]) - 1) / 2
        turn = cv2.getRotationMatrix2D(middle, degrees, 1.0)
        gray = cv2.warpAffine(gray, turn, gray.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        for face in faces.find(gray)[:1]:
            found += 1
            with_eyes += eyes.find(gray, face) is not None
    print(f"\n{degrees}°: of {len(paths)} photos {found} faces, {with_eyes} with both eyes")
    assert found >= 0.85 * len(paths)
    assert with_eyes >= share * len(paths)
