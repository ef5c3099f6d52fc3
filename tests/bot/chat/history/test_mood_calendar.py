"""Moods by day and as a path, and the picture of them."""

import io
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from bot.chat.history.mood_calendar import FEWEST_WEEKS, MOST_ON_PATH, WEEKS, MoodPage, page_of
from bot.chat.history.mood_faces import COLOURS, INK, draw_face
from bot.chat.history.mood_picture import WIDTH, draw_moods
from recommender.listeners.history import PastMood
from recommender.listeners.mood_pairs import MoodPair
from recommender.mood.targets import EMOTIONS, STARTS

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
BERLIN = ZoneInfo("Europe/Berlin")


def felt(emotion: str, moment: datetime, share: float = 1.0) -> PastMood:
    rest = (1 - share) / (len(EMOTIONS) - 1)
    return PastMood(moment, {name: share if name == emotion else rest for name in EMOTIONS})


def many(count: int, days: float) -> list[PastMood]:
    draw = random.Random(1)  # noqa: S311 - no secret
    start = NOW - timedelta(days=days)
    return [
        felt(draw.choice(EMOTIONS), start + (number + 1) / count * timedelta(days=days), 0.7)
        for number in range(count)
    ]


def page(
    moods: list[PastMood],
    number: int = 0,
    zone: tzinfo = UTC,
    pairs: Sequence[MoodPair] = (),
) -> MoodPage:
    return page_of(moods, pairs, NOW, zone, number)


def pair(before: str, after: str, moment: datetime, mode: str = "lift") -> MoodPair:
    return MoodPair(1, mode, {before: 1.0}, before, moment - timedelta(hours=1), after, moment)


def test_a_first_mood_stands_on_its_day_alone() -> None:
    shown = page([felt("sad", NOW)])
    assert {day: point.emotion for day, point in shown.days.items()} == {date(2026, 11, 25): "sad"}
    assert [(point.valence, point.energy) for point in shown.path] == [STARTS["sad"]]
    assert shown.counts == {name: int(name == "sad") for name in EMOTIONS}
    assert shown.weeks == (date(2026, 11, 16), date(2026, 11, 23))
    assert not shown.has_earlier


def test_days_begin_at_the_users_midnight() -> None:
    late = [felt("happy", datetime(2026, 11, 24, 23, 30, tzinfo=UTC))]
    assert list(page(late).days) == [date(2026, 11, 24)]
    assert list(page(late, zone=BERLIN).days) == [date(2026, 11, 25)]
    assert list(page(late, zone=ZoneInfo("America/New_York")).days) == [date(2026, 11, 24)]


def test_a_day_with_several_moods_shows_their_mean() -> None:
    moods = [felt("happy", NOW, 0.6), felt("happy", NOW, 0.6), felt("sad", NOW, 0.9)]
    (day,) = page(moods).days.values()
    assert (day.emotion, day.count) == ("happy", 3)
    assert day.valence == pytest.approx(np.mean([past.point[0] for past in moods]))


def test_pages_go_back_week_by_week_and_leave_no_mood_out() -> None:
    moods = many(300, days=200)
    pages = [page(moods, number) for number in range(6)]
    assert [shown.has_earlier for shown in pages] == [True] * 5 + [False]
    assert sum(sum(shown.counts.values()) for shown in pages) == len(moods)
    mondays = [monday for shown in reversed(pages) for monday in shown.weeks]
    assert all(later - earlier == timedelta(weeks=1) for earlier, later in pairwise(mondays))


def test_the_path_goes_from_day_to_day_where_moods_are_many() -> None:
    assert len(page(many(MOST_ON_PATH, 20)).path) == MOST_ON_PATH
    shown = page(many(500, 20))
    assert shown.path == tuple(shown.days.values())
    assert len(shown.path) == 21


@given(
    st.lists(st.tuples(st.sampled_from(EMOTIONS), st.integers(0, 20_000)), max_size=60),
    st.integers(0, 12),
)
def test_any_page_of_any_past_is_whole(past: list[tuple[str, int]], number: int) -> None:
    moods = sorted(
        (felt(emotion, NOW - timedelta(hours=hours)) for emotion, hours in past),
        key=lambda mood: mood.moment,
    )
    shown = page(moods, number)
    assert FEWEST_WEEKS <= len(shown.weeks) <= WEEKS
    assert set(shown.days) <= {
        monday + timedelta(days=day) for monday in shown.weeks for day in range(7)
    }
    assert sum(point.count for point in shown.days.values()) == sum(shown.counts.values())


def test_pairs_stand_on_the_page_of_their_day_with_what_they_changed() -> None:
    moods = many(30, 60)
    pairs = [
        pair("sad", "happy", NOW - timedelta(weeks=6)),
        pair("happy", "sad", NOW - timedelta(days=1), "match"),
        pair("fear", "neutral", NOW),
    ]
    late, early = page(moods, 0, pairs=pairs), page(moods, 1, pairs=pairs)
    assert [(each.before, each.after, each.mode) for each in late.changes] == [
        ("happy", "sad", "match"),
        ("fear", "neutral", "lift"),
    ]
    assert [each.rise > 0 for each in late.changes] == [False, True]
    assert [each.day for each in early.changes] == [date(2026, 10, 14)]
    assert late.changes[1].rise == pytest.approx(STARTS["neutral"][0] - STARTS["fear"][0])


@pytest.mark.parametrize("count", [1, 7, 40])
def test_pairs_add_a_row_of_faces_to_the_picture(count: int) -> None:
    moods = [felt("sad", NOW)]
    pairs = [pair("sad", "surprise", NOW) for _ in range(count)]
    plain, more = draw_moods(page(moods)), draw_moods(page(moods, pairs=pairs))
    orange = [int(COLOURS["surprise"][at : at + 2], 16) for at in (1, 3, 5)]
    faces = min(count, 7)
    found = int((_pixels(more) == orange).all(axis=2).sum())
    assert not (_pixels(plain) == orange).all(axis=2).any()
    assert 3500 * faces < found < 5600 * faces  # of a disc with 5541 pixels, less its strokes


@pytest.mark.parametrize("moods", [[], many(1, 1), many(40, 30), many(500, 30), many(500, 700)])
def test_the_picture_is_one_that_telegram_shows(moods: list[PastMood]) -> None:
    content = draw_moods(page(moods))
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "PNG"
    assert picture.width == WIDTH
    assert picture.width + picture.height <= 10_000  # Telegram's limits for photos
    assert max(picture.size) / min(picture.size) < 2
    assert len(content) < 1_000_000


def test_what_was_felt_is_seen_in_its_colour_and_nothing_else() -> None:
    pixels = _pixels(draw_moods(page([felt("sad", NOW), felt("fear", NOW - timedelta(days=1))])))
    for emotion in EMOTIONS:
        colour = [int(COLOURS[emotion][at : at + 2], 16) for at in (1, 3, 5)]
        found = int((pixels == colour).all(axis=2).sum())
        assert (found > 5000) == (emotion in ("sad", "fear")), (emotion, found)


def test_faces_differ_without_any_colour() -> None:
    faces = {}
    for emotion in EMOTIONS:
        figure = Figure(figsize=(1, 1), dpi=72)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set(xlim=(-36, 36), ylim=(36, -36))
        axes.set_axis_off()
        draw_face(axes, emotion, (0.0, 0.0), 36.0)
        content = io.BytesIO()
        figure.savefig(content, format="png")
        faces[emotion] = _pixels(content.getvalue()).mean(axis=2) < 128
    for one in EMOTIONS:
        for other in EMOTIONS:
            if one < other:
                assert (faces[one] != faces[other]).sum() > 50, (one, other)


def test_strokes_stand_out_from_every_colour() -> None:
    for colour in COLOURS.values():
        lighter, darker = _luminance(colour), _luminance(INK)
        assert (lighter + 0.05) / (darker + 0.05) > 4.5  # WCAG 2, AA


def _pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
