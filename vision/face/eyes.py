"""Finds both eyes in a face with Haar cascades, or estimates them from the face's box.

Every attempt looks at the face at one standard size, at which an eye is hardly larger than the
cascades' training samples: larger sizes take longer and find little more. Eye cascades also fire
at nostrils, brows and corners of the mouth. So detections count only where eyes can be, and the
pair with the most votes and the most eye-like geometry wins. The first attempt with a pair ends
the search.
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_SIZE, Affine, Eyes, Point, apply, inverse
from vision.face.faces import Face, face_patch, load_cascade

Gray = NDArray[np.uint8]

# All in sides of the face's box, origin at its top left: medians and spreads of the plain eye
# cascade's detections on the development data's faces.
USUAL_EYES: Final = ((0.310, 0.393), (0.682, 0.393))
_SPREAD: Final = np.array([0.045, 0.035])
_FARTHEST: Final = 3.3  # a detection more spreads away from the usual position is not an eye

_ROWS: Final = (0.08, 0.7)  # of the face, in which eyes are sought
_HALF: Final = 0.62  # of the face's width, in which one eye alone is sought
_LARGEST_EYE: Final = 0.36  # largest detection
_DISTANCE: Final = (0.26, 0.52)  # between the eyes
_STEEPEST: Final = np.tan(
    np.deg2rad(18)
)  # slope of the eye line, after the attempt's own rotation

_PATCH: Final = 120  # pixels of the cut-out face
_SMALLEST_EYE: Final = 20  # pixels
_STEP: Final = 1.1  # ratio between search sizes
_MOST_VOTES: Final = 10  # detections that count

# The eye's centre in a cascade's box, in sides of the box. The boxes of the one-sided cascades
# include the brow; these are medians relative to the plain eye cascade on the same eyes.
_CENTRE: Final = {
    "eye": (0.5, 0.5),
    "righteye_2splits": (0.45, 0.64),
    "lefteye_2splits": (0.45, 0.64),
}


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt; `neighbours` is how many detections must agree."""

    cascades: tuple[str, str]  # for the eye on the left and on the right of the picture
    neighbours: int = 1
    contrast: Literal["plain", "equalised", "local"] = "plain"
    turn_deg: float = 0.0


_EYE: Final = ("eye", "eye")
_SIDES: Final = ("righteye_2splits", "lefteye_2splits")  # named after the person's own sides

_TRIES: Final = (
    _Try(_EYE),
    _Try(_SIDES),
    _Try(_EYE, contrast="local"),
    _Try(_SIDES, contrast="equalised", turn_deg=12),
    _Try(_SIDES, contrast="equalised", turn_deg=-12),
    _Try(_EYE, 2, "equalised", turn_deg=12),
    _Try(_EYE, 2, "equalised", turn_deg=-12),
)


class EyeFinder:
    """Finds the two eyes of a face; loads its cascades once."""

    def __init__(self) -> None:
        self._cascades = {name: load_cascade(name) for name in {*_EYE, *_SIDES}}
        self._local = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4))

    def find(self, gray: Gray, face: Face) -> Eyes | None:
        """Return the centres of both eyes in a picture, uint8 (H, W), or None.

        The eye further left in the upright face comes first.
        """
        patches: dict[float, tuple[Gray, Affine]] = {}
        for attempt in _TRIES:
            if attempt.turn_deg not in patches:
                turned = replace(face, turn_deg=face.turn_deg + attempt.turn_deg)
                patches[attempt.turn_deg] = face_patch(gray, turned, _PATCH, _PATCH)
            patch, to_patch = patches[attempt.turn_deg]
            pair = self._pair(self._adjust(patch, attempt), attempt)
            if pair is not None:
                left, right = apply(inverse(to_patch), pair * _PATCH - 0.5)
                return (float(left[0]), float(left[1])), (float(right[0]), float(right[1]))
        return None

    def find_in_row(self, row: Gray) -> Eyes | None:
        """Return the eyes of a row, uint8 (48, 48): a face that fills its picture."""
        middle = (ROW_SIZE - 1) / 2
        return self.find(row, Face((middle, middle), ROW_SIZE, turn_deg=0.0, votes=0))

    def _adjust(self, patch: Gray, attempt: _Try) -> Gray:
        if attempt.contrast == "equalised":
            return np.asarray(cv2.equalizeHist(patch), dtype=np.uint8)
        if attempt.contrast == "local":
            return np.asarray(self._local.apply(patch), dtype=np.uint8)
        return patch

    def _pair(self, patch: Gray, attempt: _Try) -> NDArray[np.float64] | None:
        """Return the best pair of eye centres, float64 (2, 2) in sides of the face, or None."""
        left, right = attempt.cascades
        if left == right:  # the same cascade: one search is enough
            found = [self._detect(patch, left, 0.0, 1.0, attempt.neighbours)] * 2
        else:
            found = [
                self._detect(patch, left, 0.0, _HALF, attempt.neighbours),
                self._detect(patch, right, 1.0 - _HALF, 1.0, attempt.neighbours),
            ]
        sides = [
            [
                (centre, min(votes, _MOST_VOTES) / 5 - off)
                for centre, votes in finds
                if (off := float(np.hypot(*((centre - usual) / _SPREAD)))) < _FARTHEST
            ]
            for finds, usual in zip(found, USUAL_EYES, strict=True)
        ]
        pairs = [
            (a + b, np.array([left, right]))
            for (left, a), (right, b) in product(*sides)
            if _is_plausible(left, right)
        ]
        return max(pairs, key=lambda pair: pair[0])[1] if pairs else None

    def _detect(
        self, patch: Gray, cascade: str, begin: float, end: float, neighbours: int
    ) -> list[tuple[NDArray[np.float64], int]]:
        """Return the centres of eyes, in sides of the patch, and how many detections agree.

        Args:
            patch: The face, uint8 (`_PATCH`, `_PATCH`).
            cascade: The cascade to use.
            begin: Left end of the search area, in sides of the patch.
            end: Right end of the search area.
            neighbours: How many detections must agree.
        """
        top, bottom = (round(part * _PATCH) for part in _ROWS)
        first, last = round(begin * _PATCH), round(end * _PATCH)
        boxes, votes = self._cascades[cascade].detectMultiScale2(
            patch[top:bottom, first:last],
            scaleFactor=_STEP,
            minNeighbors=neighbours,
            minSize=(_SMALLEST_EYE,) * 2,
            maxSize=(round(_LARGEST_EYE * _PATCH),) * 2,
        )
        across, down = _CENTRE[cascade]
        return [
            (np.array([first + x + across * size, top + y + down * size]) / _PATCH, int(count))
            for (x, y, size, _), count in zip(boxes, votes, strict=True)
        ]


def estimate_eyes(face: Face) -> Eyes:
    """Return the usual eye positions in a face, in pixels of the picture."""
    turn = np.deg2rad(face.turn_deg)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))

    def place(usual: Point) -> Point:
        x, y = ((side - 0.5) * face.size for side in usual)
        return face.centre[0] + cos * x - sin * y, face.centre[1] + sin * x + cos * y

    return place(USUAL_EYES[0]), place(USUAL_EYES[1])


def _is_plausible(left: NDArray[np.float64], right: NDArray[np.float64]) -> bool:
    across, down = right - left
    near, far = _DISTANCE
    return bool(near <= np.hypot(across, down) <= far and abs(down) <= _STEEPEST * across)
