"""The recommender's front door: from a mood to a playlist. Pure: no clock or chance of its own."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.catalogue.table import TrackTable
from recommender.mood.targets import Target, plan
from recommender.ranking.explaining import Learned, Pick, explain
from recommender.ranking.filters import Predicate, filters, shortage
from recommender.ranking.ranking import POLICY_VERSION, RankingConfig, not_disliked, rank
from recommender.ranking.relaxed import Relaxed, relaxed
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import Prior, infer
from recommender.taste.preferences import USUAL, Preferences
from recommender.taste.taste import Taste


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A playlist.

    Args:
        picks: The tracks in order; fewer than asked for only where the catalogue has no more.
        targets: What each place asked for.
        ms: Milliseconds of search and ranking.
        policy: Version of the method that chose, and the name of its prior.
        relaxed: What could not be kept, if anything.
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
        probabilities: How much of each emotion there is.
        mode: One of `targets.MODES`.
        length: How many tracks, at least 1.
        taste: What the listener thinks of earlier tracks.
        recent: Ids of tracks they were shown lately.
        rng: Where chance comes from; the same state gives the same playlist.
        prior: What is believed of listeners in general.
        preferences: The listener's settings, whose filters and favourites count here.
        is_allowed: What else may be chosen, where not all.
        positions: The places to fill, in order, where not all `length` of them; then there may be
            fewer tracks than places.
        config: Of the ranking, where not the usual one.
        clock: Seconds, for `Recommendation.ms`.

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
    table.release()  # or a million tracks would all count as memory after a few playlists
    return recommendation
