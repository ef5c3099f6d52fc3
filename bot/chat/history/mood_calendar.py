"""Arranges a user's moods for /history: by day, as a path, and before and after playlists."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from recommender.listeners.history import PastMood
from recommender.listeners.mood_pairs import MoodPair
from recommender.mood.targets import EMOTIONS, meeting_point

WEEKS = 5
"""Weeks on one page."""

FEWEST_WEEKS = 2
"""The fewest weeks on a page, even before the first mood."""

MOST_ON_PATH = 30
"""If a page has more moods than this, its path shows the mean of each day."""


@dataclass(frozen=True, slots=True)
class Point:
    """A mood, or the mean of several, in the valence-energy square.

    Args:
        emotion: The strongest emotion, which gives the colour.
        valence: 0..1.
        energy: 0..1.
        count: How many moods it combines.
    """

    emotion: str
    valence: float
    energy: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    """How the user felt before and after a playlist.

    Args:
        day: When.
        mode: The playlist's mode.
        before: The emotion that it was made for.
        after: The emotion that the user named.
        rise: The rise in valence, -1..1.
    """

    day: date
    mode: str
    before: str
    after: str
    rise: float


@dataclass(frozen=True, slots=True)
class MoodPage:
    """What one picture shows.

    Args:
        weeks: The Monday of each week, oldest first.
        today: The day to mark.
        days: The mean mood of each day that has one.
        path: The moods in order of time.
        counts: How often each emotion was the strongest.
        changes: The moods before and after playlists, oldest first.
        has_earlier: Whether there are older moods.
    """

    weeks: tuple[date, ...]
    today: date
    days: Mapping[date, Point]
    path: tuple[Point, ...]
    counts: Mapping[str, int]
    changes: tuple[Change, ...]
    has_earlier: bool


def page_of(
    moods: Sequence[PastMood],
    pairs: Sequence[MoodPair],
    now: datetime,
    zone: tzinfo,
    page: int,
) -> MoodPage:
    """Return the moods of one page.

    Args:
        moods: All moods of the user, oldest first.
        pairs: Their moods before and after playlists, oldest first.
        now: The time.
        zone: Their time zone.
        page: 0 for the page that ends with this week, 1 for the one before, and so on.
    """
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday()) - timedelta(weeks=WEEKS * page)
    by_day: dict[date, list[PastMood]] = defaultdict(list)
    for past in moods:
        by_day[past.moment.astimezone(zone).date()].append(past)
    first = min(by_day, default=today)
    weeks = tuple(
        start
        for back in reversed(range(WEEKS))
        if (start := monday - timedelta(weeks=back)) + timedelta(weeks=1) > first
        or back < FEWEST_WEEKS
    )
    end = monday + timedelta(weeks=1)
    shown = {day: by_day[day] for day in sorted(by_day) if weeks[0] <= day < end}
    days = {day: _mean(of_day) for day, of_day in shown.items()}
    points = [_mean([past]) for of_day in shown.values() for past in of_day]
    return MoodPage(
        weeks=weeks,
        today=today,
        days=days,
        path=tuple(points if len(points) <= MOST_ON_PATH else days.values()),
        counts={name: sum(point.emotion == name for point in points) for name in EMOTIONS},
        changes=tuple(
            change for pair in pairs if weeks[0] <= (change := _change(pair, zone)).day < end
        ),
        has_earlier=first < weeks[0],
    )


def _change(pair: MoodPair, zone: tzinfo) -> Change:
    (before, _), (after, _) = meeting_point(pair.before), meeting_point({pair.after: 1.0})
    day = pair.after_utc.astimezone(zone).date()
    return Change(day, pair.mode, pair.emotion_before, pair.after, after - before)


def _mean(moods: Sequence[PastMood]) -> Point:
    """Return the mean of some moods."""
    shares = {name: sum(past.mood.get(name, 0.0) for past in moods) for name in EMOTIONS}
    points = [past.point for past in moods]
    valence, energy = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    return Point(max(shares, key=shares.__getitem__), valence, energy, len(moods))
