"""The recommender's front door: from a mood to a playlist. Pure: no clock or chance of its own."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.favourites import is_by_favourite, is_of_favourite_genre
from recommender.filters import Predicate, filters, shortage
from recommender.preferences import USUAL, Preferences
from recommender.ranking import POLICY_VERSION, Choice, RankingConfig, disliked_songs, rank
from recommender.reasons import Grounds, reason
from recommender.relaxed import Relaxed, relaxed
from recommender.table import TrackTable, is_among
from recommender.targets import Target, plan
from recommender.taste import Taste, nearest_liked
from recommender.tracks import Track


@dataclass(frozen=True, slots=True)
class Pick:
    """One recommended track.

    Args:
        score: What the ranking thinks of it at its place; higher is better, 0 is a perfect fit
            with nothing else known.
        propensity: The probability with which chance chose it there, 0..1.
        reason: Why it is there, in a few words.
        target: What its place asked for.
    """

    track: Track
    score: float
    propensity: float
    reason: str
    target: Target


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A playlist.

    Args:
        picks: The tracks in order; fewer than asked for only where the catalogue has no more.
        targets: What each place asked for.
        ms: Milliseconds of search and ranking.
        relaxed: What could not be kept, if anything.
        policy: Version of the method that chose.
    """

    picks: tuple[Pick, ...]
    targets: tuple[Target, ...]
    ms: float
    relaxed: tuple[Relaxed, ...] = ()
    policy: str = POLICY_VERSION


def recommend(
    table: TrackTable,
    *,
    probabilities: Mapping[str, float],
    mode: str,
    length: int,
    taste: Taste,
    recent: Collection[str],
    rng: np.random.Generator,
    preferences: Preferences = USUAL,
    is_allowed: Predicate | None = None,
    config: RankingConfig | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Recommendation:
    """Recommend tracks for a mood.

    Args:
        table: The catalogue.
        probabilities: How much of each emotion there is.
        mode: One of `targets.MODES`.
        length: How many tracks, at least 1.
        taste: What the listener thinks of earlier tracks.
        recent: Ids of tracks they were shown lately.
        rng: Where chance comes from; the same state gives the same playlist.
        preferences: The listener's settings, whose filters and favourites count here.
        is_allowed: What else may be chosen, where not all.
        config: The weights, where not the usual ones.
        clock: Seconds, for `Recommendation.ms`.

    Raises:
        ValueError: Unknown emotion or mode, or a length below 1.
        TooFewTracks: The listener's filters leave too few tracks for that length.
    """
    targets, config = plan(probabilities, mode, length), config or RankingConfig()
    began = clock()
    choices = rank(table, targets, taste, recent, rng, config, preferences, is_allowed)
    ms = (clock() - began) * 1000
    if len(choices) < length:
        rows = np.flatnonzero(~is_among(table.song_keys, disliked_songs(table, taste)))
        rows = rows if is_allowed is None else rows[is_allowed(rows)]
        set_filters = filters(table, preferences)
        too_few = shortage(table, set_filters, rows, length, config.tracks_per_artist)
        if too_few:
            raise too_few
    picks = _explained(table, targets, taste, preferences, choices)
    return Recommendation(picks, targets, ms, relaxed(table, choices, targets, recent))


def _explained(
    table: TrackTable,
    targets: Sequence[Target],
    taste: Taste,
    preferences: Preferences,
    choices: Sequence[Choice],
) -> tuple[Pick, ...]:
    first, last = targets[0], targets[-1]
    way = (last.valence - first.valence, last.energy - first.energy)
    picks = []
    before: tuple[float, ...] | None = None
    for choice in choices:
        track, target = table.track(choice.row), targets[choice.position]
        ranks = tuple(float(rank) for rank in table.ranks[choice.row])
        step = None if before is None else (ranks[0] - before[0], ranks[1] - before[1])
        before = ranks
        liked = nearest_liked(track, taste)
        grounds = Grounds(
            track=track,
            ranks=ranks,
            target=target,
            distance=choice.distance,
            popularity=float(table.popularity[choice.row]),
            similarity=choice.similarity,
            artist=choice.artist,
            genre=choice.genre,
            liked_title=liked[0].title if liked else None,
            nearness=liked[1] if liked else 0.0,
            way=way,
            step=step,
            position=choice.position,
            is_by_favourite=is_by_favourite(track, preferences),
            is_of_favourite_genre=is_of_favourite_genre(track, preferences),
        )
        picks.append(Pick(track, choice.score, choice.propensity, reason(grounds), target))
    return tuple(picks)
