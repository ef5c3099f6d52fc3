"""Augment rows for training.

Rotation, shift and scale are part of the affine map that cuts the views, so a row is resampled
only once. All randomness comes from the generator that is passed in.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_EYES, ROW_SIZE, Affine, Eyes, chain, view_maps, warp_views
from vision.network.coverings import covered
from vision.reading import Covering

Gray = NDArray[np.uint8]

# Centre of rotation and scale: about the bridge of the nose.
_PIVOT: Final = np.array([(ROW_SIZE - 1) / 2, ROW_EYES[0][1] + 6.0])


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strength of each augmentation; zero turns it off.

    Args:
        flipped: Share of rows that are mirrored.
        turn_deg: Standard deviation of the rotation.
        scale: Largest change of size, as the logarithm of the factor.
        shift: Standard deviation of the shift along each axis, in pixels of the row.
        strip: Strength of these three on the eye strip, relative to the face. It is lower because
            the strip is narrow, and serving levels it.
        eyes: Standard deviation of the noise on each eye centre, in pixels of the row.
        contrast: Largest change of contrast, as the logarithm of the factor.
        brightness: Largest change of brightness, in grey levels.
        degraded: Share of rows that are blurred, noised, JPEG-compressed, or downscaled and
            upscaled again.
        erased: Share of face views with an erased rectangle.
        strip_erased: Share of eye strips with an erased rectangle.
        masked: Share of rows with a drawn mask.
        shaded: Share of rows with drawn sunglasses.
    """

    flipped: float = 0.5
    turn_deg: float = 6.0
    scale: float = 0.13
    shift: float = 1.6
    strip: float = 0.5
    eyes: float = 0.5
    contrast: float = 0.25
    brightness: float = 20.0
    degraded: float = 0.0
    erased: float = 0.4
    strip_erased: float = 0.0
    masked: float = 0.0
    shaded: float = 0.0


NONE: Final = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
"""No augmentation: the same views as in serving."""


def augmented_views(
    row: Gray, eyes: Eyes, size: int, rng: np.random.Generator, amount: Augmentation
) -> tuple[Gray, Gray, Covering]:
    """Cut both views from an augmented row.

    Args:
        row: uint8 (48, 48).
        eyes: Its eye centres.
        size: Width of both views in pixels.
        rng: The source of randomness.
        amount: Strength of the augmentations.

    Returns:
        The face, uint8 (size, size), the eye strip, uint8 (size // 2, size), and the covering.
    """
    covering = _drawn_covering(rng, amount)
    row = covered(row, eyes, covering, rng)
    row = _relit(_degraded(row, rng, amount), rng, amount)
    if rng.random() < amount.flipped:
        row, eyes = np.ascontiguousarray(row[:, ::-1]), mirrored(eyes)
    (lx, ly), (rx, ry) = np.array(eyes) + rng.normal(0, amount.eyes, (2, 2))
    face_map, eyes_map = view_maps(((lx, ly), (rx, ry)), size)
    face_map = chain(_change(rng, amount, 1.0), face_map)
    eyes_map = chain(_change(rng, amount, amount.strip), eyes_map)
    views = warp_views(row, face_map, eyes_map, size)
    face = _erased(views.face, rng, amount.erased)
    return face, _erased(views.eyes, rng, amount.strip_erased), covering


def mirrored(eyes: Eyes) -> Eyes:
    """Return the eye centres in the mirror image of a row, the one on the left first."""
    (lx, ly), (rx, ry) = eyes
    return (ROW_SIZE - 1 - rx, ry), (ROW_SIZE - 1 - lx, ly)


def _change(rng: np.random.Generator, amount: Augmentation, strength: float) -> Affine:
    """Draw a random rotation, scale and shift of the row."""
    turn = np.deg2rad(rng.normal(0, strength * amount.turn_deg))
    scale = np.exp(strength * rng.uniform(-amount.scale, amount.scale))
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = strength * rng.normal(0, amount.shift, 2)
    return np.column_stack([linear, _PIVOT - linear @ _PIVOT + shift])


def _drawn_covering(rng: np.random.Generator, amount: Augmentation) -> Covering:
    draw = rng.random()
    if draw < amount.masked:
        return "mouth"
    return "eyes" if draw < amount.masked + amount.shaded else "none"


def _relit(row: Gray, rng: np.random.Generator, amount: Augmentation) -> Gray:
    contrast = np.exp(rng.uniform(-amount.contrast, amount.contrast))
    brightness = rng.uniform(-amount.brightness, amount.brightness)
    middle = float(row.mean())
    return _gray((row - middle) * contrast + middle + brightness)


def _degraded(row: Gray, rng: np.random.Generator, amount: Augmentation) -> Gray:
    if rng.random() >= amount.degraded:
        return row
    kind = rng.integers(4)
    if kind == 0:
        return np.asarray(cv2.GaussianBlur(row, (0, 0), rng.uniform(0.5, 2.5)), dtype=np.uint8)
    if kind == 1:
        return _gray(row + rng.normal(0, rng.uniform(4, 26), row.shape))
    if kind == 2:
        return jpeg_compressed(row, int(rng.integers(5, 40)))
    small = int(rng.integers(16, 40))
    reduced = cv2.resize(row, (small, small), interpolation=cv2.INTER_AREA)
    back = cv2.resize(reduced, (ROW_SIZE, ROW_SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(back, dtype=np.uint8)


def jpeg_compressed(row: Gray, quality: int) -> Gray:
    """Compress a row as JPEG with this quality, 0..100, and decode it again."""
    _, content = cv2.imencode(".jpg", row, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def _erased(view: Gray, rng: np.random.Generator, share: float) -> Gray:
    """Fill a rectangle with the view's mean grey (Zhong et al.: Random Erasing, 2017)."""
    if rng.random() >= share:
        return view
    height, width = view.shape
    h, w = (int(rng.uniform(0.15, 0.5) * side) for side in (height, width))
    top, left = int(rng.integers(0, height - h)), int(rng.integers(0, width - w))
    view = view.copy()
    view[top : top + h, left : left + w] = int(view.mean())
    return view


def _gray(values: NDArray[np.floating[Any]]) -> Gray:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
