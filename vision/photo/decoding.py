"""Decode untrusted bytes into an upright RGB picture of limited size, or raise an error.

The header is checked before anything is decoded, a large photo is reduced to the working size,
and every exception of a decoder becomes a `VisionError`.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image

from vision.errors import AnimatedPhoto, DamagedPhoto, PhotoTooLarge, PhotoTooSmall
from vision.photo.formats import sniff

MAX_PIXELS: Final = 50_000_000
"""Larger photos are refused by their header; phones take up to 50 megapixels."""

MIN_SIDE: Final = 32
"""Photos with a shorter side are refused: no face in them can be read."""

WORKING_SIDE: Final = 1280
"""Longest side of the working picture, in pixels; larger photos are reduced."""

_DRAFT_SIDE: Final = 960
"""Least length of the longest side when a JPEG is decoded at 1/2, 1/4 or 1/8. It is enough for
the picture that explains a reading, and halves the time for a 12-megapixel photo."""

_BACKGROUND: Final = 160  # light grey behind transparent pixels
_BAND_ROWS: Final = 64  # rows of the working picture converted at a time

# What Pillow and the libraries below it raise on broken files: OSError (truncated, unidentified,
# codec errors), SyntaxError (PNG and TIFF structure), ValueError and TypeError (impossible field
# values), struct.error, IndexError, KeyError and EOFError (fields or tables that end early),
# OverflowError and zlib.error (bad lengths and streams), NotImplementedError (variants that no
# decoder handles), RuntimeError (libheif), MemoryError (a false size),
# ZeroDivisionError (fractions in metadata), AttributeError (a half-initialised decoder).
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    struct.error,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    ZeroDivisionError,
    AttributeError,
)

_UPRIGHT: Final = {  # EXIF orientation -> the transposition that undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

pillow_heif.register_heif_opener()


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo.

    Args:
        pixels: uint8 (h, w, 3), RGB, upright, the longest side at most `WORKING_SIDE`.
        width: Width of the upright photo in its own pixels.
        height: Height of the upright photo in its own pixels.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Pixels of the photo per pixel of `pixels`."""
        return float(self.width / self.pixels.shape[1])


def open_photo(photo: bytes, *, of_data_set: bool = False) -> Photo:
    """Decode a photo.

    Args:
        photo: The whole file: JPEG, PNG, WebP or HEIF.
        of_data_set: Whether it comes from a data set and so may be a TIFF and of any size.

    Raises:
        UnreadablePhoto: One of its subclasses; see `vision.errors`.
    """
    decoders = sniff(photo, of_data_set=of_data_set)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # decoders' warnings about odd files would fill the log
        try:
            with Image.open(io.BytesIO(photo), formats=decoders) as image:
                if min(image.size) < MIN_SIDE and not of_data_set:
                    raise PhotoTooSmall(
                        f"{image.width}x{image.height} pixels; at least {MIN_SIDE}"
                    )
                return _decode(image)
        except Image.DecompressionBombError as error:
            raise PhotoTooLarge(str(error)) from error
        except _BROKEN as error:
            raise DamagedPhoto(f"{type(error).__name__}: {error}") from error


def _decode(image: Image.Image) -> Photo:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoTooLarge(f"{width}x{height} pixels; at most {MAX_PIXELS:,} in all")
    # MPO and HEIF files from phones hold further pictures (depth, gain map, stereo) after the main
    # one; any other file with several frames is an animation.
    if image.format not in ("MPO", "HEIF") and getattr(image, "is_animated", False):
        raise AnimatedPhoto(f"{image.format} with several frames")
    turn = _UPRIGHT.get(_orientation(image))
    draft = max(1, max(width, height) // _DRAFT_SIDE)
    image.draft("RGB", (width // draft, height // draft))  # only JPEGs have it
    pixels = _shrink(image)
    if turn is not None:
        pixels = np.asarray(Image.fromarray(pixels).transpose(turn))
        if turn in (
            Image.Transpose.TRANSPOSE,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
            Image.Transpose.ROTATE_270,
        ):
            width, height = height, width
    return Photo(np.ascontiguousarray(pixels), width, height)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, or 1 if it is missing or unreadable."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return 1  # broken metadata must not reject the picture


def _shrink(image: Image.Image) -> NDArray[np.uint8]:
    """Convert to RGB, uint8 (h, w, 3), at the working size.

    Other modes are converted in bands of rows: a full-size copy would double the memory of a
    large photo.
    """
    longest = max(image.size)
    factor = max(1, longest // WORKING_SIDE)
    image.load()
    if image.mode == "RGB" and not image.has_transparency_data:
        # Nothing to convert; skip `reduce(1)`, whose copy takes a millisecond.
        pixels = np.asarray(image.reduce(factor) if factor > 1 else image)
    else:
        low, high = _range(image)
        rows = _BAND_ROWS * factor
        bands = []
        for top in range(0, image.height, rows):
            band = image.crop((0, top, image.width, min(top + rows, image.height)))
            bands.append(np.asarray(_to_rgb(band, low, high).reduce(factor)))
        pixels = np.concatenate(bands)
    ratio = WORKING_SIDE / max(pixels.shape)
    if ratio < 1:
        height, width = (max(1, round(side * ratio)) for side in pixels.shape[:2])
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
    return pixels


def _range(image: Image.Image) -> tuple[float, float]:
    """Return the values of black and white; for 32-bit modes, the picture's own extremes."""
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    if image.mode in ("I", "F"):
        low, high = image.getextrema()
        return float(low), float(high)  # type: ignore[arg-type]  # one band: two numbers
    return 0.0, 255.0


def _to_rgb(band: Image.Image, low: float, high: float) -> Image.Image:
    if band.mode in ("I", "F") or band.mode.startswith("I;16"):
        values: NDArray[Any] = np.nan_to_num(np.asarray(band, dtype=np.float64))
        span = high - low if np.isfinite(high - low) and high > low else 1.0
        gray = np.clip((values - low) / span * 255, 0, 255)
        return Image.fromarray(gray.astype(np.uint8)).convert("RGB")
    if not band.has_transparency_data:
        return band.convert("RGB")
    rgba = band.convert("RGBA")
    behind = Image.new("RGBA", rgba.size, (_BACKGROUND, _BACKGROUND, _BACKGROUND, 255))
    return Image.alpha_composite(behind, rgba).convert("RGB")
