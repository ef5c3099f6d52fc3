"""Both eyes inside a face, found by Haar cascades, or estimated from the face's box.

Every try looks at the face cut out at one standard size. Eye cascades also fire at nostrils,
brows and corners of the mouth, so finds count only where eyes can be, and of all pairs the one is
taken that many detections agree on and that lies most like a pair of eyes. The first try that
shows a pair ends the search.
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.crops import ROW_SIZE, Eyes, Point, apply, inverse
from vision.faces import Face, face_patch, load_cascade

Gray = NDArray[np.uint8]

# All in sides of the face's box, origin at its top left. Medians and spread of the plain eye
# cascade's finds over the development data's faces.
USUAL_EYES: Final = ((0.310, 0.393), (0.682, 0.393))
_SPREAD: Final = np.array([0.045, 0.035])
_FARTHEST: Final = 3.0  # spreads from the usual place at which a find is no eye any more

_PATCH: Final = 200  # pixels of the cut-out face
_EYE_PX: Final = (30, 80)  # smallest and largest eye detection in it
_DISTANCE: Final = (0.26, 0.52)  # between the eyes
_STEEPEST: Final = np.tan(np.deg2rad(18))  # of the eye line, after the try's own turn


@dataclass(frozen=True, slots=True)
class _Try:
    """One way to look at the face; `neighbours` is how many detections must agree."""

    cascades: tuple[str, str]  # for the eye on the left and on the right of the picture
    neighbours: int
    contrast: Literal["plain", "equalised", "local"] = "plain"
    turn_deg: float = 0.0


_EYE: Final = ("eye", "eye")
_GLASSES: Final = ("eye_tree_eyeglasses", "eye_tree_eyeglasses")
_SIDES: Final = ("righteye_2splits", "lefteye_2splits")  # named after the person's own sides

_TRIES: Final = (
    _Try(_EYE, 4, "equalised"),
    _Try(_GLASSES, 4, "equalised"),
    _Try(_EYE, 3, "local"),
    _Try(_SIDES, 4, "equalised"),
    _Try(_GLASSES, 2),
    _Try(_EYE, 3, turn_deg=12),
    _Try(_EYE, 3, turn_deg=-12),
    _Try(_SIDES, 2, "local"),
    _Try(_EYE, 2, "equalised"),
)


class EyeFinder:
    """Finds the two eyes of a face; loads its cascades once."""

    def __init__(self) -> None:
        self._cascades = {name: load_cascade(name) for t in _TRIES for name in t.cascades}
        self._local = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4))

    def find(self, gray: Gray, face: Face) -> Eyes | None:
        """Return the centres of both eyes in a picture, uint8 (H, W), or None.

        The eye further left in the upright face comes first.
        """
        for attempt in _TRIES:
            turned = replace(face, turn_deg=face.turn_deg + attempt.turn_deg)
            patch, to_patch = face_patch(gray, turned, _PATCH, _PATCH)
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
        found = {
            cascade: self._cascades[cascade].detectMultiScale2(
                patch[: _PATCH * 2 // 3],
                scaleFactor=1.05,
                minNeighbors=attempt.neighbours,
                minSize=(_EYE_PX[0],) * 2,
                maxSize=(_EYE_PX[1],) * 2,
            )
            for cascade in set(attempt.cascades)  # most serve both sides: one search is enough
        }
        sides = []
        for cascade, usual in zip(attempt.cascades, USUAL_EYES, strict=True):
            boxes, votes = found[cascade]
            centres = [np.array([x + w / 2, y + h / 2]) / _PATCH for x, y, w, h in boxes]
            sides.append(
                [
                    (centre, min(int(vote), 20) / 10 - off)
                    for centre, vote in zip(centres, votes, strict=True)
                    if (off := float(np.hypot(*((centre - usual) / _SPREAD)))) < _FARTHEST
                ]
            )
        pairs = [
            (a + b, np.array([left, right]))
            for (left, a), (right, b) in product(*sides)
            if _is_plausible(left, right)
        ]
        return max(pairs, key=lambda pair: pair[0])[1] if pairs else None


def estimate_eyes(face: Face) -> Eyes:
    """Return where the eyes of such a face usually are, in pixels of the picture."""
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
