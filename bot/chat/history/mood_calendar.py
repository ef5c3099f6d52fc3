"""A user's moods as `/history` shows them: by day, as a path, and before and after playlists.

One page is five weeks.
"""

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
"""Weeks that a page has at least; before the first mood there is nothing to show."""

MOST_ON_PATH = 30
"""Moods that the path shows one by one; where there are more, it goes from day to day."""


@dataclass(frozen=True, slots=True)
class Point:
    """A mood, or the mean of some, in the square.

    Args:
        emotion: The strongest, which colours it.
        valence: 0..1.
        energy: 0..1.
        count: How many moods it stands for.
    """

    emotion: str
    valence: float
    energy: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class Change:
    """How somebody felt before a playlist and after it.

    Args:
        day: When.
        mode: Of the playlist.
        before: The emotion that it was made for.
        after: The emotion that they named.
        rise: By how much valence rose, -1..1.
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
        weeks: The Monday of each week, the last one last.
        today: The day that is marked.
        days: The mean mood of each day that has any.
        path: The moods in the order of time.
        counts: How often each emotion was the strongest.
        changes: What playlists were heard in between, oldest first.
        has_earlier: Whether there are moods before this page.
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
        moods: All of a user's, oldest first.
        pairs: Those before and after playlists, oldest first.
        now: The time.
        zone: By whose clock days begin.
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
    """Return what some moods come to together."""
    shares = {name: sum(past.mood.get(name, 0.0) for past in moods) for name in EMOTIONS}
    points = [past.point for past in moods]
    valence, energy = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    return Point(max(shares, key=shares.__getitem__), valence, energy, len(moods))
