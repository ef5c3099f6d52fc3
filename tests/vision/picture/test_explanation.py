"""The explanation in words: the right part is named, on the right side, and never nothing."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision.face.crops import ROW_EYES, chain, cut_views, inverse, similarity
from vision.network.gradcam import ViewHeat
from vision.picture.explanation import describe_heat, phrase, shares

PLACES = {  # x and y in pixels of a row
    "the brow": (23.5, 8.0),
    "the nose": (23.5, 26.0),
    "the mouth": (23.5, 36.5),
    "the chin": (23.5, 45.0),
    "the eye on the left": ROW_EYES[0],
    "the eye on the right": ROW_EYES[1],
    "the cheek on the left": (9.0, 28.0),
    "the cheek on the right": (38.0, 28.0),
}
VIEWS = cut_views(np.zeros((48, 48), np.uint8))
SAME = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
FLIP = np.array([[-1.0, 0.0, 47.0], [0.0, 1.0, 0.0]])  # mirrors a row
cells = st.just(0.0) | st.floats(0.125, 10, width=32)
photo_eyes = st.builds(
    lambda x, y, distance, angle: (
        (x, y),
        (x + distance * np.cos(angle), y + distance * np.sin(angle)),
    ),
    st.floats(50, 500),
    st.floats(50, 500),
    st.floats(20, 300),
    st.floats(-0.6, 0.6),
)


def spot(x: float, y: float, from_photo: np.ndarray = SAME) -> ViewHeat:
    """Return heat of about two pixels' width at a place of a row."""
    hot = np.zeros((6, 6), np.float32)
    hot[3, 3] = 1  # looks at (48, 48) of the view
    to_view = np.array([[8.0, 0.0, 48 - 8 * x], [0.0, 8.0, 48 - 8 * y]])
    return ViewHeat(hot, chain(from_photo, to_view), (96, 96))


def both_views(face: np.ndarray, strip: np.ndarray, from_photo: np.ndarray) -> list[ViewHeat]:
    return [
        ViewHeat(face, chain(from_photo, VIEWS.face_map), (96, 96)),
        ViewHeat(strip, chain(from_photo, VIEWS.eyes_map), (96, 48)),
    ]


@pytest.mark.parametrize("part", PLACES)
@given(eyes=photo_eyes)
def test_heat_on_a_part_yields_its_name(part: str, eyes: tuple) -> None:
    heat = spot(*PLACES[part], similarity(eyes, ROW_EYES))
    assert describe_heat([heat], eyes) == f"above all {part}"


@given(
    arrays(np.float32, (6, 6), elements=cells),
    arrays(np.float32, (3, 6), elements=cells),
    photo_eyes,
)
@example(  # all in one part, whose sum was rounded up
    np.eye(1, 36, 8, dtype=np.float32).reshape(6, 6),
    np.zeros((3, 6), np.float32),
    ((50.0, 50.0), (70.0, 50.0)),
)
def test_shares_add_up_to_one_or_nothing(face: np.ndarray, strip: np.ndarray, eyes: tuple) -> None:
    found = shares(both_views(face, strip, similarity(eyes, ROW_EYES)), eyes)
    assert all(0 <= share <= 1 for share in found.values())
    assert sum(found.values()) == pytest.approx(1 if face.any() or strip.any() else 0, abs=1e-5)
    assert phrase(found)


@given(arrays(np.float32, (6, 6), elements=cells), arrays(np.float32, (3, 6), elements=cells))
def test_a_mirrored_face_swaps_left_and_right(face: np.ndarray, strip: np.ndarray) -> None:
    plain = shares(both_views(face, strip, SAME), ROW_EYES)
    (x0, y0), (x1, y1) = ROW_EYES
    mirrored_eyes = ((47 - x1, y1), (47 - x0, y0))
    mirrored = shares(both_views(face, strip, FLIP), mirrored_eyes)
    for part, share in plain.items():
        other = part.replace("left", "*").replace("right", "left").replace("*", "right")
        # The middle between a row's usual eyes is 0.2 pixels beside that of the row.
        assert mirrored[other] == pytest.approx(share, abs=0.1)


def test_left_is_the_left_of_the_picture() -> None:
    """Whoever looks at the photo sees it there, mirrored selfie or not."""
    eyes = ((100.0, 120.0), (180.0, 120.0))
    to_row = similarity(eyes, ROW_EYES)
    assert describe_heat([spot(*ROW_EYES[0], to_row)], eyes) == "above all the eye on the left"
    assert inverse(to_row)[0] @ [*ROW_EYES[0], 1] == pytest.approx(100)


def test_parts_are_named_by_their_share() -> None:
    mouth, left, right = (PLACES[k] for k in ("the mouth", *list(PLACES)[4:6]))
    assert describe_heat([spot(*left), spot(*right)], ROW_EYES) == "above all both eyes"
    both = [spot(*mouth), spot(*left)]
    assert describe_heat([*both, spot(*mouth)], ROW_EYES) == "above all the mouth"
    nothing = dict.fromkeys([*PLACES, "what is around the face"], 0.0)
    parts = nothing | {"the mouth": 0.4, "the eye on the left": 0.3, "the chin": 0.2}
    assert phrase(parts) == "above all the mouth and the eye on the left"
    spread = dict.fromkeys(nothing, 1 / 9)
    assert phrase(spread | {"the eye on the left": 0.0}) == "the whole face, above all both cheeks"


def test_heat_beside_the_face_is_owned_up_to() -> None:
    assert describe_heat([spot(1.0, 44.0)], ROW_EYES) == "above all what is around the face"


def test_nothing_that_spoke_is_said() -> None:
    silent = both_views(np.zeros((6, 6), np.float32), np.zeros((3, 6), np.float32), SAME)
    assert (
        describe_heat(silent, ROW_EYES) == describe_heat([], ROW_EYES) == "no place spoke for it"
    )
