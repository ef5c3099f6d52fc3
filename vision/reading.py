"""The `Reading`: what the network says about one face, and with what confidence."""

from dataclasses import dataclass
from typing import Any, Literal

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven emotions, in the order of FER-2013's ids and of every array of seven."""

Probabilities = dict[str, float]
"""One probability per emotion, in the order of `EMOTIONS`, summing to one."""

Covering = Literal["none", "mouth", "eyes"]
"""The covered part of a face."""

View = Literal["eyes", "face", "fused"]
"""The input of a head: the eye strip, the face, or both (fused)."""

Head = Literal["eyes", "face", "fused", "masked", "shaded"]
"""A classification head. Each view has one; the last two are fitted to covered faces."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The network's answer for one face.

    Pixel coordinates refer to the upright photo (after EXIF orientation), with the origin at the
    top left and x to the right.

    Args:
        probabilities: Calibrated probabilities of the answering head.
        eyes: Calibrated probabilities of the head that sees only the eye strip.
        face: Calibrated probabilities of the head that sees only the face.
        answered_by: The view of the answering head.
        eyes_found: `haar` if a cascade found both eyes, `estimated` if their positions were
            derived from the face box.
        faces: Number of faces found; the reading is of the largest, or of the chosen one.
        face_box: Left, top, width, height of the face that was read.
        eye_centers: Centres of both eyes, the one further left in the picture first.
        step_ms: Milliseconds per step, in the order they ran.
        covered: The part of the face hidden by a mask or sunglasses.
        is_chosen: Whether the user picked this face from several.
        moments: Number of video frames averaged into the probabilities. Face box, eyes and
            covering are those of the clearest frame.
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
        """Total milliseconds of all steps."""
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
        photo: Index of the photo that was read, from 0.
    """

    reading: Reading
    picture: bytes
    photo: int = 0


@dataclass(frozen=True, slots=True)
class SeveralFaces:
    """A photo of several people: the user must pick a face.

    Args:
        count: Number of readable faces, indexed from 0, left to right.
        picture: A JPEG that numbers the faces from 1.
        photo: Index of this photo, from 0.
    """

    count: int
    picture: bytes
    photo: int = 0


def percent(probability: float) -> str:
    """Format a probability, 0..1, as a percentage; never 0 % or 100 %, since it is an estimate."""
    rounded = round(100 * probability)
    if rounded == 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 else f"{rounded} %"


def _rounded(probabilities: Probabilities) -> Probabilities:
    return {emotion: round(value, 4) for emotion, value in probabilities.items()}
