"""A reading: the network's probabilities for one face, and how far to trust them."""

from dataclasses import dataclass
from typing import Any, Literal

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven emotions in the order of FER-2013's ids; every array of seven follows it."""

Probabilities = dict[str, float]
"""One probability for each of `EMOTIONS`, in that order, summing to one."""

Covering = Literal["none", "mouth", "eyes"]
"""Which part of a face is covered."""

View = Literal["eyes", "face", "fused"]
"""The input of a head: the eye strip, the face, or both."""

Head = Literal["eyes", "face", "fused", "masked", "shaded"]
"""The heads of the network: one per view, and two fitted to covered faces."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the network reads in one photo.

    Pixel coordinates are those of the upright photo (after its EXIF orientation), origin at the
    top left, x to the right.

    Args:
        probabilities: Calibrated probabilities of the answering head.
        eyes: Calibrated probabilities of the head that sees the eye strip alone.
        face: Calibrated probabilities of the head that sees the face alone.
        answered_by: The view of the answering head.
        eyes_found: `haar` if a cascade found both eyes, `estimated` if their position was derived
            from the face.
        faces: How many faces were found; the reading is of the largest, or of the chosen one.
        face_box: Left, top, width, height of the face that was read.
        eye_centers: Centres of the two eyes, the one further left in the picture first.
        step_ms: Milliseconds of each step, in order.
        covered: Which part of the face a mask or sunglasses cover.
        is_chosen: Whether the user chose this face among several.
        moments: Over how many moments of a video the probabilities are averaged; the other fields
            belong to the clearest moment.
    """

    probabilities: Probabilities
    eyes: Probabilities
    face: Probabilities
    answered_by: View
    eyes_found: Literal["haar", "estimated"]
    faces: int
    face_box: tuple[int, int, int, int]
    eye_centers: tuple[tuple[float, float], tuple[float, float]]
    step_ms: dict[str, float]
    covered: Covering = "none"
    is_chosen: bool = False
    moments: int = 1

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The probability of `emotion`, 0..1."""
        return self.probabilities[self.emotion]

    @property
    def ms(self) -> float:
        """Milliseconds of all steps together."""
        return sum(self.step_ms.values())

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `mirrortape read --json` prints."""
        return {
            "emotion": self.emotion,
            "confidence": round(self.confidence, 4),
            "probabilities": _rounded(self.probabilities),
            "views": {"eyes": _rounded(self.eyes), "face": _rounded(self.face)},
            "answered_by": self.answered_by,
            "covered": self.covered,
            "eyes_found": self.eyes_found,
            "faces": self.faces,
            "face_box": list(self.face_box),
            "eye_centers": [[round(x, 1), round(y, 1)] for x, y in self.eye_centers],
            "ms": round(self.ms, 1),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reading and the picture that explains it.

    Args:
        reading: The reading.
        picture: A JPEG.
        photo: Which of the given photos was read, from 0.
    """

    reading: Reading
    picture: bytes
    photo: int = 0


@dataclass(frozen=True, slots=True)
class SeveralFaces:
    """A photo of several people: the user must say who is meant.

    Args:
        count: How many faces can be read, numbered from 0, from left to right.
        picture: A JPEG that shows their numbers, from 1.
        photo: Which of the given photos this is, from 0.
    """

    count: int
    picture: bytes
    photo: int = 0


def percent(probability: float) -> str:
    """Format a probability, 0..1, as a percentage; never as 0 % or 100 %."""
    rounded = round(100 * probability)
    if rounded == 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 else f"{rounded} %"


def _rounded(probabilities: Probabilities) -> Probabilities:
    return {emotion: round(value, 4) for emotion, value in probabilities.items()}
