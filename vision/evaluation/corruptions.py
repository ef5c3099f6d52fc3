"""Corruptions of a face for the robustness evaluation: light, blur, noise, rotation, masks.

Each one maps a row, uint8 (48, 48), to a row, so its strength does not depend on the size of the
photo.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_SIZE, Eyes
from vision.network.coverings import covered
from vision.training.augmentation import jpeg_compressed

Gray = NDArray[np.uint8]

Kind = Literal[
    "brightness", "contrast", "blur", "noise", "jpeg", "turn", "resolution", "mask", "sunglasses"
]
Level = Literal["weak", "medium", "strong"]

LEVELS: Final[tuple[Level, ...]] = ("weak", "medium", "strong")

# Strengths of each kind and direction, from weak to strong.
_LADDERS: Final[tuple[tuple[Kind, tuple[float, float, float]], ...]] = (
    ("brightness", (-25, -50, -75)),
    ("brightness", (25, 50, 75)),
    ("contrast", (0.7, 0.5, 0.3)),
    ("blur", (1, 2, 3)),
    ("noise", (8, 16, 32)),
    ("jpeg", (30, 15, 5)),
    ("turn", (-10, -20, -30)),
    ("turn", (10, 20, 30)),
    ("resolution", (32, 24, 16)),
)

_NAMES: Final[dict[Kind, str]] = {
    "brightness": "brightness {:+g}",
    "contrast": "contrast ×{:g}",
    "blur": "blur σ {:g}",
    "noise": "noise σ {:g}",
    "jpeg": "JPEG {:g}",
    "turn": "turned {:+g}°",
    "resolution": "{:g} pixels",
    "mask": "mask",
    "sunglasses": "sunglasses",
}


@dataclass(frozen=True, slots=True)
class Corruption:
    """One corruption.

    Args:
        kind: The kind of corruption.
        strength: Brightness: grey levels added. Contrast: factor. Blur: standard deviation in
            pixels. Noise: standard deviation in grey levels. JPEG: quality, 0..100. Turn:
            degrees to the right. Resolution: pixels left of 48. None for coverings.
        level: How strong that is; None for coverings.
    """

    kind: Kind
    strength: float | None = None
    level: Level | None = None

    @property
    def name(self) -> str:
        """Its name in tables."""
        return _NAMES[self.kind].format(self.strength).replace("-", "−")


CORRUPTIONS: Final = (
    *(
        Corruption(kind, strength, level)
        for kind, ladder in _LADDERS
        for strength, level in zip(ladder, LEVELS, strict=True)
    ),
    Corruption("mask"),
    Corruption("sunglasses"),
)
"""All corruptions, from weak to strong within each kind and direction."""


def corrupted(row: Gray, eyes: Eyes, corruption: Corruption, rng: np.random.Generator) -> Gray:
    """Apply a corruption to a row, uint8 (48, 48).

    Args:
        row: The face.
        eyes: Its eye centres, which position glasses and masks.
        corruption: The corruption.
        rng: Draws noise, masks and glasses.
    """
    if corruption.kind == "mask":
        return covered(row, eyes, "mouth", rng)
    if corruption.kind == "sunglasses":
        return covered(row, eyes, "eyes", rng)
    strength = corruption.strength
    assert strength is not None, corruption
    match corruption.kind:
        case "brightness":
            return _gray(row.astype(np.float64) + strength)
        case "contrast":
            return contrasted(row, strength)
        case "blur":
            return blurred(row, strength)
        case "noise":
            return _gray(row + rng.normal(0, strength, row.shape))
        case "jpeg":
            return jpeg_compressed(row, round(strength))
        case "turn":
            return turned(row, strength)
        case "resolution":
            return reduced(row, round(strength))


def contrasted(row: Gray, factor: float) -> Gray:
    """Scale the contrast around the mean grey."""
    mean = row.mean()
    return _gray(mean + factor * (row - mean))


def blurred(row: Gray, sigma_px: float) -> Gray:
    """Blur with a Gaussian."""
    if sigma_px == 0:
        return row
    blur = cv2.GaussianBlur(row, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blur, np.uint8)


def turned(row: Gray, degrees: float) -> Gray:
    """Rotate about the middle, to the right; the border is repeated outside."""
    middle = (ROW_SIZE - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), -degrees, 1.0)
    warped = cv2.warpAffine(
        row, turn, row.shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def reduced(row: Gray, side: int) -> Gray:
    """Downscale to `side` pixels, then upscale again."""
    if side == ROW_SIZE:
        return row
    small = cv2.resize(row, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, row.shape, interpolation=cv2.INTER_CUBIC), np.uint8)


def _gray(values: NDArray[np.floating[Any]]) -> Gray:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
