"""Faces in a photo, found by Haar cascades (Viola & Jones, 2001), upright or turned.

A quick sweep over a reduced picture finds most selfies; only where it finds nothing do further
sweeps look at an equalised picture, turned by ±20°, and at the full working size. A cascade that
sweeps a large picture also fires at gravel, flowers and letters. So each find is cut out at one
standard size, upright, and other cascades vote on it once more: real faces collect many votes
there, chance finds hardly any.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.crops import Affine, apply, inverse, sample

Gray = NDArray[np.uint8]

QUICK_SIDE: Final = 640
"""Longest side of the picture for the quick sweeps, in pixels."""

MIN_VOTES: Final = 18
"""Second votes that make a find a face: chosen on the development data so that its faces pass and
its gravel, flowers and letters do not. No photographs were held out to check it on."""

_MARGIN: Final = 0.2  # border added around the picture, so that a face may fill it
_QUICK_FACE: Final = 1 / 8  # of the picture's shorter side: the smallest face of quick sweeps
_SMALLEST: Final = 24  # pixels; the cascades were trained on 20 to 24
_SMALLEST_FULL: Final = 20  # at full size; too small to be read, but not to be told so
_TURN_DEG: Final = 20.0
_MOST_FINDS: Final = 12  # per sweep and cascade that are looked at again
_SAME_FACE: Final = 0.25  # overlap (intersection over union) from which two boxes are one face
_PATCH_FACE: Final = 80  # pixels that a face takes in the patch on which it is voted


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in a picture.

    Args:
        centre: Middle of the face's box, x and y in pixels.
        size: Side of its square box in pixels.
        turn_deg: By how much the head leans, as far as the sweep that found it tells; positive
            towards the right in the picture.
        votes: How many detections agreed when the face was looked at again.
    """

    centre: tuple[float, float]
    size: float
    turn_deg: float
    votes: int

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return left, top, width, height of the part of the box inside a picture."""
        (x, y), half = self.centre, self.size / 2
        left, top = max(0, round(x - half)), max(0, round(y - half))
        right, bottom = min(width, round(x + half)), min(height, round(y + half))
        return left, top, right - left, bottom - top


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One way to look over the picture."""

    step: float = 1.1  # between the sizes that are looked for
    equalised: bool = False
    turn_deg: float = 0.0
    full: bool = False


# In the order in which they are tried; the first that finds a face ends the search.
_SWEEPS: Final = (
    _Sweep(),
    _Sweep(equalised=True),
    _Sweep(turn_deg=_TURN_DEG, step=1.15),
    _Sweep(turn_deg=-_TURN_DEG, step=1.15),
    _Sweep(full=True),
)

_SWEEPERS: Final = {"frontalface_default": 4, "frontalface_alt2": 3}  # neighbours asked for
_FULL_SWEEPERS: Final = {"frontalface_default": 4}  # much the quicker of the two
_VOTERS: Final = ("frontalface_alt2", "frontalface_alt")


def load_cascade(name: str) -> cv2.CascadeClassifier:
    """Load one of the cascades that come with OpenCV."""
    folder = Path(cv2.__file__).parent / "data"
    cascade = cv2.CascadeClassifier(str(folder / f"haarcascade_{name}.xml"))
    assert not cascade.empty(), name
    return cascade


class FaceFinder:
    """Finds faces; loads its cascades once."""

    def __init__(self) -> None:
        self._cascades = {name: load_cascade(name) for name in {*_SWEEPERS, *_VOTERS}}

    def find(self, gray: Gray) -> list[Face]:
        """Return the faces of a picture, uint8 (H, W), the largest first; maybe none."""
        for sweep in _SWEEPS:
            if faces := self._sweep(gray, sweep):
                return faces
        return []

    def _sweep(self, gray: Gray, sweep: _Sweep) -> list[Face]:
        picture, to_picture = _prepare(gray, sweep)
        scale = float(np.hypot(to_picture[0, 0], to_picture[1, 0]))
        smallest = _SMALLEST_FULL if sweep.full else int(_QUICK_FACE * min(gray.shape) * scale)
        largest = int(_QUICK_FACE * min(gray.shape)) if sweep.full else max(picture.shape)
        back = inverse(to_picture)
        faces = []
        for name, neighbours in (_FULL_SWEEPERS if sweep.full else _SWEEPERS).items():
            boxes, counts = self._cascades[name].detectMultiScale2(
                picture,
                scaleFactor=sweep.step,
                minNeighbors=neighbours,
                minSize=(smallest if sweep.full else max(smallest, _SMALLEST),) * 2,
                maxSize=(max(largest, 2 * _SMALLEST),) * 2,
            )
            best = np.argsort(counts)[::-1][:_MOST_FINDS]
            for x, y, size, _ in (boxes[index] for index in best):
                centre = apply(back, np.array([[x + size / 2, y + size / 2]]))[0]
                find = Face((float(centre[0]), float(centre[1])), size / scale, sweep.turn_deg, 0)
                votes = self._vote(gray, find)
                if votes >= MIN_VOTES:
                    faces.append(Face(find.centre, find.size, find.turn_deg, votes))
        return _distinct(faces)

    def _vote(self, gray: Gray, face: Face) -> int:
        """Look at a find again, alone, upright and at a standard size; return the votes for it."""
        side = _PATCH_FACE * 3 // 2
        patch, _ = face_patch(gray, face, _PATCH_FACE, side)
        votes = 0
        for name in _VOTERS:
            boxes, counts = self._cascades[name].detectMultiScale2(
                patch,
                scaleFactor=1.05,
                minNeighbors=1,
                minSize=(round(0.7 * _PATCH_FACE),) * 2,
                maxSize=(round(1.4 * _PATCH_FACE),) * 2,
            )
            for (x, y, size, _), count in zip(boxes, counts, strict=True):
                off = np.array([x, y]) + size / 2 - side / 2
                if np.abs(off).max() < _PATCH_FACE / 5:
                    votes += int(count)
        return votes


def face_patch(gray: Gray, face: Face, face_px: int, side: int) -> tuple[Gray, Affine]:
    """Cut out a face, set upright.

    Args:
        gray: uint8 (H, W).
        face: Which face.
        face_px: How many pixels its box shall take.
        side: Side of the patch in pixels; the box is in its middle.

    Returns:
        The patch, uint8 (side, side), and the map from the picture to it.
    """
    scale, turn = face_px / face.size, np.deg2rad(face.turn_deg)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, sin], [-sin, cos]])
    affine = np.column_stack([linear, (side - 1) / 2 - linear @ face.centre])
    return sample(gray, affine, (side, side)), affine


def _prepare(gray: Gray, sweep: _Sweep) -> tuple[Gray, Affine]:
    """Reduce and turn a picture, with a border around it; return it and the map to it."""
    height, width = gray.shape
    scale = 1.0 if sweep.full else min(1.0, QUICK_SIDE / max(gray.shape))
    # At full size small faces are sought, and those do not fill the picture.
    border = 0.0 if sweep.full else _MARGIN * min(gray.shape)
    side = (round(scale * (width + 2 * border)), round(scale * (height + 2 * border)))
    turn = np.deg2rad(sweep.turn_deg)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, sin], [-sin, cos]])
    middle = linear @ [(width - 1) / 2, (height - 1) / 2]
    affine = np.column_stack([linear, (np.array(side) - 1) / 2 - middle])
    picture = sample(gray, affine, side)
    if sweep.equalised:
        picture = np.asarray(cv2.equalizeHist(picture), dtype=np.uint8)
    return picture, affine


def _distinct(faces: list[Face]) -> list[Face]:
    """Keep of overlapping finds the one with the most votes; return the largest first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.votes, reverse=True):
        if all(_overlap(face, other) < _SAME_FACE for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: face.size, reverse=True)


def _overlap(a: Face, b: Face) -> float:
    """Return the intersection of two boxes over their union."""
    sides = [
        max(0.0, min(p + a.size / 2, q + b.size / 2) - max(p - a.size / 2, q - b.size / 2))
        for p, q in zip(a.centre, b.centre, strict=True)
    ]
    shared = sides[0] * sides[1]
    return shared / (a.size**2 + b.size**2 - shared)
