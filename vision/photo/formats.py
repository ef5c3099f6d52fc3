"""Detect the format of a file from its first bytes.

Nothing is decoded and nothing heavy is imported, so the bot can reject a wrong file before it
reaches the worker process that decodes.
"""

from typing import Final

from vision.errors import (
    AnimatedPhoto,
    EmptyPhoto,
    NotAPhoto,
    NotAVideo,
    PhotoTooLarge,
    VideoTooLarge,
)

MAX_BYTES: Final = 20_000_000
"""Largest file that is opened; also the limit of Telegram's getFile."""

MAX_VIDEO_SECONDS: Final = 60
"""Longest video that is accepted; also the limit of Telegram's round videos."""

# First bytes -> Pillow's decoders that may open the file.
_SIGNATURES: Final = {
    b"\xff\xd8\xff": ("JPEG", "MPO"),
    b"\x89PNG\r\n\x1a\n": ("PNG",),
}

# Some face data sets use TIFF; phones do not.
_DATA_SET_SIGNATURES: Final = _SIGNATURES | {b"II*\x00": ("TIFF",), b"MM\x00*": ("TIFF",)}

# ISO 14496-12 files name a major brand and compatible ones after "ftyp".
_HEIF_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"mif1"}
_MOVING_BRANDS: Final = {b"msf1", b"hevc", b"hevx", b"hevm", b"hevs", b"avis"}

_EBML: Final = b"\x1a\x45\xdf\xa3"  # WebM and Matroska


def sniff(photo: bytes, *, of_data_set: bool = False) -> tuple[str, ...]:
    """Return the names of the Pillow decoders that match the file's first bytes.

    Args:
        photo: The whole file.
        of_data_set: Whether it comes from a data set and so may be a TIFF.

    Raises:
        EmptyPhoto: The file is empty.
        PhotoTooLarge: It has more than `MAX_BYTES`.
        NotAPhoto: We do not support its format.
        AnimatedPhoto: Its header declares an image sequence.
    """
    if not photo:
        raise EmptyPhoto("no bytes")
    if len(photo) > MAX_BYTES:
        raise PhotoTooLarge(f"{len(photo):,} bytes; at most {MAX_BYTES:,}")
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return ("WEBP",)
    if photo[4:8] == b"ftyp":
        return _sniff_brands(photo)
    for signature, decoders in (_DATA_SET_SIGNATURES if of_data_set else _SIGNATURES).items():
        if photo.startswith(signature):
            return decoders
    raise NotAPhoto("no photo's first bytes")


def sniff_video(video: bytes) -> None:
    """Reject bytes that do not start like an MP4, QuickTime, WebM or Matroska file.

    FFmpeg must see no other format: a playlist, for example, could make it open other files.

    Raises:
        VideoTooLarge: The file has more than `MAX_BYTES`.
        NotAVideo: We do not support its format.
    """
    if len(video) > MAX_BYTES:
        raise VideoTooLarge(f"{len(video):,} bytes; at most {MAX_BYTES:,}")
    is_mp4 = video[4:8] == b"ftyp" and video[8:12] not in _HEIF_BRANDS | _MOVING_BRANDS | {b"avif"}
    if not is_mp4 and not video.startswith(_EBML):
        raise NotAVideo("no video's first bytes")


def _sniff_brands(photo: bytes) -> tuple[str, ...]:
    major = photo[8:12]
    end = min(int.from_bytes(photo[:4], "big"), 128)  # of the box that lists the brands
    brands = {major} | {photo[start : start + 4] for start in range(16, end, 4)}
    if major in _MOVING_BRANDS:
        raise AnimatedPhoto(f"an image sequence (brand {major!r})")
    if brands & _HEIF_BRANDS and b"avif" not in brands:
        return ("HEIF",)
    raise NotAPhoto(f"a media file, but no photo (brand {major!r})")
