"""Albums, videos and several people, read by the shipped network."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.photos.filming import blank, blurred, film, png, portrait
from vision import Explanation, NoFaceFound, SeveralFaces
from vision.errors import FaceTooBlurred, NotAPhoto
from vision.explain import explain_photos, explain_video, selection_score
from vision.face.quality import face_quality
from vision.picture.card import notes_for
from vision.reader import Crop, PhotoReader


@pytest.fixture(scope="module")
def reader() -> PhotoReader:
    return PhotoReader.load()


@pytest.fixture(scope="module")
def two_people() -> bytes:
    """The portrait twice, side by side, the right one a third smaller and mirrored."""
    left, right = portrait(480), portrait(320)[:, ::-1]
    both = np.full((480, 800, 3), 128, np.uint8)
    both[:, :480], both[80:400, 480:] = left, right
    return png(both)


def read(answer: Explanation | SeveralFaces) -> Explanation:
    assert isinstance(answer, Explanation)
    return answer


# -- albums --


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_clearest_face_of_an_album_wins(reader: PhotoReader, place: int) -> None:
    album = [png(blurred(portrait(), 3)), png(blurred(portrait(), 2))]
    album.insert(place, png(portrait()))
    answer = read(explain_photos(reader, album))
    assert answer.photo == place
    assert answer.reading == replace(reader.read(album[place]), step_ms=answer.reading.step_ms)
    assert Image.open(io.BytesIO(answer.picture)).format == "JPEG"


def test_photos_that_cannot_be_read_do_not_spoil_an_album(reader: PhotoReader) -> None:
    album = [b"GIF89a", png(blank()), png(blurred(portrait(), 12)), png(portrait())]
    assert read(explain_photos(reader, album)).photo == 3


def test_an_album_without_a_face_to_read_says_what_came_nearest(reader: PhotoReader) -> None:
    too_blurred = png(blurred(portrait(), 9))
    with pytest.raises(FaceTooBlurred):
        explain_photos(reader, [b"no photo", png(blank()), too_blurred, png(blank())])
    with pytest.raises(NoFaceFound):
        explain_photos(reader, [b"no photo", png(blank())])
    with pytest.raises(NotAPhoto):
        explain_photos(reader, [b"no photo"])


def quality_of(crop: Crop) -> float:
    return face_quality(crop.face.size, crop.degradation, eyes_found=crop.is_found)


def test_more_blur_fewer_pixels_and_hidden_eyes_lower_the_quality(reader: PhotoReader) -> None:
    scene = reader.open(png(portrait()))
    crop = reader.crop(scene, scene.faces[0])
    assert 0.9 < quality_of(crop) <= 1
    for worse in (
        replace(crop, degradation=replace(crop.degradation, blur_px=1.5)),
        replace(crop, face=replace(crop.face, size=30)),
        replace(crop, is_found=False),
    ):
        assert 0 < quality_of(worse) < quality_of(crop)
    larger = replace(crop, face=replace(crop.face, size=1000))
    assert quality_of(larger) == pytest.approx(quality_of(crop))  # the network sees 48 pixels


def test_covered_faces_and_improbable_emotions_score_lower(reader: PhotoReader) -> None:
    scene = reader.open(png(portrait()))
    seen = reader.see(scene, reader.crop(scene, scene.faces[0]))
    masked = replace(seen, reading=replace(seen.reading, covered="mouth"))
    assert selection_score(masked) < selection_score(seen)
    assert selection_score(seen, "sad") < selection_score(seen, "happy") == selection_score(seen)


# -- several people --


def test_two_people_are_numbered_and_asked_about(reader: PhotoReader, two_people: bytes) -> None:
    answer = explain_photos(reader, [two_people])
    assert isinstance(answer, SeveralFaces)
    assert (answer.count, answer.photo) == (2, 0)
    picture = Image.open(io.BytesIO(answer.picture))
    assert (picture.format, picture.size) == ("JPEG", (960, 576))
    assert not picture.getexif()


def test_faces_are_numbered_from_left_to_right(reader: PhotoReader, two_people: bytes) -> None:
    boxes = [read(explain_photos(reader, [two_people], face)).reading.face_box for face in (0, 1)]
    assert boxes[0][0] < 400 < boxes[1][0]
    assert boxes[0][2] > boxes[1][2]


def test_the_chosen_face_is_read_and_needs_no_excuse(
    reader: PhotoReader, two_people: bytes
) -> None:
    reading = read(explain_photos(reader, [two_people], 1)).reading
    assert (reading.faces, reading.is_chosen, reading.emotion) == (2, True, "happy")
    assert notes_for(reading) == []
    assert notes_for(replace(reading, is_chosen=False)) == [
        "2 faces in the picture: this is the largest one."
    ]


def test_a_number_that_is_not_there_means_the_last_face(
    reader: PhotoReader, two_people: bytes
) -> None:
    last, beyond = (read(explain_photos(reader, [two_people], face)) for face in (1, 7))
    assert beyond.reading.face_box == last.reading.face_box


def test_passers_by_and_faces_that_cannot_be_read_are_not_asked_about(
    reader: PhotoReader,
) -> None:
    crowd = np.full((600, 760, 3), 128, np.uint8)
    crowd[:600, :600] = portrait(600)
    crowd[:160, 600:] = portrait(160)
    assert isinstance(explain_photos(reader, [png(crowd)]), Explanation)
    crowd = np.full((400, 800, 3), 128, np.uint8)
    crowd[:, :400], crowd[:, 400:] = portrait(400), blurred(portrait(400), 9)
    assert isinstance(explain_photos(reader, [png(crowd)]), Explanation)


# -- videos --


def test_the_probabilities_of_a_videos_moments_are_averaged(
    reader: PhotoReader, tmp_path: Path
) -> None:
    frames = [portrait()] * 5 + [blurred(portrait(), 2)] * 5
    answer = explain_video(reader, film(tmp_path, frames, fps=4))
    reading = answer.reading
    assert reading.emotion == "happy"
    assert reading.moments >= 5
    assert sum(reading.probabilities.values()) == pytest.approx(1)
    assert f"The mean of {reading.moments} moments; this is the clearest of them." in notes_for(
        reading
    )


def test_moments_without_a_face_do_not_count(reader: PhotoReader, tmp_path: Path) -> None:
    frames = [blank()] * 6 + [portrait()] * 3
    reading = explain_video(reader, film(tmp_path, frames, fps=4)).reading
    assert 1 <= reading.moments <= 4
    assert reading.emotion == "happy"


def test_the_clearest_moment_is_shown(reader: PhotoReader, tmp_path: Path) -> None:
    """The face moves to the right; it is sharp only there."""

    def frame(left: int, sigma: float) -> np.ndarray:
        wide = np.full((320, 640, 3), 128, np.uint8)
        face = portrait() if sigma == 0 else blurred(portrait(), sigma)
        wide[:, left : left + 320] = face
        return wide

    frames = [frame(0, 2.5)] * 4 + [frame(320, 0)] * 2
    reading = explain_video(reader, film(tmp_path, frames, fps=4)).reading
    assert reading.moments >= 4
    assert reading.face_box[0] > 320


def test_a_video_without_a_face_says_so(reader: PhotoReader, tmp_path: Path) -> None:
    with pytest.raises(NoFaceFound):
        explain_video(reader, film(tmp_path, [blank()] * 4))
