"""Files that nobody sends by mistake, and broken or odd ones that people send; all made here."""

import io
import pickle
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from bot.sandbox.page.samples import portrait_jpeg
from tests.support.photos.photo_files import encoded
from vision.photo.formats import MAX_BYTES

GPS = 0x8825
COMMENT = 0x9286


def hostile_files() -> Iterator[tuple[str, bytes, set[str]]]:
    """Yield files: what each is, its bytes, and which answers may be given.

    An answer is the name of an error of vision's, or "reading".
    """
    yield from _no_photos()
    yield from _lies_about_size()
    yield from _large_inside()
    yield from _moving()
    yield from _cut_short()
    yield from _odd_but_good()


def canary_exif(canary: str, orientation: int = 1) -> bytes:
    """Return EXIF data that tells where a photo was taken and says the canary in many places."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x010F] = exif[0x0110] = exif[0x013B] = canary  # whose, by what, of what
    exif[0x0112] = orientation
    gps = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0), 27: canary.encode()}
    exif.get_ifd(GPS).update(gps)
    exif.get_ifd(0x8769)[COMMENT] = b"ASCII\0\0\0" + canary.encode()
    return exif.tobytes()


def _portrait() -> Image.Image:
    return Image.open(io.BytesIO(portrait_jpeg())).convert("RGB")


def _no_photos() -> Iterator[tuple[str, bytes, set[str]]]:
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    yield "nothing", b"", {"EmptyPhoto"}
    yield "too many bytes", b"\xff\xd8\xff" + bytes(MAX_BYTES), {"PhotoTooLarge"}
    for name, content in {
        "one byte": b"\xff",
        "text": b"This is no photo.",
        "a page": b"<!doctype html><script>alert(1)</script>",
        "a drawing that names a file": script,
        "a PostScript program": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file run",
        "a drawing program's command": b"push graphic-context\nfill 'url(https://example/)'",
        "a program": b"\x7fELF\x02\x01\x01" + bytes(100),
        "an archive": b"PK\x03\x04" + bytes(100),
        "a pickle": pickle.dumps({"a": 1}),
        "a video": b"\0\0\0\x20ftypisom" + bytes(100),
        "a GIF": encoded(Image.new("L", (64, 64)), "GIF"),
        "a BMP": encoded(Image.new("L", (64, 64)), "BMP"),
        "a TIFF": encoded(Image.new("L", (64, 64)), "TIFF"),
        "an AVIF": encoded(Image.new("L", (64, 64)), "AVIF"),
    }.items():
        yield name, content, {"NotAPhoto"}
    noise = np.random.default_rng(1).bytes(1_000_000)
    for name, start in {
        "JPEG": b"\xff\xd8\xff\xe0",
        "PNG": b"\x89PNG\r\n\x1a\n",
        "WebP": b"RIFF\0\0\x10\0WEBP",
        "HEIF": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    }.items():
        yield f"noise that begins like {name}", start + noise, {"DamagedPhoto", "PhotoTooLarge"}


def _lies_about_size() -> Iterator[tuple[str, bytes, set[str]]]:
    too_large = {"PhotoTooLarge"}
    yield "PNG of 3.6 gigapixels", _png(60_000, 60_000, b""), too_large
    yield "PNG as long as can be", _png(2**31 - 1, 1, b""), too_large | {"DamagedPhoto"}
    yield "PNG of 49 megapixels without pixels", _png(7_000, 7_000, b""), {"DamagedPhoto"}
    jpeg = bytearray(encoded(Image.new("L", (64, 64)), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    yield "JPEG of 4 gigapixels", bytes(jpeg), too_large
    jpeg[at : at + 4] = struct.pack(">HH", 7_000, 7_000)
    yield "JPEG of 49 megapixels without pixels", bytes(jpeg), {"DamagedPhoto", "NoFaceFound"}
    webp = bytearray(encoded(Image.new("RGB", (8, 8)), "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 16_382 | 16_382 << 14)
    yield "WebP of 268 megapixels", bytes(webp), too_large | {"DamagedPhoto"}


def _large_inside() -> Iterator[tuple[str, bytes, set[str]]]:
    flat = Image.new("RGB", (6_300, 6_300), "grey")
    yield "PNG of 40 megapixels, all grey", encoded(flat, "PNG"), {"NoFaceFound"}
    yield "JPEG of 40 megapixels, all grey", encoded(flat, "JPEG"), {"NoFaceFound"}
    yield (
        "PNG of 64 megapixels in few bytes",
        encoded(Image.new("1", (8000, 8000)), "PNG"),
        {"PhotoTooLarge"},
    )
    line = encoded(Image.new("L", (1, 4_000_000)), "PNG")
    yield "PNG of a single column", line, {"PhotoTooSmall"}
    strip = encoded(Image.new("L", (32, 1_500_000)), "PNG")
    yield "PNG of 32 columns", strip, {"NoFaceFound"}
    many = PngImagePlugin.PngInfo()
    for number in range(20_000):
        many.add_text(f"key{number}", "x")
    yield (
        "PNG with 20,000 texts",
        encoded(_portrait(), "PNG", pnginfo=many),
        {
            "reading",
            "DamagedPhoto",
        },
    )
    bomb = zlib.compress(bytes(200_000_000), 9)
    small = encoded(Image.new("L", (64, 64)), "PNG")
    for name, chunk in {
        "text": _chunk(b"zTXt", b"key\0\0" + bomb),
        "profile": _chunk(b"iCCP", b"key\0\0" + bomb),
    }.items():
        yield (
            f"PNG whose {name} unpacks to 200 MB",
            small[:33] + chunk + small[33:],
            {
                "DamagedPhoto",
                "NoFaceFound",
            },
        )


def _moving() -> Iterator[tuple[str, bytes, set[str]]]:
    frames = [Image.new("L", (32, 32), number % 256) for number in range(500)]
    for format in ("PNG", "WEBP"):
        several = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        yield f"{format} of 500 frames", several, {"AnimatedPhoto"}


def _cut_short() -> Iterator[tuple[str, bytes, set[str]]]:
    for format in ("JPEG", "PNG", "WEBP", "HEIF"):
        whole = encoded(_portrait(), format)
        for percent in (1, 50, 99):
            cut = whole[: len(whole) * percent // 100]
            yield f"{percent} % of a {format}", cut, {"DamagedPhoto", "NotAPhoto"}


def _odd_but_good() -> Iterator[tuple[str, bytes, set[str]]]:
    portrait, read = _portrait(), {"reading"}
    yield "broken EXIF", encoded(portrait, "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 60_000), read
    yield "JPEG and archive", portrait_jpeg() + b"PK\x03\x04" + bytes(100), read
    yield "PNG and page", encoded(portrait, "PNG") + b"<script>alert(1)</script>", read
    second = Image.new("RGB", portrait.size, "blue")
    several = encoded(portrait, "MPO", save_all=True, append_images=[second])
    yield "MPO", several, read
    yield (
        "MPO whose second picture is cut off",
        several[:-300],
        {
            "reading",
            "DamagedPhoto",
        },
    )
    yield "ink colours", encoded(portrait.convert("CMYK"), "JPEG"), read
    yield "transparent", encoded(portrait.convert("RGBA"), "PNG"), read
    yield "deep grey", encoded(_deep_grey(portrait), "PNG"), read


def _deep_grey(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def _png(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = _chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + data + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
