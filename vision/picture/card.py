"""Draw the card that explains a reading: the face, where the network looked, and seven bars.

The card is 768 pixels wide and about 1350 high; Telegram shows at most 1280. On top is the photo,
cropped around the face, with the heat map and a frame around each eye. Below are emotion and
confidence, the heat map in words, and a bar per emotion. If the answer used both views, the card
also shows the contribution of each.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import EYES_SIZE, Affine, Eyes, apply, chain, halve, inverse, sample
from vision.network.gradcam import Heat, ViewHeat, density
from vision.picture.canvas import (
    Colour,
    Pixels,
    overlay,
    paint,
    round_corners,
    round_outline,
    rounded,
    write,
)
from vision.picture.explanation import describe_heat
from vision.reading import EMOTIONS, Covering, Reading, View, percent

WIDTH: Final = 768
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
"""The colour of each emotion."""

_SEEN: Final[dict[tuple[Covering, View], str]] = {
    ("none", "face"): "Read from the whole face alone.",
    ("mouth", "fused"): "The mouth is covered: take this lightly.",
    ("eyes", "face"): "The eyes are covered: read from the rest of the face.",
}

_BACKGROUND: Final = (18, 20, 26)
_TRACK: Final = (38, 42, 52)
_MUTED: Final = (112, 122, 138)
_TEXT: Final = (238, 240, 244)
_SOFT_TEXT: Final = (170, 178, 192)

_MARGIN: Final = 32
_RIGHT: Final = WIDTH - _MARGIN
_PHOTO_HEIGHT: Final = (416, 736)  # smallest and largest
_AROUND_FACE: Final = 0.45  # margin around the face box, in its sides
_CORNER: Final = 22
_ROW: Final = 40  # height of one bar's row
_BAR: Final = 20
_BAR_LEFT: Final = 184
_BAR_RIGHT: Final = 648
_VIEW_HEIGHT: Final = 136
_NOTE: Final = 32  # height of a line of small text
_STRONGEST: Final = 0.6  # opacity of the hottest place: the face stays recognisable
_FAINTEST: Final = 0.2  # least heat that is visible, as a share of the hottest
_COARSER: Final = 8  # the heat map is smooth, so it is drawn this many times smaller
_EYE_FRAME: Final = 0.62  # side of an eye's frame, in eye distances
_ROUND: Final = 0.35  # radius of its corners, in half sides
_QUALITY: Final = 88


def draw_picture(
    pixels: Pixels,
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
        heats: Heat of the answering head's views; their source is `pixels`.
        reading: The reading to explain.

    Returns:
        A JPEG, `WIDTH` pixels wide, without metadata.
    """
    photo, to_photo = _crop(pixels, face_box)
    height, width = photo.shape[:2]
    heat = _coarse_density(heats, to_photo, (width, height))
    _glow(photo, heat, float(heat.max(initial=0)))
    _frame_eyes(photo, apply(to_photo, np.array(eyes)), dashed=reading.eyes_found != "haar")
    round_corners(photo, _CORNER, _BACKGROUND)

    notes = notes_for(reading)
    headline = _MARGIN + height + 27
    bars = headline + 112
    views = bars + _ROW * len(EMOTIONS) + 20
    last = views + (_VIEW_HEIGHT + 24 if len(heats) > 1 else 0)
    below = last + _NOTE * len(notes) + 16 - _MARGIN - height
    left, right = (WIDTH - width) // 2, (WIDTH - width + 1) // 2
    edges = (_MARGIN, below, left, right)
    framed = cv2.copyMakeBorder(photo, *edges, cv2.BORDER_CONSTANT, value=_BACKGROUND)
    canvas = np.asarray(framed, np.uint8)
    _write_headline(canvas, reading, describe_heat(heats, eyes), headline)
    _draw_bars(canvas, reading, bars)
    if len(heats) > 1:
        _show_views(canvas, pixels, heats, views)
    for index, note in enumerate(notes):
        write(canvas, note, (_MARGIN, last + _NOTE * index + 22), 22, _SOFT_TEXT)
    cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR, canvas)
    _, content = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return content.tobytes()


def notes_for(reading: Reading) -> list[str]:
    """Return caveats about the reading, one line each."""
    notes = []
    if reading.moments > 1:
        notes.append(f"The mean of {reading.moments} moments; this is the clearest of them.")
    if reading.faces > 1 and not reading.is_chosen:
        notes.append(f"{reading.faces} faces in the picture: this is the largest one.")
    if reading.eyes_found == "estimated" and reading.covered != "eyes":
        notes.append("The eyes were hard to see: their place is an estimate.")
    if seen := _SEEN.get((reading.covered, reading.answered_by)):
        notes.append(seen)
    return notes


def _crop(pixels: Pixels, face_box: tuple[float, float, float, float]) -> tuple[Pixels, Affine]:
    """Crop the face and its surroundings, within the photo.

    Returns:
        The crop at its final size, and the map from the photo to it.
    """
    height, width = pixels.shape[:2]
    left, top, face_width, face_height = face_box
    around = _AROUND_FACE * max(face_width, face_height)
    x0, y0 = (max(0, int(edge - around)) for edge in (left, top))
    x1 = min(width, int(np.ceil(left + face_width + around)))
    y1 = min(height, int(np.ceil(top + face_height + around)))
    least, most = _PHOTO_HEIGHT
    widest = _RIGHT - _MARGIN
    scale = min(widest / (x1 - x0), most / (y1 - y0))
    if scale * (y1 - y0) < least:  # wide and low: crop its sides instead
        scale = least / (y1 - y0)
        half = widest / scale / 2
        middle = float(np.clip(left + face_width / 2, x0 + half, x1 - half))
        x0, x1 = max(x0, int(middle - half)), min(x1, int(middle + half))
    wide, high = (_COARSER * round(scale * side / _COARSER) for side in (x1 - x0, y1 - y0))
    # Linear is enough: the working picture is reduced by less than half, so nothing aliases.
    interpolation = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    shown = cv2.resize(pixels[y0:y1, x0:x1], (wide, high), interpolation=interpolation)
    cut = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0]])
    to_part = chain(cut, _enlarge(wide / (x1 - x0), high / (y1 - y0)))
    return np.asarray(shown, np.uint8), to_part


def _enlarge(x: float, y: float) -> Affine:
    """Return the map that `cv2.resize` applies for these factors."""
    return np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2]])


def _coarse_density(heats: list[ViewHeat], to_picture: Affine, size: tuple[int, int]) -> Heat:
    """Return `density` for a picture `_COARSER` times smaller with the same edges."""
    to_coarse = chain(to_picture, _enlarge(1 / _COARSER, 1 / _COARSER))
    return density(heats, to_coarse, (size[0] // _COARSER, size[1] // _COARSER))


def _glow(pixels: Pixels, heat: Heat, hottest: float) -> None:
    """Blend a heat map over a picture; cold places stay unchanged.

    Args:
        pixels: uint8 (H, W, 3), RGB; changed in place.
        heat: float32, from `_coarse_density`.
        hottest: The heat that gets the brightest colour.
    """
    if not np.isfinite(hottest) or hottest <= 0:
        return
    opacity = np.clip((heat / hottest - _FAINTEST) / (1 - _FAINTEST), 0, 1)
    left, top, width, height = cv2.boundingRect((opacity > 0).astype(np.uint8))
    left, top = max(0, left - 1), max(0, top - 1)  # with a transparent border
    part = np.s_[top : top + height + 2, left : left + width + 2]
    area = pixels[tuple(slice(_COARSER * s.start, _COARSER * s.stop) for s in part)]
    shade = (255 * np.clip(heat[part] / hottest, 0, 1)).astype(np.uint8)
    inferno = cv2.applyColorMap(shade, cv2.COLORMAP_INFERNO)[..., ::-1]
    strength = _STRONGEST * opacity[part][..., None]
    tint = (inferno * strength).astype(np.uint8)
    kept = np.repeat(255 * (1 - strength), 3, axis=2).astype(np.uint8)
    size = area.shape[1::-1]
    overlay(area, cv2.resize(tint, size), cv2.resize(kept, size))


def _frame_eyes(photo: Pixels, eyes: NDArray[np.float64], *, dashed: bool) -> None:
    """Draw a rounded frame around each eye, parallel to the eye line.

    Args:
        photo: uint8 (H, W, 3); changed in place.
        eyes: Eye centres in the photo, (2, 2).
        dashed: Whether the frames are dashed, for estimated eyes.
    """
    along = eyes[1] - eyes[0]
    distance = float(np.hypot(*along))
    axes = np.array([along, [-along[1], along[0]]]) / distance
    outline = _EYE_FRAME / 2 * distance * round_outline(_ROUND) @ axes
    reach = int(0.7 * _EYE_FRAME * distance) + 10  # half a diagonal plus the shadow
    for eye in eyes:
        left, top = (max(0, int(middle) - reach) for middle in eye)
        right, bottom = (max(0, int(middle) + reach) for middle in eye)
        area = photo[top:bottom, left:right]
        if area.size == 0:
            continue  # an estimated eye may lie outside the photo
        line = np.zeros(area.shape[:2], np.uint8)
        corners = eye + outline - (left, top)
        for piece in np.array_split(corners, 16)[::2] if dashed else [corners]:
            # Coordinates in sixteenths of a pixel, for smooth slanted lines.
            sixteenths = np.rint(16 * piece).astype(np.int32)
            cv2.polylines(line, [sixteenths], False, (255,), 3, cv2.LINE_AA, shift=4)
        shadow = cv2.stackBlur(line, (9, 9)) // 2
        kept = cv2.multiply(255 - shadow, 255 - line, scale=1 / 255)
        overlay(area, cv2.merge([line] * 3), cv2.merge([kept] * 3))


def _write_headline(canvas: Pixels, reading: Reading, words: str, top: int) -> None:
    name, how_sure = reading.emotion.capitalize(), percent(reading.confidence)
    write(canvas, name, (_MARGIN, top + 44), 53, ACCENTS[reading.emotion])
    write(canvas, how_sure, (_RIGHT, top + 44), 53, _TEXT, "right")
    write(canvas, f"{words[0].upper()}{words[1:]}.", (_MARGIN, top + 88), 24, _SOFT_TEXT)


def _draw_bars(canvas: Pixels, reading: Reading, top: int) -> None:
    canvas[top : top + _ROW * len(EMOTIONS)] = _empty_bars()
    full = _BAR_RIGHT - _BAR_LEFT
    for index, emotion in enumerate(EMOTIONS):
        probability = reading.probabilities[emotion]
        is_answer = emotion == reading.emotion
        middle = top + index * _ROW + _ROW // 2
        colour = ACCENTS[emotion] if is_answer else _MUTED
        text = _TEXT if is_answer else _SOFT_TEXT
        if is_answer:
            write(canvas, emotion.capitalize(), (_MARGIN, middle + 9), 26, text)
        write(canvas, percent(probability), (_RIGHT, middle + 9), 26, text, "right")
        length = round(probability * full)
        if length > 0:
            # A bar too short for two round ends gets only the left one.
            bar = rounded(max(length, _BAR), _BAR, _BAR // 2)[:, :length]
            paint(canvas, bar, _BAR_LEFT, middle - _BAR // 2, colour)


@cache
def _empty_bars() -> Pixels:
    """Return the empty bars with their labels."""
    canvas = np.full((_ROW * len(EMOTIONS), WIDTH, 3), _BACKGROUND, np.uint8)
    track = rounded(_BAR_RIGHT - _BAR_LEFT, _BAR, _BAR // 2)
    for index, emotion in enumerate(EMOTIONS):
        middle = index * _ROW + _ROW // 2
        write(canvas, emotion.capitalize(), (_MARGIN, middle + 9), 26, _SOFT_TEXT)
        paint(canvas, track, _BAR_LEFT, middle - _BAR // 2, _TRACK)
    return canvas


def _show_views(canvas: Pixels, photo: Pixels, heats: list[ViewHeat], top: int) -> None:
    """Show both views side by side, with their heat and their shares of the logit."""
    tiles = []
    for heat in heats:
        width, height = heat.view_size
        scale = _VIEW_HEIGHT / height
        to_tile = chain(heat.to_view, _enlarge(scale, scale))
        size = (round(scale * width), _VIEW_HEIGHT)
        # Heat per pixel of the photo, so that an eye is equally bright in strip and face.
        magnified = abs(float(np.linalg.det(to_tile[:, :2])))
        glow = magnified * _coarse_density([heat], to_tile, size)
        smaller, to_smaller = halve(photo, float(np.hypot(*to_tile[:, 0])))
        tiles.append((sample(smaller, chain(inverse(to_smaller), to_tile), size), glow))
    hottest = max(float(glow.max(initial=0)) for _, glow in tiles)
    left = _MARGIN
    for tile, glow in tiles:
        _glow(tile, glow, hottest)
        round_corners(tile, _CORNER // 2, _BACKGROUND)
        canvas[top : top + _VIEW_HEIGHT, left : left + tile.shape[1]] = tile
        left += tile.shape[1] + 16
    write(canvas, "What each view gave", (left + 8, top + 29), 22, _SOFT_TEXT)
    total = sum(heat.logits for heat in heats)
    for index, heat in enumerate(heats):
        name = "Eyes" if heat.view_size == EYES_SIZE else "Face"
        share = heat.logits / total if total > 0 else 0.0
        baseline = top + 73 + 43 * index
        write(canvas, name, (left + 8, baseline), 26, _SOFT_TEXT)
        write(canvas, percent(share), (_RIGHT, baseline), 26, _TEXT, "right")
