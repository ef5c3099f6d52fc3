"""Find both eyes of a face with Haar cascades, or estimate them from the face box.

Every attempt searches the face cut out at one standard size. At that size an eye is hardly larger
than the cascades' training size; larger patches take longer and find little more. Eye cascades
also fire on nostrils, brows and mouth corners. So detections count only where eyes can be, and
the best pair has many agreeing detections and the geometry of a pair of eyes. The first attempt
that finds a pair ends the search.
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

# In sides of the face box, origin at its top left: median and spread of the plain eye cascade's
# detections on the faces of the development data.
USUAL_EYES: Final = ((0.310, 0.393), (0.682, 0.393))
_SPREAD: Final = np.array([0.045, 0.035])
_FARTHEST: Final = 3.3  # spreads from the usual place; a detection farther away is not an eye

_ROWS: Final = (0.08, 0.7)  # top and bottom of the search area
_HALF: Final = 0.62  # width of the search area for a single eye
_LARGEST_EYE: Final = 0.36  # largest detection
_DISTANCE: Final = (0.26, 0.52)  # smallest and largest distance between the eyes
_STEEPEST: Final = np.tan(np.deg2rad(18))  # slope of the eye line, after the attempt's turn

_PATCH: Final = 120  # side of the cut-out face in pixels
_SMALLEST_EYE: Final = 20  # pixels; the cascades' training size
_STEP: Final = 1.1  # factor between detection sizes
_MOST_VOTES: Final = 10  # further agreeing detections do not count

# Where a cascade's box has the eye's centre, in sides of the box. Boxes of the one-sided cascades
# include the brow; their values are medians relative to the plain eye cascade on the same eyes.
_CENTRE: Final = {
    "eye": (0.5, 0.5),
    "righteye_2splits": (0.45, 0.64),
    "lefteye_2splits": (0.45, 0.64),
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way to search a face; `neighbours` is how many detections must agree."""

    cascades: tuple[str, str]  # for the eye on the left and on the right of the picture
    neighbours: int = 1
    contrast: Literal["plain", "equalised", "local"] = "plain"
    turn_deg: float = 0.0


_EYE: Final = ("eye", "eye")
_SIDES: Final = ("righteye_2splits", "lefteye_2splits")  # named after the person's own sides

_ATTEMPTS: Final = (
    _Attempt(_EYE),
    _Attempt(_SIDES),
    _Attempt(_EYE, contrast="local"),
    _Attempt(_SIDES, contrast="equalised", turn_deg=12),
    _Attempt(_SIDES, contrast="equalised", turn_deg=-12),
    _Attempt(_EYE, 2, "equalised", turn_deg=12),
    _Attempt(_EYE, 2, "equalised", turn_deg=-12),
)


class EyeFinder:
    """Finds the two eyes of a face; loads its cascades once."""

    def __init__(self) -> None:
        self._cascades = {name: load_cascade(name) for name in {*_EYE, *_SIDES}}
        self._local = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4))

    def find(self, gray: Gray, face: Face) -> Eyes | None:
        """Return the centres of a face's eyes in a picture, uint8 (H, W), or None.

        The eye further left in the upright face comes first.
        """
        patches: dict[float, tuple[Gray, Affine]] = {}
        for attempt in _ATTEMPTS:
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
        """Return the eyes of a row, uint8 (48, 48), which the face fills, or None."""
        middle = (ROW_SIZE - 1) / 2
        return self.find(row, Face((middle, middle), ROW_SIZE, turn_deg=0.0, votes=0))

    def _adjust(self, patch: Gray, attempt: _Attempt) -> Gray:
        if attempt.contrast == "equalised":
            return np.asarray(cv2.equalizeHist(patch), dtype=np.uint8)
        if attempt.contrast == "local":
            return np.asarray(self._local.apply(patch), dtype=np.uint8)
        return patch

    def _pair(self, patch: Gray, attempt: _Attempt) -> NDArray[np.float64] | None:
        """Return the best pair of eye centres, float64 (2, 2), in sides of the face, or None."""
        left, right = attempt.cascades
        if left == right:  # one search is enough
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
        """Return eye centres, in sides of the patch, and how many detections agree on each.

        Args:
            patch: The face, uint8 (`_PATCH`, `_PATCH`).
            cascade: Name of the cascade.
            begin: Left edge of the search area, in sides of the patch.
            end: Its right edge.
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
    """Return the usual eye positions for a face box, in pixels of the picture."""
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
