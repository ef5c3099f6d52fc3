"""Draw masks and sunglasses on rows.

Training draws them so that the network recognises covered faces, and the robustness evaluation
draws them to measure their cost. Shape, grey and shading vary, but real masks and glasses look
different still, so the measured cost is that of drawings.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import Eyes
from vision.reading import Covering

Gray = NDArray[np.uint8]

COVERINGS: Final[tuple[Covering, ...]] = ("none", "mouth", "eyes")
"""What can be covered, in the order of the covering head's outputs."""

_FINE: Final = 8  # supersampling per direction, for smooth edges


def covered(row: Gray, eyes: Eyes, covering: Covering, rng: np.random.Generator) -> Gray:
    """Return a row, uint8 (H, W), with its mouth or its eyes covered.

    Args:
        row: The face.
        eyes: Its eye centres, in pixels of the row.
        covering: The part to cover.
        rng: Draws shape and grey.
    """
    if covering == "none":
        return row
    outlines = _mask(rng) if covering == "mouth" else _glasses(rng)
    to_row = _face_frame(eyes)
    opacity = np.zeros((row.shape[0] * _FINE, row.shape[1] * _FINE), np.uint8)
    for outline in outlines:
        points = (outline @ to_row[:, :2].T + to_row[:, 2] + 0.5) * _FINE
        cv2.fillPoly(opacity, [np.rint(points).astype(np.int32)], 255)
    share = cv2.resize(opacity, row.shape[::-1], interpolation=cv2.INTER_AREA) / 255.0
    cloth = _cloth(row.shape, rng) if covering == "mouth" else _lenses(row.shape, rng)
    return np.asarray(np.clip(np.rint(row + share * (cloth - row)), 0, 255), np.uint8)


def _face_frame(eyes: Eyes) -> NDArray[np.float64]:
    """Return the map from the face's own frame to the row.

    In that frame the unit is the eye distance, and the origin lies midway between the eyes. x
    runs along the eye line, y down the face.
    """
    left, right = (np.array(point) for point in eyes)
    along = right - left
    return np.column_stack([along, [-along[1], along[0]], (left + right) / 2])


def _mask(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Draw the outline of a mask over nose, mouth and chin."""
    top, middle, bottom = rng.uniform(0.22, 0.5), rng.uniform(0.35, 0.65), rng.uniform(1.6, 2.2)
    wide, chin = rng.uniform(0.85, 1.15), rng.uniform(0.35, 0.7)
    outline = [
        (-wide, middle),
        (-wide / 2, (top + middle) / 2),
        (0.0, top),
        (wide / 2, (top + middle) / 2),
        (wide, middle),
        (0.95 * wide, (middle + bottom) / 2),
        (chin, bottom),
        (-chin, bottom),
        (-0.95 * wide, (middle + bottom) / 2),
    ]
    return [np.array(outline)]


def _glasses(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Draw the outlines of two lenses, their bridge and temples."""
    half_width, half_height = rng.uniform(0.34, 0.46), rng.uniform(0.22, 0.36)
    down, roundness = rng.uniform(-0.04, 0.08), rng.uniform(0.5, 1.0)
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    # A superellipse: from an oval (1) to nearly a rectangle (0.5).
    x = half_width * np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** roundness
    y = half_height * np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** roundness + down
    bar, level = 0.035, down - half_height / 2
    frame = np.array([(-1.1, level - bar), (1.1, level - bar), (1.1, level + bar)])
    frame = np.vstack([frame, [(-1.1, level + bar)]])
    return [np.column_stack([x - 0.5, y]), np.column_stack([x + 0.5, y]), frame]


def _cloth(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw light or dark cloth: a slanted shade, folds across, a little grain."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width] / height
    grey, slant = rng.uniform(25, 235), rng.uniform(-40, 40, 2)
    folds = rng.uniform(0, 12) * np.sin(2 * np.pi * (y * rng.uniform(4, 9) + rng.random()))
    grain = rng.normal(0, rng.uniform(0, 4), shape)
    return np.asarray(grey + slant[0] * (x - 0.5) + slant[1] * (y - 0.7) + folds + grain)


def _lenses(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw dark glass with a faint reflection."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width] / height
    shade = rng.uniform(5, 65) + rng.uniform(-60, 60) * (y - 0.4) + rng.uniform(-25, 25) * x
    return np.asarray(shade + rng.normal(0, rng.uniform(0, 3), shape))
