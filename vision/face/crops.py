"""Cut the two views of a face, in the same way for training and serving.

Both views come from a *row*: a grey face of 48×48 pixels, as in FER-2013, with the eyes near
`ROW_EYES`. `align` makes a row from a face in a photo, so a sharp selfie has no more detail than
the training data. `vision.face.restoration` may then denoise or deblur it. `cut_views` enlarges
the row to the face view and to the level eye strip.

Affine maps are float64 (2, 3) arrays that map a point (x, y, 1) of the source to the target.
Pixel centres lie at whole numbers.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

ROW_SIZE: Final = 48
"""Width and height of a row, in pixels."""

ROW_EYES: Final = ((14.6, 18.1), (32.8, 18.1))
"""Mean eye centres (x, y) in FER-2013's rows, the one on the left first."""

FACE_SIZE: Final = 96
"""Width and height of the face view, in pixels."""

EYES_SIZE: Final = (96, 48)
"""Width and height of the eye strip, in pixels."""

EYES_WIDTH: Final = 2.3
"""Width of the eye strip, in eye distances (between the two centres)."""

_EYES_LIFT: Final = 0.08  # eye distances by which the strip's centre is raised

Point = tuple[float, float]
Eyes = tuple[Point, Point]
Affine = NDArray[np.float64]
Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Views:
    """The network's inputs for one face.

    Args:
        face: uint8 (96, 96), grey; training also uses smaller views.
        eyes: uint8 (48, 96), grey, with a level eye line.
        face_map: Maps a point of the source to the face view.
        eyes_map: Maps a point of the source to the eye strip.
    """

    face: Gray
    eyes: Gray
    face_map: Affine
    eyes_map: Affine


def views_of_photo(row: Gray, to_row: Affine) -> Views:
    """Cut both views from the row of a photo; `to_row` maps the photo to the row."""
    views = cut_views(row, ROW_EYES)
    return Views(
        views.face, views.eyes, chain(to_row, views.face_map), chain(to_row, views.eyes_map)
    )


def cut_views(row: Gray, eyes: Eyes = ROW_EYES, size: int = FACE_SIZE) -> Views:
    """Cut both views, `size` pixels wide, from a row, uint8 (48, 48), with known eye centres."""
    return warp_views(row, *view_maps(eyes, size), size)


def view_maps(eyes: Eyes, size: int = FACE_SIZE) -> tuple[Affine, Affine]:
    """Return the maps from a row to the face view and to the eye strip, both `size` wide."""
    return _scaling_map(size / ROW_SIZE), _strip_map(eyes, size)


def warp_views(row: Gray, face_map: Affine, eyes_map: Affine, size: int = FACE_SIZE) -> Views:
    """Cut both views, `size` pixels wide, from a row with the given maps."""
    face = _warp(row, face_map, (size, size), cv2.INTER_CUBIC)
    strip = _warp(row, eyes_map, (size, strip_height(size)), cv2.INTER_CUBIC)
    return Views(face, strip, face_map, eyes_map)


def strip_height(width: int) -> int:
    """Return the height in pixels of an eye strip of this width."""
    return width * EYES_SIZE[1] // EYES_SIZE[0]


def align(gray: Gray, eyes: Eyes) -> tuple[Gray, Affine]:
    """Warp a face in a photo to a row, by the similarity that maps its eyes to `ROW_EYES`.

    Each pixel of the row is the mean of the patch of the photo that it covers, so even a large
    photo does not alias. Outside the photo, its border is repeated.

    Returns:
        The row, uint8 (48, 48), and the map from the photo to it.
    """
    to_row = similarity(eyes, ROW_EYES)
    return sample(gray, to_row, (ROW_SIZE, ROW_SIZE)), to_row


def sample(image: Gray, affine: Affine, size: tuple[int, int]) -> Gray:
    """Warp a picture by a similarity so that each pixel is the mean of the patch it covers.

    Where the map enlarges, this is linear interpolation. The border is repeated outside.

    Args:
        image: uint8 (H, W) or (H, W, 3).
        affine: Maps a point of the picture to the result.
        size: Width and height of the result.
    """
    # Halve a much larger picture first: far faster, and also a mean. Stop at four times the
    # target scale, because halving further blurs faces enough to move a reading by four points.
    smaller, to_smaller = halve(image, 4 * float(np.hypot(affine[0, 0], affine[1, 0])))
    affine = chain(inverse(to_smaller), affine)
    scale = np.hypot(affine[0, 0], affine[1, 0])  # result pixels per pixel of `smaller`
    samples = max(1, int(np.ceil(1 / scale)))  # per pixel of the result and direction
    width, height = size
    fine_size = (width * samples, height * samples)
    fine = _warp(smaller, chain(affine, _scaling_map(samples)), fine_size, cv2.INTER_LINEAR)
    if samples == 1:
        return fine
    # At whole factors INTER_AREA is the mean over samples × samples pixels.
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def halve(image: Gray, scale: float) -> tuple[Gray, Affine]:
    """Halve a picture while the result is at least `scale` times its original size.

    Halving is many times faster than a reduction to any other size, which may follow.

    Args:
        image: uint8 (H, W) or (H, W, 3).
        scale: The smallest allowed factor.

    Returns:
        The smaller picture, without a last odd row or column, and the map to it.
    """
    factor = 1.0
    while scale <= factor / 2 and min(image.shape[:2]) > 1:
        height, width = (side // 2 for side in image.shape[:2])
        even = image[: 2 * height, : 2 * width]
        image = np.asarray(
            cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )
        factor /= 2
    return image, _scaling_map(factor)


def similarity(source: Eyes, target: Eyes) -> Affine:
    """Return the rotation, scale and shift that map one pair of points to another."""
    # With points as complex numbers a similarity is z -> a z + b.
    s0, s1, t0, t1 = (complex(*point) for point in (*source, *target))
    a = (t1 - t0) / (s1 - s0)
    b = t0 - a * s0
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def chain(first: Affine, second: Affine) -> Affine:
    """Return the map that applies `first`, then `second`."""
    return np.asarray(second @ np.vstack([first, [0.0, 0.0, 1.0]]))


def inverse(affine: Affine) -> Affine:
    """Return the inverse map."""
    linear = np.linalg.inv(affine[:, :2])
    return np.column_stack([linear, -linear @ affine[:, 2]])


def apply(affine: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points, (N, 2)."""
    return points @ affine[:, :2].T + affine[:, 2]


def _scaling_map(factor: float) -> Affine:
    """Return the map that scales pixel areas, not pixel centres, so that the middles coincide."""
    shift = (factor - 1) / 2
    return np.array([[factor, 0.0, shift], [0.0, factor, shift]])


def _strip_map(eyes: Eyes, width: int) -> Affine:
    """Map a row to its eye strip: level, `EYES_WIDTH` wide, centred just above the eye line."""
    left, right = (np.array(point) for point in eyes)
    along = right - left  # (2,)
    down = np.array([-along[1], along[0]])
    height = strip_height(width)
    # Half a pixel of the row to the left, as in training.
    centre = (left + right) / 2 - _EYES_LIFT * down - [0.5, 0.0]
    step = EYES_WIDTH / width  # eye distances per pixel of the strip
    linear = step * np.column_stack([along, down])  # strip to row, (2, 2)
    origin = centre - linear @ [(width - 1) / 2, (height - 1) / 2]
    return inverse(np.column_stack([linear, origin]))


def _warp(image: Gray, affine: Affine, size: tuple[int, int], interpolation: int) -> Gray:
    warped = cv2.warpAffine(
        image, affine, size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)
