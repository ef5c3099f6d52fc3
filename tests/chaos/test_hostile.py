"""Hostile, broken and odd files through a real vision worker: each is answered, soon and cheaply.

The short form makes its files itself; the full one takes those of the development data.
"""

import asyncio
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from bot.sandbox.page.samples import portrait_jpeg
from bot.worker.process import VisionWorker
from tests.support.photos.hostile import canary_exif, hostile_files
from tests.support.photos.photo_answers import look_at_all
from tests.support.photos.photo_files import as_held, encoded
from vision import Explanation, Reading

CANARY = "canary-of-the-garden-gate"

EXPECTED = {
    "synthetic__animated_2000": {"NotAPhoto"},
    "synthetic__animated_64": {"AnimatedPhoto"},
    "synthetic__bomb_jpeg": {"PhotoTooLarge"},
    "synthetic__bomb_png_rgb": {"PhotoTooLarge"},
    "synthetic__bomb_webp": {"PhotoTooLarge"},
    "synthetic__elf": {"NotAPhoto"},
    "synthetic__html": {"NotAPhoto"},
    "synthetic__svg": {"NotAPhoto"},
    "synthetic__pickle": {"NotAPhoto"},
    "synthetic__solid": {"NoFaceFound"},
    "synthetic__noise": {"NoFaceFound"},
    "synthetic__transparent": {"NoFaceFound"},
    "synthetic__trunc_jpeg_10": {"DamagedPhoto"},
    "synthetic__trunc_png_50": {"DamagedPhoto"},
    "synthetic__trunc_webp_50": {"DamagedPhoto"},
}
"""What the files of the development data whose names begin so must be answered with."""

linux_alone = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what it takes")


@pytest.fixture(scope="module")
def worker() -> Iterator[VisionWorker]:
    worker = VisionWorker()
    yield worker
    worker.close()


@pytest.mark.timed
@linux_alone
def test_every_file_made_to_harm_is_refused(worker: VisionWorker) -> None:
    files = list(hostile_files())
    told = asyncio.run(look_at_all(worker, ((name, content) for name, content, _ in files)))
    wrong = {name: told[name] for name, _, may_be in files if told[name] not in may_be}
    assert wrong == {}


@pytest.mark.chaos
@pytest.mark.data
@linux_alone
def test_every_bad_image_is_answered(worker: VisionWorker, data_dir: Path) -> None:
    files = sorted((data_dir / "badimages").iterdir())
    told = asyncio.run(look_at_all(worker, ((file.name, file.read_bytes()) for file in files)))
    for beginning, kinds in EXPECTED.items():
        answers = {kind for name, kind in told.items() if name.startswith(beginning)}
        assert answers == kinds, beginning
    assert len(told) == len(files) > 700
    assert sum(kind == "reading" for kind in told.values()) < len(files) / 10


def test_a_photo_is_read_alike_however_the_camera_was_held(worker: VisionWorker) -> None:
    upright = Image.open(io.BytesIO(portrait_jpeg())).convert("RGB")
    photos = [
        encoded(as_held(upright, orientation), exif=canary_exif(CANARY, orientation))
        for orientation in range(1, 9)
    ]

    async def read() -> list[Reading]:
        return [reading_of(await worker.explain([photo])) for photo in photos]

    readings = asyncio.run(read())
    assert len(readings) == 8
    assert [reading.probabilities for reading in readings] == [readings[0].probabilities] * 8
    assert {reading.face_box for reading in readings} == {readings[0].face_box}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_where_a_photo_was_taken_is_not_in_the_picture(worker: VisionWorker, format: str) -> None:
    portrait = Image.open(io.BytesIO(portrait_jpeg())).convert("RGB")
    photo = encoded(portrait, format, exif=canary_exif(CANARY))
    assert CANARY.encode() in photo
    explained = asyncio.run(worker.explain([photo]))
    assert isinstance(explained, Explanation)
    assert CANARY.encode() not in explained.picture
    assert not Image.open(io.BytesIO(explained.picture)).getexif()


def reading_of(explained: object) -> Reading:
    assert isinstance(explained, Explanation)
    return explained.reading
