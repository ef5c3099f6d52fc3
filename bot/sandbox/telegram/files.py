"""The local Telegram's files, in memory; the oldest are dropped beyond a limit."""

import io
import secrets
import struct
import threading
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from PIL import Image, ImageOps

MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024
"""Bots cannot download larger files."""

MAX_PHOTO_BYTES = 10 * 1024 * 1024
MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_PIXELS = 50_000_000
"""Larger pictures are not decoded; they are sent as files, as on a phone."""

_SIDES = (90, 320, 800, 1280)
"""The longest sides, in pixels, of the sizes that Telegram makes of a photo."""

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


class NotAPhoto(Exception):
    """Bytes that Telegram does not accept as a photo, with Telegram's own message."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file; bots download it from `path`."""

    file_id: str
    unique_id: str
    path: str
    data: bytes
    mime: str
    name: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields that all kinds of files have in the Bot API."""
        return {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "file_size": len(self.data),
        }


@dataclass(frozen=True, slots=True)
class Shape:
    """A video's size in pixels and duration in whole seconds."""

    width: int
    height: int
    duration: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One size of a photo, as a JPEG."""

    width: int
    height: int
    jpeg: bytes


class FileStore:
    """The files that were sent recently.

    Args:
        limit_bytes: How much is kept; beyond it the oldest are dropped.
    """

    def __init__(self, limit_bytes: int = 300 * 1024 * 1024) -> None:
        self._limit_bytes = limit_bytes
        self._files: dict[str, StoredFile] = {}  # by file id, oldest first
        self._photos: dict[str, list[dict[str, Any]]] = {}  # all sizes, by the file id of each
        self._count = 0
        self._lock = threading.Lock()

    def add(self, data: bytes, folder: str, name: str, mime: str) -> StoredFile:
        """Store a file and return it with its ids."""
        suffix = PurePosixPath(name).suffix[:10]
        suffix = suffix if suffix[1:].isascii() and suffix[1:].isalnum() else ""
        file_id, unique_id = f"local-{secrets.token_urlsafe(24)}", secrets.token_hex(8)
        with self._lock:
            path = f"{folder}/file_{self._count}{suffix}"
            self._count += 1
            stored = StoredFile(file_id, unique_id, path, data, mime, name)
            self._files[file_id] = stored
            total = sum(len(file.data) for file in self._files.values())
            while total > self._limit_bytes and len(self._files) > 1:
                oldest = self._files.pop(next(iter(self._files)))
                self._photos.pop(oldest.file_id, None)
                total -= len(oldest.data)
        return stored

    def add_document(self, data: bytes, name: str, mime: str) -> dict[str, Any]:
        """Store a file and return it as a `Document`."""
        stored = self.add(data, "documents", name, mime)
        return {**stored.as_json(), "file_name": name, "mime_type": mime}

    def add_video(self, data: bytes, name: str, mime: str, shape: Shape) -> dict[str, Any]:
        """Store a video and return it as a `Video`; the real Telegram re-encodes it."""
        stored = self.add(data, "videos", name, mime)
        return {**stored.as_json(), **asdict(shape), "file_name": name, "mime_type": mime}

    def add_video_note(self, data: bytes, mime: str, shape: Shape) -> dict[str, Any]:
        """Store a round video and return it as a `VideoNote`."""
        stored = self.add(data, "video_notes", "note.mp4", mime)
        length = min(shape.width, shape.height)
        return {**stored.as_json(), "length": length, "duration": shape.duration}

    def add_animation(self, data: bytes, name: str) -> dict[str, dict[str, Any]]:
        """Store an animated GIF and return it as Telegram does: also as a document."""
        document = self.add_document(data, name, "image/gif")
        with Image.open(io.BytesIO(data)) as image:
            shape = asdict(Shape(*image.size, duration=1))
        return {"animation": {**document, **shape}, "document": document}

    def add_photo(self, pictures: list[Picture]) -> list[dict[str, Any]]:
        """Store all sizes of a photo and return them as a list of `PhotoSize`, smallest first."""
        sizes: list[dict[str, Any]] = []
        for picture in pictures:
            stored = self.add(picture.jpeg, "photos", "photo.jpg", "image/jpeg")
            sizes.append({**stored.as_json(), "width": picture.width, "height": picture.height})
            self._photos[stored.file_id] = sizes
        return sizes

    def photo(self, file_id: str) -> list[dict[str, Any]] | None:
        """Return all sizes of a photo, given one of them."""
        return self._photos.get(file_id)

    def find(self, file_id: str) -> StoredFile | None:
        """Return the file with this id."""
        return self._files.get(file_id)

    def find_unique(self, unique_id: str) -> StoredFile | None:
        """Return the file with this unique id."""
        return next((f for f in list(self._files.values()) if f.unique_id == unique_id), None)

    def find_path(self, path: str) -> StoredFile | None:
        """Return the file with this download path."""
        return next((f for f in list(self._files.values()) if f.path == path), None)


def moves(data: bytes) -> bool:
    """Return whether a file is an animated GIF."""
    try:
        with Image.open(io.BytesIO(data), formats=("GIF",)) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error):
        return False


def photo_sizes(data: bytes) -> list[Picture]:
    """Return a photo in Telegram's sizes, smallest first.

    Like the real one, it rotates the photo upright and re-encodes it, which drops metadata.

    Raises:
        NotAPhoto: It cannot be decoded, or Telegram does not accept its size.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        width, height = image.size
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise NotAPhoto("PHOTO_INVALID_DIMENSIONS")
        if width * height > MAX_PIXELS:
            raise NotAPhoto("PHOTO_INVALID_DIMENSIONS")
        image.draft("RGB", (_SIDES[-1], _SIDES[-1]))  # decodes a large JPEG at a fraction
        upright = _on_white(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise NotAPhoto("IMAGE_PROCESS_FAILED") from error
    except Image.DecompressionBombError as error:
        raise NotAPhoto("PHOTO_INVALID_DIMENSIONS") from error
    largest = max(upright.size)
    sides = [side for side in _SIDES if side < largest]
    sides.append(min(largest, _SIDES[-1]))
    return [_scaled(upright, side) for side in sorted(set(sides))]


def _on_white(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, on a white background."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    ground = Image.new("RGB", layered.size, "white")
    ground.paste(layered, mask=layered.getchannel("A"))
    return ground


def _scaled(image: Image.Image, side: int) -> Picture:
    scaled = image.copy()
    scaled.thumbnail((side, side), Image.Resampling.LANCZOS)
    jpeg = io.BytesIO()
    scaled.save(jpeg, "JPEG", quality=87)
    return Picture(scaled.width, scaled.height, jpeg.getvalue())
