"""Turn one photo, several photos or a video into one explained reading.

If a photo shows several people, the result is a question instead: a picture with numbered faces,
so that the user can pick one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vision.errors import FaceTooSmall, NoFaceFound, UnreadablePhoto, VisionError
from vision.face.quality import face_quality
from vision.photo.video import sample_frames
from vision.picture.numbered_faces import draw_numbers
from vision.reader import Crop, PhotoReader, Scene, Seen
from vision.reading import EMOTIONS, Explanation, Probabilities, SeveralFaces

MOST_FACES: Final = 8
"""Most faces that the user can pick from, the largest first."""

SMALLEST_SHARE: Final = 0.4
"""Share of the largest face's size; smaller faces are passers-by, or posters on the wall."""

# Accuracy on covered faces, relative to uncovered ones; from the model card, like `face_quality`.
_SHARE_WHEN_COVERED: Final = {"none": 1.0, "mouth": 0.68, "eyes": 0.86}


def explain_photos(
    reader: PhotoReader, photos: Sequence[bytes], face: int | None = None
) -> Explanation | SeveralFaces:
    """Read the photo with the clearest face.

    Args:
        reader: Reads faces.
        photos: At least one.
        face: Index of the chosen face, as `SeveralFaces` numbers them; needs a single photo.

    Raises:
        VisionError: No photo can be read; raised for the one that came closest.
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
        chosen = people[min(face, len(people) - 1)] if face is not None else _largest(people)
        seen = reader.see(scene, chosen)
        score = selection_score(seen)
        if best is None or score > best[0]:
            best = score, index, scene, people, seen
    if best is None:
        raise max(errors, key=_progress)
    _, index, scene, people, seen = best
    if face is None and len(people) > 1:
        boxes = [person.face.box(*scene.gray.shape[::-1]) for person in people]
        return SeveralFaces(len(people), draw_numbers(scene.photo.pixels, boxes), index)
    reading = replace(seen.reading, is_chosen=face is not None)
    return Explanation(*reader.draw(seen, reading), index)


def explain_video(reader: PhotoReader, video: bytes) -> Explanation:
    """Average the readings of a video's frames, and show the best frame.

    The mean covers the probabilities of all frames whose largest face can be read. The frame
    shown is the one with the highest score for the averaged emotion.

    Raises:
        VisionError: No frame can be read; raised for the one that came closest.
    """
    seen: list[Seen] = []
    errors: list[VisionError] = []
    for photo in sample_frames(video):
        try:
            scene = reader.scene(photo, {})
            seen.append(reader.see(scene, reader.crop(scene, scene.faces[0])))
        except VisionError as error:
            errors.append(error)
    if not seen:
        raise max(errors, key=_progress)
    readings = [each.reading for each in seen]
    probabilities = _mean([reading.probabilities for reading in readings])
    emotion = max(probabilities, key=probabilities.__getitem__)
    clearest = max(seen, key=lambda each: selection_score(each, emotion))
    reading = replace(
        clearest.reading,
        probabilities=probabilities,
        eyes=_mean([reading.eyes for reading in readings]),
        face=_mean([reading.face for reading in readings]),
        moments=len(readings),
        step_ms=_sum([reading.step_ms for reading in readings]),
    )
    return Explanation(*reader.draw(clearest, reading))


def selection_score(seen: Seen, emotion: str | None = None) -> float:
    """Score a face by how likely it shows an emotion, by default the one read in it, 0..1.

    The calibrated probability is multiplied by the share of accuracy that a poor picture leaves,
    since the network does not notice all of that loss. Use the score only to choose between
    pictures of one person; it is not a probability to show to users.
    """
    reading, crop = seen.reading, seen.crop
    quality = face_quality(crop.face.size, crop.degradation, eyes_found=crop.is_found)
    probability = reading.probabilities[emotion or reading.emotion]
    return probability * quality * _SHARE_WHEN_COVERED[reading.covered]


def _people(reader: PhotoReader, scene: Scene) -> list[Crop]:
    """Return the faces to pick from, left to right: large enough and readable.

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


def _progress(error: VisionError) -> int:
    """Rank an error by how far the photo got through the steps."""
    if isinstance(error, UnreadablePhoto):
        return 0
    if isinstance(error, NoFaceFound):
        return 1
    return 2 if isinstance(error, FaceTooSmall) else 3


def _mean(shares: list[Probabilities]) -> Probabilities:
    return {name: sum(each[name] for each in shares) / len(shares) for name in EMOTIONS}


def _sum(times: list[dict[str, float]]) -> dict[str, float]:
    return {step: sum(each.get(step, 0.0) for each in times) for step in times[0]}
