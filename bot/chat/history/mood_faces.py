"""A face for each emotion, of a few strokes, so that no picture speaks by colour alone.

The colours follow those that Okabe and Ito chose for all common kinds of colour blindness ("Color
Universal Design", 2008), a little lighter, so that strokes stand out; each is near the emotion's
colour in the picture that explains a reading.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

COLOURS: Final = {
    "angry": "#e07a3f",
    "disgust": "#35b08a",
    "fear": "#d59ac0",
    "happy": "#f3dc52",
    "sad": "#5aa9dd",
    "surprise": "#f0b13c",
    "neutral": "#c6c9d2",
}
INK: Final = "#1f1b33"

Point = tuple[float, float]
Stroke = Sequence[Point]
"""A line through two points, or curves: a start, then a control point and an end for each."""

_EYE: Final = 0.13


def draw_face(axes: Axes, emotion: str, at: Point, radius: float, ink: str = INK) -> None:
    """Draw the strokes of a face; what is behind them is its skin.

    Args:
        axes: Whose y axis points down.
        emotion: Whose face.
        at: Its middle.
        radius: Half its width.
        ink: What colour the strokes have.
    """
    lines, spots = _paths(emotion)
    place = Affine2D().scale(radius, -radius).translate(*at) + axes.transData
    common = {"transform": place, "edgecolor": ink, "capstyle": "round", "joinstyle": "round"}
    width = 0.12 * radius  # in pixels of the figure; its dpi is 72
    axes.add_artist(PathPatch(lines, facecolor="none", linewidth=width, **common))
    axes.add_artist(PathPatch(spots, facecolor=ink, linewidth=0, **common))


@cache
def _paths(emotion: str) -> tuple[Path, Path]:
    """Return the strokes and the filled spots of a face in the square -1..1, y up."""
    strokes, spots = _FACES[emotion]
    lines = Path.make_compound_path(*map(_line, strokes))
    filled = Path.make_compound_path(*(_disc(*spot) for spot in spots))
    return lines, filled


def _line(stroke: Stroke) -> Path:
    if len(stroke) == 2:
        return Path(stroke)
    return Path(stroke, [Path.MOVETO] + [Path.CURVE3] * (len(stroke) - 1))


def _disc(x: float, y: float, width: float, height: float) -> Path:
    unit = Path.unit_circle()
    return unit.transformed(Affine2D().scale(width, height).translate(x, y))


def _both(*stroke: Point) -> tuple[Stroke, Stroke]:
    """Return a stroke and its mirror image."""
    return stroke, [(-x, y) for x, y in stroke]


def _eyes(height: float = 0.2, size: float = _EYE) -> list[tuple[float, float, float, float]]:
    return [(x, height, size, size) for x in (-0.42, 0.42)]


_FROWN: Final = ((-0.42, -0.66), (0.0, -0.16), (0.42, -0.66))

_FACES: Final[dict[str, tuple[list[Stroke], list[tuple[float, float, float, float]]]]] = {
    "angry": ([*_both((0.2, 0.4), (0.72, 0.66)), _FROWN], _eyes(0.16)),
    "disgust": (
        [
            *_both((0.24, 0.14), (0.66, 0.3)),
            ((-0.5, -0.34), (0.5, -0.34)),
            ((0.0, -0.34), (0.02, -0.86), (0.2, -0.86), (0.38, -0.86), (0.4, -0.34)),
        ],
        [],
    ),
    "fear": (
        [
            *_both((0.26, 0.66), (0.5, 0.82), (0.7, 0.58)),
            (
                (-0.5, -0.46),
                (-0.37, -0.24),
                (-0.25, -0.46),
                (-0.12, -0.68),
                (0.0, -0.46),
                (0.12, -0.24),
                (0.25, -0.46),
                (0.37, -0.68),
                (0.5, -0.46),
            ),
        ],
        _eyes(0.22, 0.17),
    ),
    "happy": (
        [
            *_both((0.22, 0.16), (0.42, 0.5), (0.62, 0.16)),
            ((-0.58, -0.2), (0.0, -1.0), (0.58, -0.2)),
        ],
        [],
    ),
    "sad": ([*_both((0.22, 0.62), (0.7, 0.4)), _FROWN], _eyes(0.12)),
    "surprise": (
        [*_both((0.24, 0.56), (0.42, 0.8), (0.6, 0.56))],
        [*_eyes(0.2), (0.0, -0.48, 0.2, 0.26)],
    ),
    "neutral": ([((-0.42, -0.42), (0.42, -0.42))], _eyes()),
}
"""Strokes and spots of each face; a spot is x, y, and the radii across and down."""
