"""Recommends a playlist for a mood. Pure: the clock and the random generator are arguments."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.catalogue.table import TrackTable
from recommender.mood.targets import Target, plan
from recommender.ranking.explaining import Learned, Pick, explain
from recommender.ranking.filters import (
    Predicate,
    filters,
    none_of,
    passes_all,
    shortage,
    still_plays,
)
from recommender.ranking.ranking import POLICY_VERSION, RankingConfig, not_disliked, rank
from recommender.ranking.relaxed import Relaxed, relaxed
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import Prior, infer
from recommender.taste.preferences import USUAL, Preferences
from recommender.taste.taste import Taste


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommended playlist.

    Args:
        picks: The tracks in order; fewer than requested only if the catalogue has no more.
        targets: The target of each position.
        ms: Milliseconds spent on search and ranking.
        policy: Version of the ranking, and the name of its prior.
        relaxed: The requirements that could not be met, if any.
    """

    picks: tuple[Pick, ...]
    targets: tuple[Target, ...]
    ms: float
    policy: str
    relaxed: tuple[Relaxed, ...] = ()


def recommend(
    table: TrackTable,
    *,
    probabilities: Mapping[str, float],
    mode: str,
    length: int,
    taste: Taste,
    recent: Collection[str],
    rng: np.random.Generator,
    prior: Prior = USUAL_LISTENER,
    preferences: Preferences = USUAL,
    is_allowed: Predicate | None = None,
    positions: Sequence[int] | None = None,
    config: RankingConfig | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Recommendation:
    """Recommend tracks for a mood.

    Args:
        table: The catalogue.
        probabilities: The share of each emotion.
        mode: One of `targets.MODES`.
        length: How many tracks, at least 1.
        taste: The listener's opinions of earlier tracks.
        recent: Ids of recently shown tracks.
        rng: The same state gives the same playlist.
        prior: The prior over all listeners.
        preferences: The listener's settings; filters and favourites are applied.
        is_allowed: An additional filter.
        positions: The positions to fill, in order, if not all `length`. There may be fewer tracks
            than positions.
        config: The ranking's configuration.
        clock: Returns seconds, for `Recommendation.ms`.

    Raises:
        ValueError: Unknown emotion or mode, or a length below 1.
        TooFewTracks: The listener's filters leave too few tracks for that length.
    """
    whole, config = plan(probabilities, mode, length), config or RankingConfig()
    places = range(length) if positions is None else positions
    targets = tuple(whole[place] for place in places)
    began = clock()
    posterior = infer(taste.votes(), prior)
    choices = rank(table, targets, taste, posterior, recent, rng, config, preferences, is_allowed)
    ms = (clock() - began) * 1000
    if len(choices) < length and positions is None:
        rows = np.arange(len(table), dtype=np.int64)
        rows = rows[not_disliked(table, taste)(rows)]
        rows = rows if is_allowed is None else rows[is_allowed(rows)]
        set_filters = filters(table, preferences)
        too_few = shortage(table, set_filters, rows, length, config.tracks_per_artist)
        if too_few:
            raise too_few
    learned = Learned(posterior, prior)
    recommendation = Recommendation(
        picks=explain(table, whole, places, taste, learned, preferences, choices),
        targets=targets,
        ms=ms,
        policy=f"{POLICY_VERSION} {prior.name}",
        relaxed=relaxed(table, choices, targets, recent, preferences),
    )
    table.release()  # else all the mapped tracks would soon count as our memory
    return recommendation


def recommend_replacements(
    table: TrackTable,
    *,
    positions: Collection[int],
    kept: Collection[str],
    gone: Collection[str],
    **request: Any,
) -> Recommendation:
    """Recommend new tracks for some positions of an existing playlist.

    No song or artist of the tracks that stay is chosen again.

    Args:
        table: The catalogue.
        positions: The positions to fill, from 0.
        kept: Ids of the tracks that stay.
        gone: Ids of tracks that Spotify no longer plays.
        request: The arguments of `recommend` for the whole playlist.

    Returns:
        One track per position, or fewer if the catalogue has no more.
    """
    rows = table.rows(kept)
    is_allowed = passes_all(
        [
            still_plays(table, gone),
            none_of(table.recording_keys, table.recording_keys[rows]),
            none_of(table.artist_keys, table.artist_keys[rows]),
        ]
    )
    return recommend(table, positions=sorted(positions), is_allowed=is_allowed, **request)
