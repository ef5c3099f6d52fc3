"""Real photographs through a real worker process."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.sandbox.page.samples import portrait_jpeg
from bot.worker.process import VisionWorker
from tests.support.photos.photo_answers import answer
from vision import Explanation, Reading, SeveralFaces, VisionError


@pytest.fixture(scope="module")
def worker() -> Iterator[VisionWorker]:
    worker = VisionWorker(deadline_s=30)
    asyncio.run(worker.start())
    yield worker
    worker.close()


@pytest.mark.parametrize(("side", "size"), [(30, (640, 480)), (30, (1280, 960))])
def test_a_face_too_small_to_read_is_told_so(
    worker: VisionWorker, side: int, size: tuple[int, int]
) -> None:
    portrait = Image.open(io.BytesIO(portrait_jpeg()))
    height = round(portrait.height * side / 110)  # its face is about 110 pixels wide
    small = portrait.resize((height, height), Image.Resampling.LANCZOS)
    noise = np.random.default_rng(0).normal(120, 4, (size[1], size[0], 3))
    photo = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    photo.paste(small, (size[0] // 2, size[1] // 3))
    told = asyncio.run(answer(worker, _jpeg(photo)))
    assert type(told).__name__ == "FaceTooSmall"


def test_of_several_faces_the_chosen_one_is_read(worker: VisionWorker) -> None:
    portrait = Image.open(io.BytesIO(portrait_jpeg())).crop((140, 0, 320, 220))
    photo = Image.new("RGB", (600, 320), (120, 130, 140))
    photo.paste(portrait, (20, 60))
    photo.paste(portrait.resize((252, 308)), (320, 0))

    async def choose() -> list[Explanation | SeveralFaces]:
        return [await worker.explain([_jpeg(photo)], face) for face in (None, 0, 1)]

    asked, left, right = asyncio.run(choose())
    assert isinstance(asked, SeveralFaces)
    assert asked.count == 2
    assert isinstance(left, Explanation)
    assert isinstance(right, Explanation)
    assert left.reading.faces == right.reading.faces == 2
    assert left.reading.face_box[0] < 300 < right.reading.face_box[0]


@pytest.mark.data
@pytest.mark.parametrize(
    ("every", "share"),  # two of the three that are not read are among a quarter of all
    [(4, 0.9), pytest.param(1, 0.95, marks=pytest.mark.figures)],
)
def test_nearly_every_photograph_of_a_face_is_read(
    worker: VisionWorker, data_dir: Path, every: int, share: float
) -> None:
    files = sorted((data_dir / "faces").glob("*/*"))[::every]

    async def read_all() -> list[Reading | VisionError]:
        return [await answer(worker, file.read_bytes()) for file in files]

    told = asyncio.run(read_all())
    readings = [each for each in told if isinstance(each, Reading)]
    with_haar = [reading for reading in readings if reading.eyes_found == "haar"]
    print(f"\n{len(readings)} of {len(files)} read, eyes by Haar in {len(with_haar)}")
    assert len(readings) >= share * len(files)
    assert len(with_haar) >= 0.85 * len(files)


def _jpeg(photo: Image.Image) -> bytes:
    content = io.BytesIO()
    photo.save(content, "JPEG", quality=92)
    return content.getvalue()
