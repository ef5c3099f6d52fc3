"""The picture that explains a reading: the face, where the network looked, and seven bars.

Drawn with Pillow, 960 pixels wide, for a phone's screen: the photo cropped around the face, heat
where the face spoke for the emotion, a frame around each eye, then emotion, confidence and a bar
for each emotion.
"""

import io
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vision.crops import Affine, Eyes
from vision.gradcam import ViewHeat, render
from vision.reading import EMOTIONS, Reading, percent

Colour = tuple[int, int, int]

WIDTH: Final = 960
"""Width of the picture in pixels."""

ACCENTS: Final[dict[str, Colour]] = {
    "angry": (240, 84, 79),
    "disgust": (142, 190, 72),
    "fear": (158, 132, 255),
    "happy": (255, 200, 61),
    "sad": (86, 160, 255),
    "surprise": (255, 138, 76),
    "neutral": (160, 176, 192),
}
"""One colour for each emotion."""

_BACKGROUND: Final = (18, 20, 26)
_TRACK: Final = (38, 42, 52)
_MUTED: Final = (112, 122, 138)
_TEXT: Final = (238, 240, 244)
_SOFT_TEXT: Final = (170, 178, 192)

_MARGIN: Final = 40
_PHOTO_WIDTH: Final = WIDTH - 2 * _MARGIN
_PHOTO_HEIGHT: Final = (520, 920)  # smallest and largest
_AROUND_FACE: Final = 0.45  # sides of the face's box that are kept on each side of it
_CORNER: Final = 28
_ROW: Final = 54  # height of one bar's row
_BAR: Final = 26
_LABEL_WIDTH: Final = 190
_PERCENT_WIDTH: Final = 110
_STRONGEST: Final = 0.6  # opacity of the hottest place: the face stays recognisable
_EYE_FRAME: Final = 0.62  # side of an eye's frame in distances between the eyes
_QUALITY: Final = 88


@dataclass(frozen=True, slots=True)
class _Crop:
    """The part of the photo that is shown, and the map from the photo to it."""

    pixels: NDArray[np.uint8]  # (h, w, 3), at the size at which it is shown
    to_crop: Affine
    scale: float


def draw_picture(
    pixels: NDArray[np.uint8],
    face_box: tuple[float, float, float, float],
    eyes: Eyes,
    heats: list[ViewHeat],
    reading: Reading,
) -> bytes:
    """Draw the picture that explains a reading.

    Args:
        pixels: uint8 (H, W, 3), RGB, the upright photo at its working size.
        face_box: Left, top, width, height of the face in `pixels`.
        eyes: Centres of both eyes in `pixels`.
        heats: Heat of the views that the answering head saw; their source is `pixels`.
        reading: What is written below.

    Returns:
        A JPEG of `WIDTH` pixels' width without any metadata.
    """
    crop = _crop(pixels, face_box)
    height, width = crop.pixels.shape[:2]
    heat = render(heats, crop.to_crop, (width, height))
    photo = Image.fromarray(_blend(crop.pixels, heat))
    _frame_eyes(photo, crop, eyes, dashed=reading.eyes_found == "estimated")

    notes = notes_for(reading)
    top = _MARGIN + height + 34
    bars_top = top + 92
    notes_top = bars_top + _ROW * len(EMOTIONS) + 10
    canvas = Image.new("RGB", (WIDTH, notes_top + 40 * len(notes) + 30), _BACKGROUND)
    canvas.paste(photo, ((WIDTH - width) // 2, _MARGIN), _rounded_mask((width, height), _CORNER))
    _write_headline(canvas, reading, top)
    _draw_bars(canvas, reading, bars_top)
    draw = ImageDraw.Draw(canvas)
    for index, note in enumerate(notes):
        draw.text((_MARGIN, notes_top + 40 * index), note, _SOFT_TEXT, _font(27))

    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def notes_for(reading: Reading) -> list[str]:
    """Return what a viewer should know before trusting the picture, a line each."""
    notes = []
    if reading.faces > 1:
        notes.append(f"{reading.faces} faces in the photo: this is the largest one.")
    if reading.eyes_found == "estimated":
        notes.append("The eyes were hard to see: their place is an estimate.")
    if reading.answered_by == "face":
        notes.append("Read from the whole face alone.")
    elif reading.answered_by == "eyes":
        notes.append("Read from the eyes alone.")
    return notes


def _crop(pixels: NDArray[np.uint8], face_box: tuple[float, float, float, float]) -> _Crop:
    """Cut out the face with its surroundings, as far as the photo reaches."""
    height, width = pixels.shape[:2]
    left, top, face_width, face_height = face_box
    around = _AROUND_FACE * max(face_width, face_height)
    x0, y0 = (max(0, int(edge - around)) for edge in (left, top))
    x1 = min(width, int(np.ceil(left + face_width + around)))
    y1 = min(height, int(np.ceil(top + face_height + around)))
    least, most = _PHOTO_HEIGHT
    scale = min(_PHOTO_WIDTH / (x1 - x0), most / (y1 - y0))
    if scale * (y1 - y0) < least:  # a wide, flat photo: rather lose its sides
        scale = least / (y1 - y0)
        half = _PHOTO_WIDTH / scale / 2
        middle = float(np.clip(left + face_width / 2, x0 + half, x1 - half))
        x0, x1 = max(x0, int(middle - half)), min(x1, int(middle + half))
    size = (round(scale * (x1 - x0)), round(scale * (y1 - y0)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = cv2.resize(pixels[y0:y1, x0:x1], size, interpolation=interpolation)
    shift = (scale - 1) / 2
    to_crop = np.array([[scale, 0.0, shift - scale * x0], [0.0, scale, shift - scale * y0]])
    return _Crop(np.asarray(shown, np.uint8), to_crop, scale)


def _blend(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay the heat over the photo; where it is cold, the photo shows as it is."""
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    opacity = (_STRONGEST * np.clip(heat * 1.25 - 0.25, 0, 1))[..., None]
    return np.asarray(pixels * (1 - opacity) + colours * opacity, dtype=np.uint8)


def _frame_eyes(photo: Image.Image, crop: _Crop, eyes: Eyes, *, dashed: bool) -> None:
    """Draw a level, rounded frame around each eye; dashed where its place is an estimate."""
    points = np.array(eyes) @ crop.to_crop[:, :2].T + crop.to_crop[:, 2]  # (2, 2)
    along = points[1] - points[0]
    half = _EYE_FRAME / 2 * float(np.hypot(*along))
    across = along / np.hypot(*along)
    axes = np.array([across, [-across[1], across[0]]])
    outline = half * _rounded_square(corner=0.35)
    line = np.zeros((photo.height, photo.width), np.uint8)
    for point in points:
        corners = point + outline @ axes
        for piece in np.array_split(corners, 16)[::2] if dashed else [corners]:
            # Coordinates in sixteenths of a pixel, so that slanted lines are smooth.
            sixteenths = np.rint(16 * piece).astype(np.int32)
            cv2.polylines(line, [sixteenths], False, (255,), 4, cv2.LINE_AA, shift=4)
    shadow = np.asarray(cv2.GaussianBlur(line, (0, 0), 2.5), np.uint8) // 2
    photo.paste((0, 0, 0), (0, 0), Image.fromarray(shadow))
    photo.paste((255, 255, 255), (0, 0), Image.fromarray(line))


def _rounded_square(corner: float) -> NDArray[np.float64]:
    """Return a closed outline of the square -1..1 with round corners, float64 (N, 2)."""
    angles = np.linspace(0, np.pi / 2, 12)
    arcs = []
    for quarter, (x, y) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        turned = angles + quarter * np.pi / 2
        centre = (1 - corner) * np.array([x, y])
        arcs.append(centre + corner * np.column_stack([np.cos(turned), np.sin(turned)]))
    corners = np.concatenate([*arcs, arcs[0][:1]])
    # Evenly spaced points, so that dashes are of one length.
    steps = np.hypot(*np.diff(corners, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    even = np.linspace(0, along[-1], 161)
    return np.column_stack([np.interp(even, along, corners[:, axis]) for axis in (0, 1)])


def _write_headline(canvas: Image.Image, reading: Reading, top: int) -> None:
    draw = ImageDraw.Draw(canvas)
    name, how_sure = reading.emotion.capitalize(), percent(reading.confidence)
    baseline = top + 54
    draw.text((_MARGIN, baseline), name, ACCENTS[reading.emotion], _font(66), anchor="ls")
    draw.text((WIDTH - _MARGIN, baseline), how_sure, _TEXT, _font(66), anchor="rs")


def _draw_bars(canvas: Image.Image, reading: Reading, top: int) -> None:
    draw = ImageDraw.Draw(canvas)
    left = _MARGIN + _LABEL_WIDTH
    full = WIDTH - _MARGIN - _PERCENT_WIDTH - left
    track = _rounded_mask((full, _BAR), _BAR // 2)
    for index, emotion in enumerate(EMOTIONS):
        probability = reading.probabilities[emotion]
        is_answer = emotion == reading.emotion
        middle = top + index * _ROW + _ROW // 2
        colour = ACCENTS[emotion] if is_answer else _MUTED
        text = _TEXT if is_answer else _SOFT_TEXT
        draw.text((_MARGIN, middle), emotion.capitalize(), text, _font(33), anchor="lm")
        draw.text((WIDTH - _MARGIN, middle), percent(probability), text, _font(33), anchor="rm")
        corner = (left, middle - _BAR // 2)
        canvas.paste(_TRACK, corner, track)
        length = round(probability * full)
        if length >= _BAR:
            canvas.paste(colour, corner, _rounded_mask((length, _BAR), _BAR // 2))
        elif length > 0:  # too short for two round ends: the track's own left end
            canvas.paste(colour, corner, track.crop((0, 0, length, _BAR)))


def _rounded_mask(size: tuple[int, int], radius: int) -> Image.Image:
    """Return a mask of a rectangle whose corners are round and smooth."""
    fine = 4
    width, height = size
    corner = Image.new("L", (2 * radius * fine, 2 * radius * fine))
    ImageDraw.Draw(corner).ellipse((0, 0, 2 * radius * fine - 1, 2 * radius * fine - 1), fill=255)
    disc = corner.resize((2 * radius, 2 * radius), Image.Resampling.BOX)
    mask = Image.new("L", size, 255)
    for x, source_x in ((0, 0), (width - radius, radius)):
        for y, source_y in ((0, 0), (height - radius, radius)):
            part = disc.crop((source_x, source_y, source_x + radius, source_y + radius))
            mask.paste(part, (x, y))
    return mask


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
