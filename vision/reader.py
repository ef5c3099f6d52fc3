"""The whole way from the bytes of a photo to a reading and the picture that explains it."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vision import weights as weight_file
from vision.answering import answering_view, covered_part
from vision.crops import EYES_SIZE, FACE_SIZE, Eyes, Views, align, views_of_photo
from vision.errors import FaceTooBlurred, FaceTooDark, FaceTooSmall, NoFaceFound
from vision.eyes import EyeFinder, estimate_eyes
from vision.faces import Face, FaceFinder
from vision.gate import Photo, open_photo
from vision.gradcam import ViewHeat, cam
from vision.picture import draw_picture
from vision.reading import EMOTIONS, Reading
from vision.serving import Answers, Network, Outputs

Gray = NDArray[np.uint8]

MIN_FACE: Final = 40
"""Pixels of the working picture that a face must take."""

MIN_LIGHT: Final = 24.0
"""Brightness, 0..255, that the brighter parts of a face must reach."""

MIN_DETAIL: Final = 0.03
"""Detail, see `detail`, that a face must have."""


_DARK_PICTURE: Final = 100.0  # brightness that the brightest hundredth of a picture should reach


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that is known about the face of one photo."""

    photo: Photo
    face: Face
    eyes: Eyes  # in pixels of the working picture
    views: Views
    outputs: Outputs
    reading: Reading


class PhotoReader:
    """Reads photos; holds the network and the cascades, ready to use.

    Args:
        network: What reads faces.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._faces = FaceFinder()
        self._eyes = EyeFinder()

    @classmethod
    def load(cls, weights: Path = weight_file.WEIGHTS) -> Self:
        """Load the network and the cascades.

        Raises:
            WeightsMissing: There is no weight file.
            WeightsAltered: It is not the one whose SHA-256 is pinned.
        """
        return cls(Network.load(weights))

    def read(self, photo: bytes) -> Reading:
        """Read the largest face of a photo.

        Raises:
            UnreadablePhoto: The bytes are no photo that we can open.
            NoFaceFound: There is no face in it.
            FaceTooSmall: The face has too few pixels.
            FaceTooDark: There is hardly any light on the face.
            FaceTooBlurred: The face has no detail left.
        """
        return self._see(photo).reading

    def explain(self, photo: bytes) -> tuple[Reading, bytes]:
        """Read a photo and draw the picture that explains the reading, a JPEG.

        Raises:
            VisionError: As `read` does.
        """
        seen = self._see(photo)
        start = time.perf_counter()
        reading = seen.reading
        box = seen.face.box(seen.photo.pixels.shape[1], seen.photo.pixels.shape[0])
        picture = draw_picture(seen.photo.pixels, box, seen.eyes, self._heats(seen), reading)
        step_ms = {**reading.step_ms, "picture": _ms_since(start)}
        return replace(reading, step_ms=step_ms), picture

    def _see(self, content: bytes) -> _Seen:
        step_ms: dict[str, float] = {}
        start = time.perf_counter()
        photo = open_photo(content)
        gray = np.asarray(cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        step_ms["decode"], start = _ms_since(start), time.perf_counter()
        bright = brighten(gray)
        faces = self._faces.find(bright)
        step_ms["find face"], start = _ms_since(start), time.perf_counter()
        if not faces:
            raise NoFaceFound("no face found")
        face = faces[0]  # the largest
        haar_eyes = self._eyes.find(bright, face)
        eyes = haar_eyes or estimate_eyes(face)
        is_found = haar_eyes is not None
        step_ms["find eyes"], start = _ms_since(start), time.perf_counter()
        _check(gray, face, eyes)
        views = views_of_photo(gray, eyes)
        step_ms["crop"], start = _ms_since(start), time.perf_counter()
        outputs = self._network.run(views.face[None], views.eyes[None])
        step_ms["network"] = _ms_since(start)

        covered = covered_part(
            {k: float(p[0]) for k, p in self._network.covering(outputs).items()}
        )
        answered_by = answering_view(covered, is_found=is_found)
        by_view = _probabilities(self._network.answers(outputs))
        width, height = photo.pixels.shape[1], photo.pixels.shape[0]
        scale = photo.scale
        first, second = sorted(((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) for x, y in eyes)
        left, top, box_width, box_height = (round(v * scale) for v in face.box(width, height))
        reading = Reading(
            probabilities=by_view[answered_by],
            eyes=by_view["eyes"],
            face=by_view["face"],
            answered_by=answered_by,
            eyes_found="haar" if is_found else "estimated",
            faces=len(faces),
            face_box=(left, top, box_width, box_height),
            eye_centers=(first, second),
            step_ms=step_ms,
            covered=covered,
        )
        return _Seen(photo, face, eyes, views, outputs, reading)

    def _heats(self, seen: _Seen) -> list[ViewHeat]:
        """Return the heat of the views that the answering head saw."""
        emotion = EMOTIONS.index(seen.reading.emotion)
        head = seen.reading.answered_by
        column = self._network.kernel(head)[:, emotion]
        parts = {"fused": ("face", "eyes"), "face": ("face",), "eyes": ("eyes",)}[head]
        heats = []
        for part, weights in zip(parts, np.split(column, len(parts)), strict=True):
            is_face = part == "face"
            heats.append(
                ViewHeat(
                    cells=cam(seen.outputs[f"{part}_map"][0].transpose(1, 2, 0), weights),
                    to_view=seen.views.face_map if is_face else seen.views.eyes_map,
                    view_size=(FACE_SIZE, FACE_SIZE) if is_face else EYES_SIZE,
                )
            )
        return heats


def detail(row: Gray) -> float:
    """Return how much fine structure a row, uint8 (48, 48), has, relative to its contrast."""
    values = row.astype(np.float32)
    return float(cv2.Laplacian(values, cv2.CV_32F).var() / (values.var() + 1.0))


def brighten(gray: Gray) -> Gray:
    """Lift a dark picture to where cascades see, so that a dark face differs from no face."""
    brightest = float(np.percentile(gray, 99))
    if brightest >= _DARK_PICTURE:
        return gray
    return np.asarray(
        cv2.convertScaleAbs(gray, alpha=_DARK_PICTURE / max(brightest, 1.0)), np.uint8
    )


def _check(gray: Gray, face: Face, eyes: Eyes) -> None:
    """Refuse a face that is too small, too dark or too blurred to say anything about."""
    if face.size < MIN_FACE:
        raise FaceTooSmall(f"a face of {face.size:.0f} pixels; at least {MIN_FACE}")
    row, _ = align(gray, eyes)
    light = float(np.percentile(row, 90))
    if light < MIN_LIGHT:
        raise FaceTooDark(f"brightness {light:.0f}; at least {MIN_LIGHT:.0f}")
    if (fine := detail(row)) < MIN_DETAIL:
        raise FaceTooBlurred(f"detail {fine:.3f}; at least {MIN_DETAIL}")


def _probabilities(answers: Answers) -> dict[str, dict[str, float]]:
    """Return what the product's heads say about one face, by view and emotion."""
    return {
        view: dict(zip(EMOTIONS, map(float, values[0]), strict=True))
        for view, values in answers["ferplus"].items()
    }


def _ms_since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
