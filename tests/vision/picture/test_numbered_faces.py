import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vision.picture.numbered_faces import WIDTH, draw_numbers

BACKGROUND = 90


def drawn(width: int, height: int, boxes: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3), of a grey photo with faces in these boxes."""
    photo = np.full((height, width, 3), BACKGROUND, np.uint8)
    return np.asarray(Image.open(io.BytesIO(draw_numbers(photo, boxes))))


def is_marked(picture: np.ndarray, x: int, y: int, reach: int = 12) -> bool:
    """Return whether something bright is painted around a place."""
    area = picture[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    return bool((area > 220).any())


@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=8),
)
def test_any_boxes_in_any_photo_are_drawn_inside_it(
    width: int, height: int, parts: list[tuple[float, float, float, float]]
) -> None:
    boxes = []
    for left, top, wide, high in parts:
        x, y = int(left * (width - 1)), int(top * (height - 1))
        boxes.append((x, y, max(1, int(wide * (width - x))), max(1, int(high * (height - y)))))
    picture = drawn(width, height, boxes)
    assert max(picture.shape) <= 1280
    assert min(picture.shape[:2]) >= 240
    assert (picture > 220).any()


def test_each_face_has_its_frame_and_its_number_at_the_corner() -> None:
    boxes = [(100, 50, 80, 80), (300, 60, 60, 60)]
    picture = drawn(480, 240, boxes)
    assert picture.shape == (480, WIDTH, 3)
    for left, top, width, height in boxes:
        x, y, right, below = (2 * v for v in (left, top, left + width, top + height))
        assert is_marked(picture, x, y)
        assert is_marked(picture, right, below)
        assert not is_marked(picture, (x + right) // 2, (y + below) // 2)
    assert not is_marked(picture, 480, 400)


def test_the_numbers_differ() -> None:
    one, two = (drawn(300, 300, [(20, 20, 100, 100), (180, 180, 100, 100)]) for _ in range(2))
    assert (one == two).all()
    first, second = one[45:103, 45:103], one[557:615, 557:615]
    assert np.abs(first.astype(int) - second.astype(int)).max() > 150
