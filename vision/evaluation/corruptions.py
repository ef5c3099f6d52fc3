"""What may happen to a face before it is read: poor light, blur, noise, a turn, a mask.

Each change takes a row, uint8 (48, 48), and returns one: what a strength means then does not
depend on how large the photo was.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_SIZE, Eyes
from vision.network.coverings import covered
from vision.training.augmentation import jpeg

Gray = NDArray[np.uint8]

Kind = Literal[
    "brightness", "contrast", "blur", "noise", "jpeg", "turn", "resolution", "mask", "sunglasses"
]
Level = Literal["weak", "medium", "strong"]

LEVELS: Final[tuple[Level, ...]] = ("weak", "medium", "strong")

# One ladder per direction, from weak to strong.
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
    """One change.

    Args:
        kind: What is done.
        strength: Grey levels that are added; factor of the contrast; standard deviation of the
            blur in pixels, or of the noise in grey levels; JPEG's quality, 0..100; degrees to
            the right; pixels that are left of 48. None for what only covers.
        level: How strong that is; None for what only covers.
    """

    kind: Kind
    strength: float | None = None
    level: Level | None = None

    @property
    def name(self) -> str:
        """What it is called in tables."""
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
"""All that is measured; each kind's from weak to strong, one direction after the other."""


def corrupted(row: Gray, eyes: Eyes, corruption: Corruption, rng: np.random.Generator) -> Gray:
    """Return a row, uint8 (48, 48), after a change.

    Args:
        row: The face.
        eyes: Its eye centres, on which glasses and masks are placed.
        corruption: What is done to it.
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
            return jpeg(row, round(strength))
        case "turn":
            return turned(row, strength)
        case "resolution":
            return reduced(row, round(strength))


def contrasted(row: Gray, factor: float) -> Gray:
    """Bring all greys nearer to their mean, or with a factor above 1 farther away."""
    mean = row.mean()
    return _gray(mean + factor * (row - mean))


def blurred(row: Gray, sigma_px: float) -> Gray:
    """Blur with a Gaussian."""
    if sigma_px == 0:
        return row
    blur = cv2.GaussianBlur(row, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blur, np.uint8)


def turned(row: Gray, degrees: float) -> Gray:
    """Turn about the middle, to the right; what comes in from outside repeats the border."""
    middle = (ROW_SIZE - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), -degrees, 1.0)
    warped = cv2.warpAffine(
        row, turn, row.shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def reduced(row: Gray, side: int) -> Gray:
    """Reduce to so many pixels, then enlarge again."""
    if side == ROW_SIZE:
        return row
    small = cv2.resize(row, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, row.shape, interpolation=cv2.INTER_CUBIC), np.uint8)


def _gray(values: NDArray[np.floating[Any]]) -> Gray:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
