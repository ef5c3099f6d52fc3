"""Replays what real listeners heard and rated, and compares how policies would have ranked it.

Each listener's plays are taken in the order of time, in groups of ten. A policy ranks a group by
what it knows: the moods that the listener gave before each play, the ratings of the plays before,
and all ratings of the other listeners. It is judged by NDCG@5 of the ratings that followed. So
nothing is simulated, but a policy can only rank what was really played.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.csv_rows import BadRow, Cells, CsvTally, read_rows
from recommender.catalogue.genre_families import style_of
from recommender.catalogue.tracks import (
    USUAL_INSTRUMENTALNESS,
    USUAL_SPEECHINESS,
    artist_key,
    genre_key,
)
from recommender.errors import CatalogueUnreadable
from recommender.mood.targets import Target, steps_away
from recommender.ranking.candidates import TOLERANCES_PER_STEP
from recommender.ranking.ranking import misfit
from recommender.simulation.policies import LinearBandit
from recommender.taste.pool import USUAL_LISTENER, pool
from recommender.taste.posterior import Votes, infer
from recommender.taste.traits import FEATURE_CENTRES, place_traits, scaled, track_traits

GROUP: Final = 10
"""Plays that are ranked together."""

KNOWN_FIRST: Final = 20
"""Plays of each listener that are only learned from."""

LEAST_GROUP: Final = 5
LEAST_LISTENERS: Final = 5

_SOUNDS: Final = ("valence", "energy", "tempo", "acousticness", "danceability")
_NEEDED: Final = {
    name: (name,)
    for name in ("listener", "time_utc", "artist", "genre", *_SOUNDS, "loudness", "rating")
}
_USED: Final = {
    name: (name,)
    for name in (
        "track",
        "popularity",
        "instrumentalness",
        "speechiness",
        "valence_before",
        "arousal_before",
    )
}
_FARTHEST: Final = 15.0
"""Tolerances: what is farther from a mood than three steps has nothing to do with it."""

_USUAL_MODE: Final = float(FEATURE_CENTRES[5])
_NO_POPULARITY: Final = 50.0


@dataclass(frozen=True, slots=True)
class Play:
    """One play of a track by a listener.

    Args:
        listener: Who.
        time_utc: When, in a form that sorts by time.
        track: The track's name in the file.
        artist: Its artists.
        genre: Its genre.
        popularity: 0..100.
        features: Raw audio features in the order of `tracks.FEATURES`; the mode is unknown.
        rating: 1 to 5.
        before: The listener's valence and arousal before, -1..1; None if unknown.
    """

    listener: str
    time_utc: str
    track: str
    artist: str
    genre: str
    popularity: float
    features: tuple[float, ...]
    rating: float
    before: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """All plays of one listener, in the order of time.

    Args:
        votes: The plays as votes: ratings from 1 to 5 as likes from 0 to 1.
        ratings: float64 (n,), 1..5.
        tracks: Names of the tracks.
        popularity: Percentile rank in the file, float64 (n,), 0..1.
    """

    votes: Votes
    ratings: NDArray[np.float64]
    tracks: tuple[str, ...]
    popularity: NDArray[np.float64]

    def groups(self) -> list[slice]:
        """Return the groups of plays that are ranked."""
        starts = range(KNOWN_FIRST, len(self.ratings), GROUP)
        groups = [slice(start, min(start + GROUP, len(self.ratings))) for start in starts]
        return [each for each in groups if each.stop - each.start >= LEAST_GROUP]


Scorer = Callable[[Heard, slice], NDArray[np.float64]]
"""Scores a group of a listener's plays, float64 (n,)."""


def read_plays(path: Path) -> dict[str, Heard]:
    """Read the plays of listeners from a CSV.

    Args:
        path: The file. Columns: `listener`, `time_utc`, `artist`, `genre`, the audio features and
            `rating` (1 to 5); `valence_before` and `arousal_before` (-1 to 1), `track`,
            `popularity`, `instrumentalness` and `speechiness` are used if present.

    Raises:
        CatalogueUnreadable: The file cannot be used; the message says why.
    """
    plays = list(read_rows(path, _NEEDED, _USED, _parse, CsvTally(), None))
    known = np.sort([play.popularity for play in plays])
    people: dict[str, list[Play]] = {}
    for play in sorted(plays, key=lambda play: play.time_utc):
        people.setdefault(play.listener, []).append(play)
    heard = {name: _heard(of, known) for name, of in people.items()}
    enough = {name: each for name, each in sorted(heard.items()) if each.groups()}
    if len(enough) < LEAST_LISTENERS:
        raise CatalogueUnreadable(
            f"{path} has {len(enough)} listeners with {KNOWN_FIRST + LEAST_GROUP} plays or more; "
            f"a comparison needs {LEAST_LISTENERS}"
        )
    return enough


def replay(
    people: Mapping[str, Heard], on_progress: Callable[[float], None] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return each policy's mean NDCG@5 for each listener, float64 (L,), by policy.

    Args:
        people: The listeners.
        on_progress: Called with the finished share, 0..1.
    """
    found: dict[str, list[float]] = {}
    for number, (name, person) in enumerate(people.items(), start=1):
        others = [other for called, other in people.items() if called != name]
        for policy, scorer in _policies(others).items():
            gains = [
                ndcg(scorer(person, group), person.ratings[group]) for group in person.groups()
            ]
            found.setdefault(policy, []).append(float(np.mean(gains)))
        if on_progress is not None:
            on_progress(number / len(people))
    return {policy: np.array(values) for policy, values in found.items()}


def ndcg(scores: NDArray[np.float64], ratings: NDArray[np.float64], depth: int = 5) -> float:
    """Return the NDCG of ranking by scores; a rating of 1 is worth nothing.

    Args:
        scores: float64 (n,).
        ratings: 1..5, float64 (n,).
        depth: How many of the best count.
    """
    gains = ratings - 1
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    taken = gains[np.argsort(-scores, kind="stable")[:depth]]
    best = np.sort(gains)[::-1][:depth]
    most = float(best @ discounts[: len(best)])
    return float(taken @ discounts[: len(taken)]) / most if most else 1.0


def _policies(others: Sequence[Heard]) -> dict[str, Scorer]:
    """Return the policies that have learned from other listeners, by name."""
    prior = pool([other.votes for other in others])
    by_track: dict[str, list[float]] = {}
    for other in others:
        for track, rating in zip(other.tracks, other.ratings.tolist(), strict=True):
            by_track.setdefault(track, []).append(rating)
    everything = float(np.mean([rating for given in by_track.values() for rating in given]))
    bandit = LinearBandit([other.votes for other in others])

    def targets_only(person: Heard, group: slice) -> NDArray[np.float64]:
        return infer(person.votes.part(slice(0)), USUAL_LISTENER).log_odds(
            person.votes.part(group)
        )

    def item_mean(person: Heard, group: slice) -> NDArray[np.float64]:
        given = [by_track.get(track, []) for track in person.tracks[group]]
        return np.array([(sum(each) + everything) / (len(each) + 1) for each in given])

    def pool_only(person: Heard, group: slice) -> NDArray[np.float64]:
        return infer(person.votes.part(slice(0)), prior).log_odds(person.votes.part(group))

    def linear(person: Heard, group: slice) -> NDArray[np.float64]:
        earlier = person.votes.part(slice(group.start))
        return bandit.bounds(earlier, person.votes.part(group).traits)

    def ours(person: Heard, group: slice) -> NDArray[np.float64]:
        earlier = person.votes.part(slice(group.start))
        return infer(earlier, prior).log_odds(person.votes.part(group))

    return {
        "targets only": targets_only,
        "popularity": lambda person, group: person.popularity[group],
        "item mean": item_mean,
        "warm LinUCB": linear,
        "pool only": pool_only,
        "Mirrortape": ours,
    }


def _heard(plays: Sequence[Play], known: NDArray[np.float64]) -> Heard:
    """Return one listener's plays.

    Args:
        plays: In the order of time.
        known: The popularity of all plays in the file, ascending.
    """
    features = np.array([play.features for play in plays], dtype=np.float32)  # (n, K)
    points, distances, misfits = [], np.zeros(len(plays)), np.full(len(plays), 0.25)
    for n, play in enumerate(plays):
        if play.before is None:
            points.append((0.5, 0.5))
            continue
        target = Target.at((play.before[0] + 1) / 2, (play.before[1] + 1) / 2)
        points.append((target.valence, target.energy))
        here = features[n : n + 1]
        away = steps_away(here[:, :2].astype(np.float64), target.valence, target.energy)
        distances[n] = min(TOLERANCES_PER_STEP * away[0], _FARTHEST)
        family = np.array([target.family_support(style_of(play.genre))])
        misfits[n] = misfit(scaled(here), family, target)[0]
    popularity = np.searchsorted(known, [play.popularity for play in plays]) / len(known)
    ratings = np.array([play.rating for play in plays])
    return Heard(
        votes=Votes(
            traits=track_traits(place_traits(points, distances, misfits), popularity, features),
            genres=np.array([genre_key(play.genre) for play in plays], dtype=np.int64),
            artists=np.array([artist_key(play.artist) for play in plays], dtype=np.int64),
            likes=(ratings - 1) / 4,
            weights=np.ones(len(plays)),
        ),
        ratings=ratings,
        tracks=tuple(play.track for play in plays),
        popularity=popularity,
    )


def _parse(cells: Cells) -> Play:
    listener, time_utc = cells.text("listener"), cells.text("time_utc")
    if not listener or not time_utc:
        raise BadRow("listener or time_utc is empty")
    before = [_optional(cells, f"{axis}_before") for axis in ("valence", "arousal")]
    mood = None
    if before[0] is not None and before[1] is not None:
        mood = (_within(before[0], -1, 1), _within(before[1], -1, 1))
    usual_voice = (USUAL_INSTRUMENTALNESS, USUAL_SPEECHINESS)
    voice = [_optional(cells, name) for name in ("instrumentalness", "speechiness")]
    popularity = _optional(cells, "popularity")
    return Play(
        listener=listener,
        time_utc=time_utc,
        track=cells.text("track"),
        artist=cells.text("artist"),
        genre=cells.text("genre"),
        popularity=_NO_POPULARITY if popularity is None else _within(popularity, 0, 100),
        features=(
            *(_number(cells, name) for name in _SOUNDS),
            _USUAL_MODE,
            _number(cells, "loudness"),
            *(
                usual if value is None else value
                for value, usual in zip(voice, usual_voice, strict=True)
            ),
        ),
        rating=_within(_number(cells, "rating"), 1, 5),
        before=mood,
    )


def _number(cells: Cells, column: str) -> float:
    value = _optional(cells, column)
    if value is None:
        raise BadRow(f"{column} is not a number")
    return value


def _optional(cells: Cells, column: str) -> float | None:
    try:
        value = float(cells.text(column))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise BadRow(f"{value:g} is not within {low:g} and {high:g}")
    return value
