"""Paint text and rounded shapes on pixels, as alpha masks.

Painting takes a few milliseconds, because only the pixels under a mask change, and what recurs
between pictures (fonts, words, round corners) is cached.
"""

from functools import cache, lru_cache
from typing import Final, Literal

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Pixels = NDArray[np.uint8]
Mask = NDArray[np.uint8]

_FINE: Final = 4  # supersampling per direction of round corners
_LINE: Final = 1.4  # height of a line of text, in font sizes


def paint(pixels: Pixels, mask: Mask, left: int, top: int, colour: Colour) -> None:
    """Blend a colour into pixels, with a mask as its opacity.

    Args:
        pixels: uint8 (H, W, 3); changed in place.
        mask: uint8 (h, w), 255 is opaque; must lie inside `pixels`.
        left: Column of the mask's left edge.
        top: Row of its upper edge.
        colour: In the channel order of `pixels`.
    """
    height, width = mask.shape
    area = pixels[top : top + height, left : left + width]
    tint = cv2.merge([cv2.convertScaleAbs(mask, alpha=channel / 255) for channel in colour])
    overlay(area, tint, cv2.merge([255 - mask] * 3))


def overlay(pixels: Pixels, tint: MatLike, kept: MatLike) -> None:
    """Blend one picture over another.

    Args:
        pixels: uint8 (H, W, 3); changed in place.
        tint: Colour times opacity, uint8 of the same shape.
        kept: Weight of `pixels`, 0..255, uint8 of the same shape.
    """
    cv2.multiply(pixels, kept, pixels, 1 / 255)  # in place: allocating would take longer
    cv2.add(pixels, tint, pixels)


def write(
    pixels: Pixels,
    text: str,
    at: tuple[int, int],
    size: int,
    colour: Colour,
    side: Literal["left", "right"] = "left",
) -> None:
    """Write a line of text.

    Args:
        pixels: uint8 (H, W, 3); changed in place.
        text: One line; what does not fit is cut off.
        at: x and y of the baseline's start, or of its end if `side` is "right".
        size: Font size in pixels.
        colour: In the channel order of `pixels`.
        side: Which end of the text lies at `at`.
    """
    mask = _text(text, size)
    x, baseline = at
    left = x if side == "left" else max(0, x - mask.shape[1])
    paint(pixels, mask[:, : pixels.shape[1] - left], left, baseline - size, colour)


def text_width(text: str, size: int) -> int:
    """Return the width of a line of text, in pixels."""
    return int(np.ceil(_font(size).getlength(text)))


def rounded(width: int, height: int, radius: int) -> Mask:
    """Return an antialiased mask, uint8 (height, width), of a rectangle with round corners."""
    mask = np.full((height, width), 255, np.uint8)
    corner = _corner(radius)
    for columns in (1, -1):
        for rows in (1, -1):
            mask[::rows, ::columns][:radius, :radius] = corner
    return mask


def round_corners(pixels: Pixels, radius: int, background: Colour) -> None:
    """Round the corners of a picture, uint8 (H, W, 3), in place."""
    height, width = pixels.shape[:2]
    outside = 255 - _corner(radius)
    for left, columns in ((0, 1), (width - radius, -1)):
        for top, rows in ((0, 1), (height - radius, -1)):
            paint(pixels, outside[::rows, ::columns], left, top, background)


@cache
def round_outline(corner: float) -> NDArray[np.float64]:
    """Return a closed outline of the square -1..1 with round corners, float64 (161, 2).

    Args:
        corner: Radius of the corners, 0..1.
    """
    angles = np.linspace(0, np.pi / 2, 12)
    arcs = []
    for quarter, (x, y) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        turned = angles + quarter * np.pi / 2
        centre = (1 - corner) * np.array([x, y])
        arcs.append(centre + corner * np.column_stack([np.cos(turned), np.sin(turned)]))
    corners = np.concatenate([*arcs, arcs[0][:1]])
    # Resample to evenly spaced points, so that all dashes have the same length.
    steps = np.hypot(*np.diff(corners, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    even = np.linspace(0, along[-1], 161)
    return np.column_stack([np.interp(even, along, corners[:, axis]) for axis in (0, 1)])


@cache
def _corner(radius: int) -> Mask:
    """Return a mask of the upper left quarter of a disc, uint8 (radius, radius)."""
    middles = (np.arange(radius * _FINE) + 0.5) / _FINE
    inside = np.hypot(radius - middles[:, None], radius - middles) <= radius
    shares = inside.reshape(radius, _FINE, radius, _FINE).mean(axis=(1, 3))
    return np.asarray(np.rint(255 * shares), np.uint8)


@lru_cache(maxsize=256)
def _text(text: str, size: int) -> Mask:
    """Return the mask of a line of text; its baseline is `size` pixels below the top."""
    image = Image.new("L", (text_width(text, size), round(_LINE * size)))
    ImageDraw.Draw(image).text((0, size), text, 255, _font(size), anchor="ls")
    return np.array(image)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
