"""The gate: what is opened, how it is turned upright, and what is refused with which error."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.photos.photo_files import as_held, encoded
from vision import errors
from vision.errors import (
    AnimatedPhoto,
    DamagedPhoto,
    EmptyPhoto,
    NotAPhoto,
    PhotoTooLarge,
    PhotoTooSmall,
    VisionError,
)
from vision.photo.decoding import WORKING_SIDE, open_photo
from vision.photo.formats import MAX_BYTES, sniff


def gradient(width: int = 60, height: int = 40) -> Image.Image:
    """A picture whose every corner differs: red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 0 * x], axis=2).astype(np.uint8))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_opens_what_cameras_and_phones_write(format: str) -> None:
    photo = open_photo(encoded(gradient(), format))
    assert photo.pixels.shape == (40, 60, 3)
    assert (photo.width, photo.height, photo.scale) == (60, 40, 1.0)
    expected = np.asarray(gradient(), dtype=float)
    assert np.abs(photo.pixels - expected).mean() < 12


@pytest.mark.parametrize("format", ["AVIF", "BMP", "TIFF", "GIF"])
def test_no_other_decoder_gets_to_see_a_file(format: str) -> None:
    with pytest.raises(NotAPhoto):
        open_photo(encoded(gradient(), format))


def test_a_data_set_may_hold_tiffs_of_any_size() -> None:
    tiff = encoded(gradient(20, 10), "TIFF")
    assert np.array_equal(open_photo(tiff, of_data_set=True).pixels, np.asarray(gradient(20, 10)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_every_exif_orientation_upright(orientation: int) -> None:
    stored = as_held(gradient(), orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = open_photo(encoded(stored, exif=exif.tobytes()))
    assert (photo.width, photo.height) == (60, 40)
    assert np.array_equal(photo.pixels, np.asarray(gradient()))


def test_broken_exif_does_not_spoil_the_picture() -> None:
    photo = open_photo(encoded(gradient(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert photo.pixels.shape == (40, 60, 3)


def test_takes_the_first_picture_of_an_mpo() -> None:
    second = Image.new("RGB", (60, 40), "blue")
    content = encoded(gradient(), "MPO", save_all=True, append_images=[second])
    assert np.abs(open_photo(content).pixels - np.asarray(gradient(), float)).mean() < 8


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_refuses_what_moves(format: str) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "green", "blue")]
    content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    with pytest.raises(AnimatedPhoto):
        open_photo(content, of_data_set=format == "TIFF")


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, 255),
        ("L", 90, 90),
        ("LA", (90, 255), 90),
        ("I;16", 90 * 257, 90),
        ("RGBA", (90, 90, 90, 255), 90),
        ("RGBA", (90, 90, 90, 0), 160),  # what cannot be seen becomes the light background
    ],
)
def test_converts_every_mode(mode: str, colour: Any, expected: int) -> None:
    pixels = open_photo(encoded(Image.new(mode, (32, 32), colour))).pixels
    assert pixels.shape == (32, 32, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_converts_floats_and_cmyk() -> None:
    ramp = np.tile(np.linspace(-3, 7, 16, dtype=np.float32), (16, 1))
    pixels = open_photo(encoded(Image.fromarray(ramp), "TIFF"), of_data_set=True).pixels
    assert (pixels.min(), pixels.max()) == (0, 255)
    cmyk = open_photo(encoded(Image.new("CMYK", (32, 32), (0, 0, 0, 255)), "JPEG")).pixels
    assert cmyk.max() < 60


@pytest.mark.parametrize(("format", "side"), [("JPEG", 4000 // 4), ("PNG", WORKING_SIDE)])
def test_large_photos_come_reduced(format: str, side: int) -> None:
    photo = open_photo(encoded(gradient(4000, 3000), format))
    assert max(photo.pixels.shape) == side
    assert (photo.width, photo.height) == (4000, 3000)
    assert photo.scale == pytest.approx(4000 / side)
    assert photo.pixels[-1, -1, 0] > 250 > 5 > photo.pixels[0, 0, 0]


def test_refuses_what_is_too_small_for_a_face() -> None:
    assert open_photo(encoded(Image.new("L", (32, 5000)))).pixels.shape == (WORKING_SIDE, 8, 3)
    for size in [(31, 5000), (5000, 31), (1, 1)]:
        with pytest.raises(PhotoTooSmall, match=f"{size[0]}x{size[1]} pixels; at least 32"):
            open_photo(encoded(Image.new("L", size)))


def test_refuses_too_many_pixels_on_the_header() -> None:
    header = encoded(Image.new("1", (8_000, 8_000)))
    with pytest.raises(PhotoTooLarge, match="8000x8000"):
        open_photo(header)
    bomb = bytearray(encoded(Image.new("1", (8, 8))))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # IHDR claims 3.6 gigapixels
    with pytest.raises((PhotoTooLarge, DamagedPhoto)):
        open_photo(bytes(bomb))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyPhoto),
        (b"\xff", NotAPhoto),
        (b"hello, I am text", NotAPhoto),
        (b"%PDF-1.7", NotAPhoto),
        (b"\0\0\0\x20ftypisom" + bytes(20), NotAPhoto),
        (b"\0\0\0\x20ftyphevc" + bytes(20), AnimatedPhoto),
        (b"\0\0\0\x20ftypheic" + bytes(20), DamagedPhoto),
        (b"\xff\xd8\xff" + bytes(50), DamagedPhoto),
        (b"\xff\xd8\xff" + bytes(MAX_BYTES), PhotoTooLarge),
    ],
)
def test_each_wrong_file_has_its_own_error(content: bytes, error: type[VisionError]) -> None:
    with pytest.raises(error) as caught:
        open_photo(content)
    assert type(caught.value) is error


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_photo_cut_short_is_damaged(format: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    content = encoded(Image.fromarray(noise), format)
    with pytest.raises(DamagedPhoto):
        open_photo(content[: len(content) // 2])


STARTS = [encoded(gradient(), format) for format in ("JPEG", "PNG", "WEBP", "TIFF")]


@given(st.sampled_from(STARTS), st.data())
def test_whatever_is_broken_only_vision_errors_come_out(whole: bytes, data: st.DataObject) -> None:
    content = bytearray(whole[: data.draw(st.integers(8, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        photo = open_photo(bytes(content), of_data_set=True)
    except VisionError:
        return
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.shape[2] == 3


@given(st.binary(max_size=64))
def test_sniffing_knows_or_refuses(content: bytes) -> None:
    try:
        decoders = sniff(content)
    except (EmptyPhoto, NotAPhoto, AnimatedPhoto):
        return
    assert decoders


@pytest.mark.data
def test_every_bad_image_is_opened_or_refused(data_dir: Path) -> None:
    answers = []
    for path in sorted((data_dir / "badimages").iterdir()):
        try:
            answers.append(max(open_photo(path.read_bytes()).pixels.shape) <= WORKING_SIDE)
        except VisionError as error:
            answers.append(str(error) != "")
    assert len(answers) > 700
    assert all(answers)


def test_every_error_survives_the_pipe_from_the_worker() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) > 10
    for kind in kinds:
        copy = pickle.loads(pickle.dumps(kind("why")))  # noqa: S301 our own bytes
        assert type(copy) is kind
        assert str(copy) == "why"
