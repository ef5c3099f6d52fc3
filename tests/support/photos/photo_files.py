"""Photo files as cameras and programs write them."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

AS_HELD = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that notes an EXIF orientation has turned what it saw; 1 is upright."""


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """Return a picture in a format."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def as_held(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture as a camera stores it that was held so."""
    return image.transpose(AS_HELD[orientation]) if orientation in AS_HELD else image


def two_faces_and_a_wall(folder: Path) -> Path:
    """Fill a folder with files that say what a fake reader finds in them; return the folder."""
    for name, content in (("a/me.png", b"face a"), ("b/me.jpg", b"face b"), ("wall.jpg", b"wall")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
