"""Draw the picture from which the user picks a face: the photo with numbered boxes."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from vision.picture.canvas import Colour, Pixels, paint, rounded, text_width, write

WIDTH: Final = 960
"""Width of the picture in pixels, unless it would become too high."""

_HIGHEST: Final = 1280
_LEAST: Final = 240  # shortest side: a number must fit, and Telegram rejects narrow strips
_LINE: Final = 5
_BADGE: Final = 58
_FONT: Final = 38  # its line is 1.4 times as high and must fit into the badge
_QUALITY: Final = 88
_WHITE: Final[Colour] = (255, 255, 255)
_INK: Final[Colour] = (24, 20, 36)


def draw_numbers(pixels: Pixels, boxes: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Draw a numbered box around each face; return a JPEG without metadata.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        boxes: Left, top, width, height of each face in `pixels`; the first is number 1.
    """
    height, width = pixels.shape[:2]
    scale = min(WIDTH / width, _HIGHEST / height)
    wide, high = max(1, round(scale * width)), max(1, round(scale * height))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    photo = cv2.resize(pixels, (wide, high), interpolation=method)
    below, beside = max(0, _LEAST - high), max(0, _LEAST - wide)
    framed = cv2.copyMakeBorder(photo, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=_INK)
    canvas = np.asarray(framed, np.uint8)
    corners = [_corners(box, scale) for box in boxes]
    for box in corners:
        cv2.rectangle(canvas, *box, _INK, _LINE + 4, cv2.LINE_AA)
        cv2.rectangle(canvas, *box, _WHITE, _LINE, cv2.LINE_AA)
    for number, ((left, top), _) in enumerate(corners, start=1):
        _badge(canvas, str(number), left, top)
    _, content = cv2.imencode(".jpg", canvas[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return content.tobytes()


def _corners(
    box: tuple[int, int, int, int], scale: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    left, top, width, height = (round(scale * side) for side in box)
    return (left, top), (left + width, top + height)


def _badge(canvas: Pixels, number: str, left: int, top: int) -> None:
    """Draw a number at the upper left corner of a box, shifted to lie inside the picture."""
    height, width = canvas.shape[:2]
    left = min(max(0, left - _BADGE // 3), width - _BADGE)
    top = min(max(0, top - _BADGE // 3), height - _BADGE)
    paint(canvas, rounded(_BADGE, _BADGE, _BADGE // 2), left, top, _WHITE)
    start = left + (_BADGE - text_width(number, _FONT)) // 2
    write(canvas, number, (start, top + _BADGE // 2 + round(0.36 * _FONT)), _FONT, _INK)
