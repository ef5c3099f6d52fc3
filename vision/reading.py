"""A reading: what the network says about one face, and how far to trust it."""

from dataclasses import dataclass
from typing import Any, Literal

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven emotions in the order of FER-2013's ids; every array of seven follows it."""

Probabilities = dict[str, float]
"""One probability for each of `EMOTIONS`, in that order, summing to one."""

Covering = Literal["none", "mouth", "eyes"]
"""What of a face is covered."""

View = Literal["eyes", "face", "fused"]
"""What a head of the network sees: the eye strip, the face, or both."""

Head = Literal["eyes", "face", "fused", "masked", "shaded"]
"""A head that says an emotion. Each view has one; the last two were fitted to covered faces."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one photo says.

    Pixel coordinates are those of the upright photo (after its EXIF orientation), origin at the
    top left, x to the right.

    Args:
        probabilities: Calibrated probabilities of the head that answers.
        eyes: Calibrated probabilities of the head that sees the eye strip alone.
        face: Calibrated probabilities of the head that sees the face alone.
        answered_by: What the head saw that `probabilities` comes from.
        eyes_found: `haar` where a cascade found both eyes, `estimated` where their place was
            derived from the face.
        faces: How many faces were found; the reading is of the largest, or of the chosen one.
        face_box: Left, top, width, height of the face that was read.
        eye_centers: Centres of the two eyes, the one further left in the picture first.
        step_ms: Milliseconds of each step, in the order in which they ran.
        covered: What of the face is covered, by a mask or by sunglasses.
        is_chosen: Whether somebody said that this face is meant, of several.
        moments: How many moments of a video the probabilities are the mean of; what concerns the
            face is of the clearest.
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
        reading: What was read.
        picture: A JPEG.
        photo: Which of the photos that were given was read, from 0.
    """

    reading: Reading
    picture: bytes
    photo: int = 0


@dataclass(frozen=True, slots=True)
class SeveralFaces:
    """A photo with several people in it: somebody must say who is meant.

    Args:
        count: How many faces can be read; they are numbered from 0, from left to right.
        picture: A JPEG that shows them with their numbers, from 1.
        photo: Which of the photos that were given this is, from 0.
    """

    count: int
    picture: bytes
    photo: int = 0


def percent(probability: float) -> str:
    """Return a probability, 0..1, as people read it; an estimate is never 0 % or 100 % sure."""
    rounded = round(100 * probability)
    if rounded == 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 else f"{rounded} %"


def _rounded(probabilities: Probabilities) -> Probabilities:
    return {emotion: round(value, 4) for emotion, value in probabilities.items()}
