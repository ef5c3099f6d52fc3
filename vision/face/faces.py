"""Find faces in a photo, upright or turned, with Haar cascades (Viola & Jones, 2001).

The cost of a sweep grows with the number of windows, so the picture is shrunk until the wanted
faces are hardly larger than the cascades' training size. The first sweep looks for selfies: faces
of about a quarter of the picture or more. Only if it finds none do further sweeps look for
smaller, turned and finally tiny faces, at higher resolution.

On a large picture a cascade also fires on gravel, flowers and letters. So each candidate is cut
out upright at one standard size, and two cascades vote on it again: real faces get many votes,
false positives hardly any.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import Affine, apply, chain, halve, inverse, sample

Gray = NDArray[np.uint8]

_NEAR_SIDE: Final = 320  # shorter side, in pixels, of the picture for the near sweeps
_SMALLEST: Final = 20  # pixels; the cascades' training size
_TURN_DEG: Final = 20.0
_MOST_CANDIDATES: Final = 12  # per sweep that are verified
_SAME_FACE: Final = 0.25  # intersection over union from which two boxes are one face
_PATCH_FACE: Final = 54  # side of the face, in pixels, in the patch that is voted on


@dataclass(frozen=True, slots=True)
class Face:
    """A face found in a picture.

    Args:
        centre: Middle of the face's box, x and y in pixels.
        size: Side of its square box in pixels.
        turn_deg: Tilt of the head, as the turn of the sweep that found it; positive towards the
            right in the picture.
        votes: Agreeing detections in the verification, which stops once there are enough.
    """

    centre: tuple[float, float]
    size: float
    turn_deg: float
    votes: int

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return left, top, width, height of the box, clipped to a picture of this size."""
        (x, y), half = self.centre, self.size / 2
        left, top = max(0, round(x - half)), max(0, round(y - half))
        right, bottom = min(width, round(x + half)), min(height, round(y + half))
        return left, top, right - left, bottom - top


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One search of the picture, for faces of at least `_SMALLEST` pixels."""

    side: int  # shorter side, in pixels, that the picture is reduced to
    step: float = 1.1  # factor between detection sizes
    neighbours: int = 3  # detections that must agree
    margin: float = 0.2  # added border, in shorter sides: a face may fill the picture
    turn_deg: float = 0.0
    equalised: bool = False
    votes: int = 10  # votes that confirm a candidate
    most: float = 100.0  # largest face, in multiples of the smallest


# In order; the first sweep that finds a face ends the search.
_NEAR: Final = (
    _Sweep(90, step=1.2, neighbours=2, margin=0.15),
    _Sweep(160),
    _Sweep(160, equalised=True),
    _Sweep(120, step=1.15, turn_deg=_TURN_DEG),
    _Sweep(120, step=1.15, turn_deg=-_TURN_DEG),
)
_FAR: Final = (
    _Sweep(320, most=3, margin=0.0, votes=16),
    _Sweep(100_000, most=4, margin=0.0, votes=16),
)

_SWEEPER: Final = "frontalface_alt2"
_VOTERS: Final = ("frontalface_alt2", "frontalface_alt")


def load_cascade(name: str) -> cv2.CascadeClassifier:
    """Load a cascade that comes with OpenCV."""
    folder = Path(cv2.__file__).parent / "data"
    cascade = cv2.CascadeClassifier(str(folder / f"haarcascade_{name}.xml"))
    assert not cascade.empty(), name
    return cascade


class FaceFinder:
    """Finds faces; loads its cascades once."""

    def __init__(self) -> None:
        self._cascades = {name: load_cascade(name) for name in {_SWEEPER, *_VOTERS}}

    def find(self, gray: Gray) -> list[Face]:
        """Return the faces in a picture, uint8 (H, W), the largest first; may be empty."""
        half, to_half = halve(gray, _NEAR_SIDE / min(gray.shape))
        near, to_near = _reduce(half, _NEAR_SIDE)
        for sweep in _NEAR:
            if faces := self._sweep(near, sweep):
                return [_map(face, inverse(chain(to_half, to_near))) for face in faces]
        for sweep in _FAR:
            if faces := self._sweep(gray, sweep):
                return faces
        return []

    def _sweep(self, gray: Gray, sweep: _Sweep) -> list[Face]:
        picture, to_picture = _prepare(gray, sweep)
        boxes, counts = self._cascades[_SWEEPER].detectMultiScale2(
            picture,
            scaleFactor=sweep.step,
            minNeighbors=sweep.neighbours,
            minSize=(_SMALLEST,) * 2,
            maxSize=(int(sweep.most * _SMALLEST),) * 2,
        )
        back = inverse(to_picture)
        faces = []
        for index in np.argsort(counts)[::-1][:_MOST_CANDIDATES]:
            x, y, size, _ = boxes[index]
            middle = ((size - 1) / 2 + x, (size - 1) / 2 + y)
            candidate = _map(Face(middle, float(size), sweep.turn_deg, 0), back)
            votes = self._vote(gray, candidate, sweep.votes)
            if votes >= sweep.votes:
                faces.append(replace(candidate, votes=votes))
        return _distinct(faces)

    def _vote(self, gray: Gray, face: Face, enough: int) -> int:
        """Return the votes for a candidate, cut out upright at a standard size.

        The second cascade runs only if the first gives too few votes, which is rare for a face.
        """
        side = _PATCH_FACE * 3 // 2
        patch, _ = face_patch(gray, face, _PATCH_FACE, side)
        votes = 0
        for name in _VOTERS:
            boxes, counts = self._cascades[name].detectMultiScale2(
                patch,
                scaleFactor=1.1,
                minNeighbors=1,
                minSize=(round(0.7 * _PATCH_FACE),) * 2,
                maxSize=(round(1.4 * _PATCH_FACE),) * 2,
            )
            for (x, y, size, _), count in zip(boxes, counts, strict=True):
                off = np.array([x, y]) + size / 2 - side / 2
                if np.abs(off).max() < _PATCH_FACE / 5:
                    votes += int(count)
            if votes >= enough:
                break
        return votes


def face_patch(gray: Gray, face: Face, face_px: int, side: int) -> tuple[Gray, Affine]:
    """Cut out a face, turned upright.

    Args:
        gray: uint8 (H, W).
        face: The face.
        face_px: Side of its box in the patch, in pixels.
        side: Side of the patch in pixels; the box is in the middle.

    Returns:
        The patch, uint8 (side, side), and the map from the picture to it.
    """
    scale, turn = face_px / face.size, np.deg2rad(face.turn_deg)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, sin], [-sin, cos]])
    affine = np.column_stack([linear, (side - 1) / 2 - linear @ face.centre])
    half, to_half = halve(gray, 2 * scale)  # fine enough for the cascades
    return sample(half, chain(inverse(to_half), affine), (side, side)), affine


def _reduce(gray: Gray, shorter: int) -> tuple[Gray, Affine]:
    """Shrink a picture to this shorter side, if it is larger; return it and the map to it."""
    scale = min(1.0, shorter / min(gray.shape))
    height, width = (max(1, round(side * scale)) for side in gray.shape)
    reduced = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
    shift = (scale - 1) / 2
    affine = np.array([[scale, 0.0, shift], [0.0, scale, shift]])
    return np.asarray(reduced, dtype=np.uint8), affine


def _prepare(gray: Gray, sweep: _Sweep) -> tuple[Gray, Affine]:
    """Shrink, pad and turn a picture for a sweep; return it and the map to it."""
    reduced, affine = _reduce(gray, sweep.side)
    border = round(sweep.margin * min(reduced.shape))
    picture = cv2.copyMakeBorder(reduced, border, border, border, border, cv2.BORDER_REPLICATE)
    affine = chain(affine, np.array([[1.0, 0.0, border], [0.0, 1.0, border]]))
    if sweep.turn_deg:
        height, width = picture.shape[:2]
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), sweep.turn_deg, 1.0)
        picture = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        affine = chain(affine, np.asarray(turn, dtype=np.float64))
    if sweep.equalised:
        picture = cv2.equalizeHist(picture)
    return np.asarray(picture, dtype=np.uint8), affine


def _map(face: Face, affine: Affine) -> Face:
    """Apply a similarity to a face's centre and size."""
    ((x, y),) = apply(affine, np.array([face.centre]))
    scale = float(np.hypot(affine[0, 0], affine[1, 0]))
    return replace(face, centre=(float(x), float(y)), size=face.size * scale)


def _distinct(faces: list[Face]) -> list[Face]:
    """Keep the face with the most votes of each overlapping group; sort by size, largest first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.votes, reverse=True):
        if all(_overlap(face, other) < _SAME_FACE for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: face.size, reverse=True)


def _overlap(a: Face, b: Face) -> float:
    """Return the intersection over union of two boxes."""
    sides = [
        max(0.0, min(p + a.size / 2, q + b.size / 2) - max(p - a.size / 2, q - b.size / 2))
        for p, q in zip(a.centre, b.centre, strict=True)
    ]
    shared = sides[0] * sides[1]
    return shared / (a.size**2 + b.size**2 - shared)
