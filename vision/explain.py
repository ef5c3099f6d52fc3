"""Turns one photo, several photos or a video into one explained reading.

If a photo shows several people, the result is a picture with numbered faces instead, and the user
must say who is meant.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vision.clearness import trust
from vision.errors import FaceTooSmall, NoFaceFound, UnreadablePhoto, VisionError
from vision.photo.video import moments
from vision.picture.numbered_faces import draw_numbers
from vision.reader import Crop, PhotoReader, Scene, Seen
from vision.reading import EMOTIONS, Explanation, Probabilities, SeveralFaces

MOST_FACES: Final = 8
"""The most faces that are numbered: the largest ones."""

SMALLEST_SHARE: Final = 0.4
"""Faces smaller than this share of the largest are ignored: passers-by, posters on a wall."""


def explain_photos(
    reader: PhotoReader, photos: Sequence[bytes], face: int | None = None
) -> Explanation | SeveralFaces:
    """Read the photo with the clearest face.

    Args:
        reader: Reads faces.
        photos: At least one.
        face: Which face is meant, numbered as in `SeveralFaces`; requires a single photo.

    Raises:
        VisionError: None can be read; the error of the photo that came closest.
    """
    best: tuple[float, int, Scene, list[Crop], Seen] | None = None
    errors: list[VisionError] = []
    for index, photo in enumerate(photos):
        try:
            scene = reader.open(photo)
            people = _people(reader, scene)
        except VisionError as error:
            errors.append(error)
            continue
        meant = people[min(face, len(people) - 1)] if face is not None else _largest(people)
        seen = reader.see(scene, meant)
        if best is None or trust(seen) > best[0]:
            best = trust(seen), index, scene, people, seen
    if best is None:
        raise max(errors, key=_how_near)
    _, index, scene, people, seen = best
    if face is None and len(people) > 1:
        boxes = [person.face.box(*scene.gray.shape[::-1]) for person in people]
        return SeveralFaces(len(people), draw_numbers(scene.photo.pixels, boxes), index)
    reading = replace(seen.reading, is_chosen=face is not None)
    return Explanation(*reader.draw(seen, reading), index)


def explain_video(reader: PhotoReader, video: bytes) -> Explanation:
    """Read a video: average the probabilities of its moments, and show the clearest one.

    The average is over all moments in which the largest face can be read. The clearest moment is
    the one most likely to show the emotion of the average.

    Raises:
        VisionError: No moment can be read; the error of the one that came closest.
    """
    seen: list[Seen] = []
    errors: list[VisionError] = []
    for photo in moments(video):
        try:
            scene = reader.scene(photo, {})
            seen.append(reader.see(scene, reader.crop(scene, scene.faces[0])))
        except VisionError as error:
            errors.append(error)
    if not seen:
        raise max(errors, key=_how_near)
    readings = [each.reading for each in seen]
    together = _mean([reading.probabilities for reading in readings])
    emotion = max(together, key=together.__getitem__)
    clearest = max(seen, key=lambda each: trust(each, emotion))
    reading = replace(
        clearest.reading,
        probabilities=together,
        eyes=_mean([reading.eyes for reading in readings]),
        face=_mean([reading.face for reading in readings]),
        moments=len(readings),
        step_ms=_sum([reading.step_ms for reading in readings]),
    )
    return Explanation(*reader.draw(clearest, reading))


def _people(reader: PhotoReader, scene: Scene) -> list[Crop]:
    """Return the readable faces that may be meant, from left to right.

    Raises:
        VisionError: None is readable; the error of the largest.
    """
    largest = scene.faces[0].size
    crops: list[Crop] = []
    errors: list[VisionError] = []
    for face in scene.faces[:MOST_FACES]:
        if face.size < SMALLEST_SHARE * largest:
            break
        try:
            crops.append(reader.crop(scene, face))
        except VisionError as error:
            errors.append(error)
    if not crops:
        raise errors[0]
    return sorted(crops, key=lambda crop: crop.face.centre)


def _largest(people: list[Crop]) -> Crop:
    return max(people, key=lambda crop: crop.face.size)


def _how_near(error: VisionError) -> int:
    """Return how close a photo came to being read."""
    if isinstance(error, UnreadablePhoto):
        return 0
    if isinstance(error, NoFaceFound):
        return 1
    return 2 if isinstance(error, FaceTooSmall) else 3


def _mean(shares: list[Probabilities]) -> Probabilities:
    return {name: sum(each[name] for each in shares) / len(shares) for name in EMOTIONS}


def _sum(times: list[dict[str, float]]) -> dict[str, float]:
    return {step: sum(each.get(step, 0.0) for each in times) for step in times[0]}
