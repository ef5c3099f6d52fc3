"""A listener's settings for all playlists: length, mode, filters and favourites.

They are validated on creation. `ranking.filters` and `ranking.favourites` apply them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recommender.catalogue.tracks import artist_key, genre_key
from recommender.errors import BadPreference
from recommender.mood.targets import MODES

SHORTEST, LONGEST = 5, 50
"""Minimum and maximum number of tracks in a playlist."""

EARLIEST_YEAR, LATEST_YEAR = 1850, 2100
"""Valid years of release."""

MOST_NAMES = 100
"""Maximum number of artists or genres in one list."""

POPULARITY_WEIGHTS = {"familiar": 3.0, "mixed": 0.0, "deep": -4.0}
"""What each setting adds to the weight of a track's popularity, in log-odds from the least to the
most popular track."""

TOLD_CHARS = 40
"""An error message quotes at most this much of an invalid text."""

_YEARS = re.compile(r"(\d{4})?(?:\s*([-–]))?\s*(\d{4})?")


@dataclass(frozen=True, slots=True)
class Preferences:
    """A listener's settings. The defaults allow every track and favour none.

    Names are stored as typed. Artists are compared by `tracks.artist_key`, genres by `genre_key`.

    Args:
        length: Tracks in a playlist, `SHORTEST` to `LONGEST`.
        mode: The default mode, one of `targets.MODES`.
        allows_explicit: Whether explicit tracks may be chosen.
        keeps_playlists: Whether each playlist is saved as a new one in the listener's account;
            else one playlist there is updated each time.
        first_year: The earliest year of release; None for no limit.
        last_year: The latest year of release; None for no limit.
        banned_artists: Tracks with one of these as first artist are never chosen.
        banned_genres: Tracks of these genres, or of these families of genres, are never chosen.
        favourite_artists: One of their tracks is in nearly every playlist that comes near it.
        favourite_genres: Tracks of these genres, or of these families of genres, get a bonus.
        popularity: How well known the tracks are, one of `POPULARITY_WEIGHTS`.

    Raises:
        BadPreference: A value is invalid; the message says what is valid.
    """

    length: int = 20
    mode: str = "match"
    allows_explicit: bool = True
    keeps_playlists: bool = False
    first_year: int | None = None
    last_year: int | None = None
    banned_artists: tuple[str, ...] = ()
    banned_genres: tuple[str, ...] = ()
    favourite_artists: tuple[str, ...] = ()
    favourite_genres: tuple[str, ...] = ()
    popularity: str = "mixed"

    def __post_init__(self) -> None:
        if not SHORTEST <= self.length <= LONGEST:
            raise BadPreference(
                f"a playlist has {SHORTEST} to {LONGEST} tracks, not {self.length}"
            )
        if self.mode not in MODES:
            raise BadPreference(f"there is no mode {self.mode!r}; choose {', '.join(MODES)}")
        if self.popularity not in POPULARITY_WEIGHTS:
            raise BadPreference(
                f"there is no popularity {self.popularity!r}; "
                f"choose {', '.join(POPULARITY_WEIGHTS)}"
            )
        _check_years(self.first_year, self.last_year)
        _check_names("artist", self.banned_artists, self.favourite_artists, artist_key)
        _check_names("genre", self.banned_genres, self.favourite_genres, genre_key)


def parse_years(text: str) -> tuple[int | None, int | None]:
    """Parse years such as "1990-1999", "1990-", "-1999" or "1994"; return the first and last.

    Raises:
        BadPreference: The text has another form.
    """
    found = _YEARS.fullmatch(text.strip())
    first, dash, last = found.groups() if found else (None, None, None)
    if not (first or last) or (first and last and not dash):
        told = text if len(text) <= TOLD_CHARS else f"{text[: TOLD_CHARS - 1]}…"
        raise BadPreference(f"years are written like 1990-1999, 1990- or -1999, not {told!r}")
    if not dash:
        last = first
    return int(first) if first else None, int(last) if last else None


def _check_years(first: int | None, last: int | None) -> None:
    for year in (first, last):
        if year is not None and not EARLIEST_YEAR <= year <= LATEST_YEAR:
            raise BadPreference(
                f"a year of release lies between {EARLIEST_YEAR} and {LATEST_YEAR}, not at {year}"
            )
    if first is not None and last is not None and first > last:
        raise BadPreference(f"the earlier year comes first: {last} to {first}")


def _check_names(
    noun: str, banned: Iterable[str], favourite: Iterable[str], key: Callable[[str], object]
) -> None:
    keys = []
    for kind, names in (("banned", tuple(banned)), ("favourite", tuple(favourite))):
        if len(names) > MOST_NAMES:
            raise BadPreference(
                f"there may be {MOST_NAMES} {kind} {noun}s at most, not {len(names)}"
            )
        if not all(name.strip() for name in names):
            raise BadPreference(f"a {kind} {noun} needs a name")
        keys.append({key(name): name for name in names})
    both = keys[0].keys() & keys[1].keys()
    if both:
        name = keys[0][min(both, key=str)]
        raise BadPreference(f"{name} cannot be banned and a favourite at once")


USUAL = Preferences()
"""The default settings."""
