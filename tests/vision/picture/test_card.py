"""The explaining picture: size, weight, and that it says what the reading says."""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vision.face.crops import ROW_EYES, Affine, chain, cut_views, similarity
from vision.network.gradcam import ViewHeat
from vision.picture.canvas import text_width
from vision.picture.card import ACCENTS, WIDTH, draw_picture, notes_for
from vision.picture.explanation import phrase, shares
from vision.reading import EMOTIONS, Covering, Reading, View


def reading_of(**probabilities: float) -> Reading:
    values = {emotion: probabilities.get(emotion, 0.0) for emotion in EMOTIONS}
    return Reading(
        probabilities=values,
        eyes=values,
        face=values,
        answered_by="fused",
        eyes_found="haar",
        faces=1,
        face_box=(100, 80, 200, 200),
        eye_centers=((160.0, 160.0), (240.0, 160.0)),
        step_ms={},
    )


def drawn(
    reading: Reading,
    size: tuple[int, int] = (400, 360),
    box: tuple[int, ...] = (100, 80, 200, 200),
) -> Image.Image:
    pixels = np.full((size[1], size[0], 3), 120, np.uint8)
    left, top, width, height = box
    eyes = ((left + 0.3 * width, top + 0.4 * height), (left + 0.7 * width, top + 0.4 * height))
    cells = np.zeros((6, 6), np.float32)
    cells[4, 2] = 1
    heat = ViewHeat(cells, cut_views(np.zeros((48, 48), np.uint8)).face_map, (96, 96))
    content = draw_picture(pixels, (left, top, width, height), eyes, [heat], reading)
    assert len(content) < 300_000
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def share_of(image: Image.Image, colour: tuple[int, int, int]) -> float:
    """Return how much of a picture has nearly this colour."""
    off = np.abs(np.asarray(image).astype(int) - colour).max(axis=2)
    return float((off < 40).mean())


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((400, 360), (100, 80, 200, 200)),
        ((60, 60), (2, 2, 56, 56)),  # hardly larger than the smallest face
        ((150, 600), (0, 200, 150, 150)),  # tall
        ((1280, 120), (500, 0, 120, 120)),  # wide
        ((400, 360), (0, 0, 400, 360)),  # the face fills the photo
    ],
)
def test_any_photo_gives_a_picture_for_a_phone(
    size: tuple[int, int], box: tuple[int, ...]
) -> None:
    image = drawn(reading_of(happy=0.7, neutral=0.3), size, box)
    assert image.width == WIDTH
    assert 720 < image.height < 1280
    assert not image.getexif()


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_the_answer_is_drawn_in_its_own_colour(emotion: str) -> None:
    sure, unsure = (drawn(reading_of(**{emotion: p})) for p in (0.95, 0.2))
    lower = (0, 720, WIDTH, sure.height)
    longer, shorter = (share_of(i.crop(lower), ACCENTS[emotion]) for i in (sure, unsure))
    assert longer > 1.5 * shorter > 0


def test_heat_colours_the_photo_only_where_it_is() -> None:
    reading = reading_of(sad=1.0)
    pixels = np.full((400, 400, 3), 120, np.uint8)
    eyes = ((150.0, 150.0), (250.0, 150.0))
    cells = np.zeros((6, 6), np.float32)
    cells[5, 3] = 1
    shift = np.array([[96 / 200, 0.0, -48.0], [0.0, 96 / 200, -48.0]])
    hot = ViewHeat(cells, shift, (96, 96))
    box = (100.0, 100.0, 200.0, 200.0)
    images = [
        np.asarray(Image.open(io.BytesIO(draw_picture(pixels, box, eyes, heats, reading))))
        for heats in ([], [hot])
    ]
    photos = [image[32:736, 32:736].astype(int) for image in images]
    difference = np.abs(photos[0] - photos[1]).max(axis=2)
    y, x = np.unravel_index(int(difference.argmax()), difference.shape)
    # The cell looks at the lower middle of the face, which is the lower middle of the crop.
    assert (x, y) == pytest.approx((704 * 0.5, 704 * 0.7), abs=32)
    assert np.median(difference[:232]) < 4


def views(face: float, eyes: float) -> list[ViewHeat]:
    """Return heat of so many logits in the middle of each view of the face in `two_views`."""
    heats = []
    for logits, name, size in ((face, "face", (96, 96)), (eyes, "eyes", (96, 48))):
        cells = np.zeros((6, 6) if name == "face" else (3, 6), np.float32)
        cells[-2, 3] = logits
        heats.append(ViewHeat(cells, chain(TO_ROW, getattr(ROW_VIEWS, f"{name}_map")), size))
    return heats


EYES = ((150.0, 170.0), (250.0, 170.0))
TO_ROW: Affine = similarity(EYES, ROW_EYES)
ROW_VIEWS = cut_views(np.zeros((48, 48), np.uint8))


def two_views(heats: list[ViewHeat], reading: Reading) -> np.ndarray:
    pixels = np.full((400, 400, 3), 120, np.uint8)
    content = draw_picture(pixels, (100.0, 100.0, 200.0, 200.0), EYES, heats, reading)
    return np.asarray(Image.open(io.BytesIO(content))).astype(int)


def warmth(pixels: np.ndarray) -> float:
    """Return the share of grey pixels that heat has coloured."""
    return float((pixels[..., 0] - pixels[..., 2] > 25).mean())


@pytest.mark.parametrize(("face", "eyes"), [(1.0, 0.0), (0.0, 1.0)])
def test_both_views_are_shown_each_with_its_own_heat(face: float, eyes: float) -> None:
    reading = reading_of(fear=1.0)
    image = two_views(views(face, eyes), reading)
    tiles = image[-184:-48]
    on_face, on_strip = tiles[:, 32:168], tiles[:, 184:456]
    assert (warmth(on_face) > 0.01) == (face > 0)
    assert (warmth(on_strip) > 0.01) == (eyes > 0)
    assert np.ptp(tiles[:, 464:]) > 150  # the words beside them
    one = two_views(views(face, eyes)[:1], reading)
    assert len(image) - len(one) > 136  # one view is the photo itself


def test_the_heat_is_told_in_words() -> None:
    reading = reading_of(sad=1.0)
    silent, spoken, other = (
        two_views(heats, reading)[816:864]
        for heats in ([], views(1.0, 0.0)[:1], views(0.0, 1.0)[1:])
    )
    assert np.ptp(silent) > 100
    assert np.abs(silent - spoken).max() > 100
    assert np.abs(spoken - other).max() > 100


def test_the_notes_say_what_to_know() -> None:
    plain = reading_of(fear=1.0)
    assert notes_for(plain) == []
    odd = replace(plain, faces=3, eyes_found="estimated", answered_by="face")
    assert len(notes_for(odd)) == 3
    assert "3 faces" in notes_for(odd)[0]
    assert drawn(odd).height > drawn(plain).height


@pytest.mark.parametrize(
    ("covered", "answered_by", "says"),
    [
        ("mouth", "fused", "The mouth is covered: take this lightly."),
        ("eyes", "face", "The eyes are covered: read from the rest of the face."),
    ],
)
def test_the_notes_say_what_is_covered(covered: Covering, answered_by: View, says: str) -> None:
    reading = replace(reading_of(fear=1.0), covered=covered, answered_by=answered_by)
    assert notes_for(reading) == [says]


def test_the_longest_account_fits() -> None:
    parts = dict.fromkeys(shares([], EYES), 0.0)
    for first, second in itertools.permutations(parts, 2):
        words = phrase(parts | {first: 0.55, second: 0.45})
        assert text_width(f"{words.capitalize()}.", 24) <= WIDTH - 64
    assert "and" in words
