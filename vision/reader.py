"""The pipeline from a photo's bytes to a reading and the picture that explains it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.errors import FaceTooBlurred, FaceTooDark, FaceTooSmall, NoFaceFound
from vision.face.crops import EYES_SIZE, FACE_SIZE, Eyes, Views, align, views_of_photo
from vision.face.eyes import EyeFinder, estimate_eyes
from vision.face.faces import Face, FaceFinder
from vision.face.restoration import Degradation, estimate_degradation, restore
from vision.network import weights as weight_file
from vision.network.answering import answering_head, covered_part
from vision.network.gradcam import ViewHeat, cam
from vision.network.serving import Answers, Network, Outputs
from vision.network.weights import SEES
from vision.photo.decoding import Photo, open_photo
from vision.picture.card import draw_picture
from vision.reading import EMOTIONS, Head, Reading

Gray = NDArray[np.uint8]

MIN_FACE: Final = 40
"""Smallest face, in pixels of the working picture."""

MIN_LIGHT: Final = 24.0
"""Least brightness, 0..255, of a face's 90th percentile."""

MAX_BLUR_PX: Final = 2.4
"""Most blur, in pixels of the row, that restoration can undo."""

_MIN_CONTRAST: Final = 3.0  # standard deviation of grey levels; below, there is no detail
_DARK_PICTURE: Final = 100.0  # pictures whose 99th percentile is below are brightened to it


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo and the faces in it.

    Args:
        photo: The decoded photo.
        gray: Its working picture in grey, uint8 (h, w).
        bright: The same, brightened enough for the cascades.
        faces: In pixels of the working picture, the largest first; at least one.
        step_ms: Milliseconds of the steps so far.
    """

    photo: Photo
    gray: Gray
    bright: Gray
    faces: tuple[Face, ...]
    step_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Crop:
    """One face of a scene, ready for the network.

    Args:
        face: Where the face is.
        eyes: Centres of both eyes in pixels of the working picture.
        is_found: Whether a cascade found both eyes; otherwise their positions are estimates.
        degradation: Blur and noise before restoration.
        views: The network's inputs.
        step_ms: Milliseconds of the steps from scene to crop.
    """

    face: Face
    eyes: Eyes
    is_found: bool
    degradation: Degradation
    views: Views
    step_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """A face after the network has read it."""

    photo: Photo
    crop: Crop
    outputs: Outputs
    reading: Reading


class PhotoReader:
    """Reads photos; holds the loaded network and cascades.

    Args:
        network: The network that reads faces.
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
            WeightsAltered: The file does not match its pinned SHA-256.
        """
        return cls(Network.load(weights))

    def read(self, photo: bytes) -> Reading:
        """Read the largest face of a photo.

        Raises:
            UnreadablePhoto: The bytes are not a photo that we can open.
            NoFaceFound: There is no face in it.
            FaceTooSmall: The face has too few pixels.
            FaceTooDark: There is hardly any light on the face.
            FaceTooBlurred: The face has no detail left.
        """
        return self._see_largest(photo).reading

    def explain(self, photo: bytes) -> tuple[Reading, bytes]:
        """Read the largest face of a photo and draw the picture that explains it, a JPEG.

        Raises:
            VisionError: As `read` does.
        """
        seen = self._see_largest(photo)
        return self.draw(seen, seen.reading)

    def _see_largest(self, photo: bytes) -> Seen:
        scene = self.open(photo)
        return self.see(scene, self.crop(scene, scene.faces[0]))

    # -- the steps --

    def open(self, content: bytes) -> Scene:
        """Open a photo and find its faces.

        Raises:
            UnreadablePhoto: The bytes are not a photo that we can open.
            NoFaceFound: There is no face in it.
        """
        start = time.perf_counter()
        photo = open_photo(content)
        return self.scene(photo, {"decode": _ms_since(start)})

    def scene(self, photo: Photo, step_ms: Mapping[str, float]) -> Scene:
        """Find the faces in a decoded photo, or raise `NoFaceFound`."""
        start = time.perf_counter()
        gray = np.asarray(cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        bright = brighten(gray)
        faces = tuple(self._faces.find(bright))
        if not faces:
            raise NoFaceFound("no face found")
        return Scene(photo, gray, bright, faces, {**step_ms, "find face": _ms_since(start)})

    def crop(self, scene: Scene, face: Face) -> Crop:
        """Find the eyes of a face and cut the network's views.

        Raises:
            FaceTooSmall: The face has too few pixels.
            FaceTooDark: There is hardly any light on the face.
            FaceTooBlurred: The face has no detail left.
        """
        start, step_ms = time.perf_counter(), {}
        found = self._eyes.find(scene.bright, face)
        eyes = found or estimate_eyes(face)
        step_ms["find eyes"], start = _ms_since(start), time.perf_counter()
        row, to_row = align(scene.gray, eyes)
        degradation = estimate_degradation(row)
        _check(face, row, degradation)
        views = views_of_photo(restore(row, degradation), to_row)
        step_ms["crop"] = _ms_since(start)
        return Crop(face, eyes, found is not None, degradation, views, step_ms)

    def see(self, scene: Scene, crop: Crop) -> Seen:
        """Read a face."""
        start = time.perf_counter()
        outputs = self._network.run(crop.views.face[None], crop.views.eyes[None])
        step_ms = {**scene.step_ms, **crop.step_ms, "network": _ms_since(start)}

        covered = covered_part(
            {k: float(p[0]) for k, p in self._network.covering(outputs).items()}
        )
        head = answering_head(covered, is_found=crop.is_found)
        by_head = _probabilities(self._network.answers(outputs))
        height, width = scene.gray.shape
        scale = scene.photo.scale
        first, second = sorted(
            ((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) for x, y in crop.eyes
        )
        left, top, box_width, box_height = (round(v * scale) for v in crop.face.box(width, height))
        reading = Reading(
            probabilities=by_head[head],
            eyes=by_head["eyes"],
            face=by_head["face"],
            answered_by=SEES[head],
            eyes_found="haar" if crop.is_found else "estimated",
            faces=len(scene.faces),
            face_box=(left, top, box_width, box_height),
            eye_centers=(first, second),
            step_ms=step_ms,
            covered=covered,
        )
        return Seen(scene.photo, crop, outputs, reading)

    def draw(self, seen: Seen, reading: Reading) -> tuple[Reading, bytes]:
        """Draw the picture that explains a reading.

        Args:
            seen: The face to show.
            reading: The reading to explain: the face's own, or the mean over a video.

        Returns:
            The reading with the drawing time added, and a JPEG.
        """
        start = time.perf_counter()
        pixels = seen.photo.pixels
        box = seen.crop.face.box(pixels.shape[1], pixels.shape[0])
        heats = self._heats(seen, reading.emotion)
        picture = draw_picture(pixels, box, seen.crop.eyes, heats, reading)
        step_ms = {**reading.step_ms, "picture": _ms_since(start)}
        return replace(reading, step_ms=step_ms), picture

    def _heats(self, seen: Seen, emotion: str) -> list[ViewHeat]:
        """Return the heat map of an emotion for each view of the answering head."""
        head = answering_head(seen.reading.covered, is_found=seen.crop.is_found)
        column = self._network.kernel(head)[:, EMOTIONS.index(emotion)]
        parts = ("face", "eyes") if SEES[head] == "fused" else (SEES[head],)
        heats = []
        for part, weights in zip(parts, np.split(column, len(parts)), strict=True):
            is_face = part == "face"
            heats.append(
                ViewHeat(
                    cells=cam(seen.outputs[f"{part}_map"][0].transpose(1, 2, 0), weights),
                    to_view=seen.crop.views.face_map if is_face else seen.crop.views.eyes_map,
                    view_size=(FACE_SIZE, FACE_SIZE) if is_face else EYES_SIZE,
                )
            )
        return heats


def brighten(gray: Gray) -> Gray:
    """Brighten a dark picture for the cascades, so that a dark face is not taken for no face."""
    brightest = float(np.percentile(gray[::4, ::4], 99))
    if brightest >= _DARK_PICTURE:
        return gray
    return np.asarray(
        cv2.convertScaleAbs(gray, alpha=_DARK_PICTURE / max(brightest, 1.0)), np.uint8
    )


def is_too_dark(row: Gray) -> bool:
    """Return whether there is hardly any light on a face."""
    return bool(np.percentile(row, 90) < MIN_LIGHT)


def is_too_blurred(row: Gray, degradation: Degradation) -> bool:
    """Return whether a face has no detail left to read."""
    return degradation.blur_px > MAX_BLUR_PX or bool(row.std() < _MIN_CONTRAST)


def _check(face: Face, row: Gray, degradation: Degradation) -> None:
    """Raise an error if a face is too small, too dark or too blurred to read."""
    if face.size < MIN_FACE:
        raise FaceTooSmall(f"a face of {face.size:.0f} pixels; at least {MIN_FACE}")
    if is_too_dark(row):
        raise FaceTooDark(f"nine tenths of the face are darker than {MIN_LIGHT:.0f}")
    if is_too_blurred(row, degradation):
        raise FaceTooBlurred(f"blur of {degradation.blur_px:.1f} pixels; at most {MAX_BLUR_PX}")


def _probabilities(answers: Answers) -> dict[Head, dict[str, float]]:
    """Return the probabilities of the `ferplus` heads for one face, by head and emotion."""
    return {
        head: dict(zip(EMOTIONS, map(float, values[0]), strict=True))
        for head, values in answers["ferplus"].items()
    }


def _ms_since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
