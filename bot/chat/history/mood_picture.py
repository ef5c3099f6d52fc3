"""The picture of `/history`: a calendar of faces, how often each, their path, and what music did.

1080 pixels wide, for a phone's screen. Every colour stands beside a face or a word. It shows
nothing that anybody named, so no letter is missing in its font.
"""

import io
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path

from bot import texts
from bot.chat.history.mood_calendar import Change, MoodPage, Point
from bot.chat.history.mood_faces import COLOURS, INK, draw_face

WIDTH: Final = 1080

STEPS: Final = 12
"""How many of the last steps of the path are drawn as lines; older ones are dots."""

Place = tuple[float, float]

_DPI: Final = 72  # so that a point is a pixel
_BACKGROUND: Final = "#f7f4fd"
_PAPER: Final = "#ffffff"
_LINE: Final = "#ded7f0"
_EMPTY: Final = "#ece7f7"
_SOFT: Final = "#6a6480"
_PALE: Final = "#a59cc0"
_ACCENT: Final = "#6647b8"
_FADING: Final = LinearSegmentedColormap.from_list("fading", ["#ddd5f2", _ACCENT])

_MARGIN: Final = 48
_GAP: Final = 14
_CELL: Final = (WIDTH - 2 * _MARGIN - 6 * _GAP) / 7
_CELL_HEIGHT: Final = 106.0
_TITLE_HEIGHT: Final = 164
_LEGEND_HEIGHT: Final = 210
_SQUARE_HEIGHT: Final = 430
_SQUARE_TOP: Final = 76  # its heading
_CHANGES_HEIGHT: Final = 400
_INSIDE: Final = 70
_BEND: Final = 0.16
_VALENCE: Final = 0.15, 0.95
_ENERGY: Final = 0.3, 0.9
"""The visible part of the square: all starting points of moods lie inside."""


def draw_moods(page: MoodPage) -> bytes:
    """Return the picture of one page, a PNG."""
    calendar = len(page.weeks) * (_CELL_HEIGHT + _GAP)
    height = _TITLE_HEIGHT + calendar + _LEGEND_HEIGHT + _SQUARE_TOP + _SQUARE_HEIGHT + _MARGIN
    if page.changes:
        height += _CHANGES_HEIGHT
    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=_BACKGROUND)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    _write_title(axes, page)
    _draw_calendar(axes, page, _TITLE_HEIGHT)
    top = _TITLE_HEIGHT + calendar
    _draw_counts(axes, page.counts, top + 22)
    _draw_square(axes, page.path, top + _LEGEND_HEIGHT)
    if page.changes:
        _draw_changes(axes, page.changes[-7:], height - _CHANGES_HEIGHT)
    content = io.BytesIO()
    figure.savefig(
        content, format="png", pil_kwargs={"compress_level": 1}
    )  # Telegram compresses it again
    return content.getvalue()


def _write_title(axes: Axes, page: MoodPage) -> None:
    last = min(page.weeks[-1] + timedelta(days=6), page.today)
    first = min(page.days, default=page.weeks[0])
    _write(axes, texts.HISTORY_TITLE, _MARGIN, 74, 50, weight="bold")
    _write(axes, _span(first, last), WIDTH - _MARGIN, 74, 32, colour=_SOFT, side="right")
    for column, name in enumerate(texts.DAYS):
        _write(axes, name, _column(column) + _CELL / 2, 140, 28, colour=_SOFT, side="center")


def _draw_calendar(axes: Axes, page: MoodPage, top: float) -> None:
    for row, monday in enumerate(page.weeks):
        for column in range(7):
            day = monday + timedelta(days=column)
            at = _column(column), top + row * (_CELL_HEIGHT + _GAP)
            _draw_day(axes, day, page.days.get(day), at, page.today)


def _draw_day(
    axes: Axes, day: date, mood: Point | None, at: tuple[float, float], today: date
) -> None:
    left, top = at
    is_future = day > today
    colour = COLOURS[mood.emotion] if mood else _BACKGROUND if is_future else _EMPTY
    edge = INK if day == today else colour
    _box(axes, left, top, _CELL, _CELL_HEIGHT, colour, edge, 22, 5 if day == today else 0)
    ink = INK if mood else _PALE if is_future else _SOFT
    _write(axes, str(day.day), left + 13, top + 30, 22, colour=ink)
    if mood is None:
        return
    draw_face(axes, mood.emotion, (left + _CELL / 2, top + _CELL_HEIGHT / 2 + 15), 35)
    if mood.count > 1:
        _write(axes, f"×{mood.count}", left + _CELL - 12, top + 30, 22, side="right")


def _draw_counts(axes: Axes, counts: Mapping[str, int], top: float) -> None:
    """Draw a face for each emotion with its count; this is the calendar's legend too."""
    for column, (emotion, count) in enumerate(counts.items()):
        middle = _column(column) + _CELL / 2
        ink = INK if count else _PALE
        _draw_head(axes, emotion, (middle, top + 44), COLOURS[emotion] if count else _EMPTY, ink)
        _write(axes, texts.ADJECTIVES[emotion], middle, top + 124, 25, colour=ink, side="center")
        if count:
            _write(axes, str(count), middle, top + 166, 32, side="center", weight="bold")


def _draw_head(
    axes: Axes, emotion: str, at: Place, skin: str | None = None, ink: str = INK
) -> None:
    x, y = at
    axes.add_artist(Circle(at, 42, facecolor=skin or COLOURS[emotion], linewidth=0))
    draw_face(axes, emotion, (x, y - 2), 31, ink)


def _draw_square(axes: Axes, path: tuple[Point, ...], top: float) -> None:
    """Draw how the moods moved through valence and energy; the newest is marked."""
    _write(axes, texts.HISTORY_PATH, _MARGIN, top + 44, 36, weight="bold")
    left, right = _MARGIN, WIDTH - _MARGIN
    top, bottom = top + _SQUARE_TOP, top + _SQUARE_TOP + _SQUARE_HEIGHT
    _box(axes, left, top, right - left, _SQUARE_HEIGHT, _PAPER, _LINE, 28, 3)
    x, y = _place(Point("neutral", 0.5, 0.5), top)
    for across, down in (((x, x), (top + 20, bottom - 20)), ((left + 20, right - 20), (y, y))):
        axes.add_artist(Line2D(across, down, color=_LINE, linewidth=2))
    _write(axes, texts.SQUARE["tense"], left + 28, top + 50, 28, colour=_SOFT)
    _write(axes, texts.SQUARE["lively"], right - 28, top + 50, 28, colour=_SOFT, side="right")
    _write(axes, texts.SQUARE["low"], left + 28, bottom - 26, 28, colour=_SOFT)
    _write(axes, texts.SQUARE["at ease"], right - 28, bottom - 26, 28, colour=_SOFT, side="right")
    places = [_place(point, top) for point in path]
    _draw_steps(axes, places[-STEPS - 1 :])
    for index, (point, place) in enumerate(zip(path, places, strict=True), 1):
        is_last, is_old = index == len(path), index < len(path) - STEPS
        spot = Circle(
            place,
            38 if is_last else 11 if is_old else 15,
            facecolor=COLOURS[point.emotion],
            edgecolor=_ACCENT if is_last else _PAPER,
            linewidth=5 if is_last else 2,
            alpha=0.6 if is_old else 1,
        )
        axes.add_artist(spot)
    if path:
        draw_face(axes, path[-1].emotion, places[-1], 27)


def _draw_changes(axes: Axes, changes: tuple[Change, ...], top: float) -> None:
    """Draw the faces before and after the last playlists for which both are known."""
    _write(axes, texts.HISTORY_CHANGES, _MARGIN, top + 44, 36, weight="bold")
    for column, change in enumerate(changes):
        middle = _column(column) + _CELL / 2
        day = f"{change.day.day} {texts.MONTHS[change.day.month - 1]}"
        _write(axes, day, middle, top + 94, 25, colour=_SOFT, side="center")
        _draw_head(axes, change.before, (middle, top + 152))
        arrow = FancyArrowPatch(
            (middle, top + 202),
            (middle, top + 252),
            arrowstyle="-|>,head_length=0.6,head_width=0.36",
            mutation_scale=34,
            shrinkA=0,
            shrinkB=0,
            color=_ACCENT,
            linewidth=5,
        )
        axes.add_artist(arrow)
        _draw_head(axes, change.after, (middle, top + 302))
        _write(axes, texts.MODE_LABELS[change.mode], middle, top + 374, 25, side="center")


def _draw_steps(axes: Axes, places: list[Place]) -> None:
    """Draw the path between points, curved so that a way there and back makes two lines."""
    for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(places), 1):
        bend = (x0 + x1) / 2 + _BEND * (y1 - y0), (y0 + y1) / 2 - _BEND * (x1 - x0)
        curve = Path([(x0, y0), bend, (x1, y1)], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
        newness = number / (len(places) - 1)
        colour, width = _FADING(newness), 2 + 4 * newness
        line = PathPatch(curve, facecolor="none", edgecolor=colour, linewidth=width)
        line.set_capstyle("round")
        axes.add_artist(line)


def _place(point: Point, top: float) -> Place:
    """Return a point's position in the square whose upper edge is at `top`, in pixels."""
    across, up = (
        (value - low) / (high - low)
        for value, (low, high) in ((point.valence, _VALENCE), (point.energy, _ENERGY))
    )
    x = _MARGIN + _INSIDE + across * (WIDTH - 2 * (_MARGIN + _INSIDE))
    return x, top + _INSIDE + (1 - up) * (_SQUARE_HEIGHT - 2 * _INSIDE)


def _span(first: date, last: date) -> str:
    """Return a range of days in as few words as are clear."""
    begin = f"{first.day} {texts.MONTHS[first.month - 1]}"
    if first.year != last.year:
        begin += f" {first.year}"
    end = f"{last.day} {texts.MONTHS[last.month - 1]} {last.year}"
    return end if first == last else f"{begin} – {end}"


def _column(number: int) -> float:
    return _MARGIN + number * (_CELL + _GAP)


def _box(
    axes: Axes,
    left: float,
    top: float,
    width: float,
    height: float,
    colour: str,
    edge: str,
    corner: float,
    line: float,
) -> None:
    style = f"round,pad=0,rounding_size={corner}"
    axes.add_artist(
        FancyBboxPatch(
            (left, top),
            width,
            height,
            boxstyle=style,
            facecolor=colour,
            edgecolor=edge,
            linewidth=line,
        )
    )


def _write(
    axes: Axes,
    text: str,
    x: float,
    baseline: float,
    size: float,
    *,
    colour: str = INK,
    side: str = "left",
    weight: str = "normal",
) -> None:
    axes.text(
        x,
        baseline,
        text,
        fontsize=size,
        color=colour,
        ha=side,
        va="baseline",
        fontweight=weight,
        fontfamily="DejaVu Sans",  # it comes with matplotlib
    )
