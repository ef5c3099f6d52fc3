"""Recommends a playlist for a mood. Pure: the clock and the random generator are arguments."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.genre_families import style_of
from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import Track, artist_key, genre_key, main_genre
from recommender.mood.targets import RELAXED, STEP, STILL, Target, plan, steps_away
from recommender.ranking.candidates import TOLERANCES_PER_STEP
from recommender.ranking.explaining import Learned, Pick, explain
from recommender.ranking.filters import (
    Predicate,
    filters,
    none_of,
    passes_all,
    shortage,
    still_plays,
    suitable,
)
from recommender.ranking.ranking import (
    POLICY_VERSION,
    RankingConfig,
    misfit,
    not_disliked,
    rank,
    rules,
)
from recommender.ranking.relaxed import Relaxed, relaxed
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import Prior, Votes, infer
from recommender.taste.preferences import USUAL, Preferences
from recommender.taste.taste import Taste
from recommender.taste.traits import place_traits, scaled, track_traits


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
    today: date | None = None,
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
        today: The listener's date, for seasonal songs; without it there are none.
        clock: Returns seconds, for `Recommendation.ms`.

    Raises:
        ValueError: Unknown emotion or mode, or a length below 1.
        TooFewTracks: The listener's filters leave too few tracks for that length.
    """
    began = clock()
    config = config or RankingConfig()
    suits = suitable(table, preferences, today)
    is_allowed = suits if is_allowed is None else passes_all([suits, is_allowed])
    must_pass = rules(table, taste, preferences, is_allowed)
    still_share = _still_share(table, passes_all(must_pass)) if mode == "calm" else 0.0
    whole = plan(probabilities, mode, length, still_share)
    places = range(length) if positions is None else positions
    targets = tuple(whole[place] for place in places)
    votes = taste.votes()
    posterior = infer(votes, prior)
    known = float(votes.weights.sum()) + config.pool_votes * prior.believed
    choices = rank(
        table,
        targets,
        posterior,
        known,
        recent,
        rng,
        config,
        must_pass,
        preferences,
        is_whole=positions is None,
    )
    ms = (clock() - began) * 1000
    if len(choices) < length and positions is None:
        rows = np.arange(len(table), dtype=np.int64)
        rows = rows[passes_all([not_disliked(table, taste), is_allowed])(rows)]
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
            none_of(table.title_keys, table.title_keys[rows]),
            none_of(table.artist_keys, table.artist_keys[rows]),
        ]
    )
    return recommend(table, positions=sorted(positions), is_allowed=is_allowed, **request)


def score(
    tracks: Sequence[Track],
    target: Target,
    *,
    taste: Taste | None = None,
    prior: Prior = USUAL_LISTENER,
) -> NDArray[np.float64]:
    """Return the log-odds that a listener likes each track when they want a mood.

    Popularity does not count. Without a taste, higher means that the track fits the mood better.

    Args:
        tracks: Any tracks, in a catalogue or not.
        target: The mood.
        taste: The listener's opinions of earlier tracks.
        prior: The prior over all listeners.

    Returns:
        float64 (n,).
    """
    if not tracks:
        return np.empty(0)
    features = np.array([track.features for track in tracks], dtype=np.float32)  # (n, K)
    steps = steps_away(features[:, :2].astype(np.float64), target.valence, target.energy)
    by_genre = [target.family_support(style_of(main_genre(track.genre))) for track in tracks]
    misfits = misfit(scaled(features), np.array(by_genre), target)
    points = [(target.valence, target.energy)] * len(tracks)
    here = place_traits(points, TOLERANCES_PER_STEP * steps, misfits)
    votes = Votes(
        traits=track_traits(here, np.full(len(tracks), 0.5), features),
        genres=np.array([genre_key(track.genre) for track in tracks], dtype=np.int64),
        artists=np.array([artist_key(track.artist) for track in tracks], dtype=np.int64),
        likes=np.zeros(len(tracks)),
        weights=np.ones(len(tracks)),
    )
    return infer((taste or Taste()).votes(), prior).log_odds(votes)


_NEAR = 0.5
"""Tracks within half a step of a temper's point count as music of that temper."""

_MOST_STILL = 0.4
"""The largest share of still music, which is hardly audible."""


def _still_share(table: TrackTable, is_allowed: Predicate) -> float:
    """Return the share of still music in a calm playlist, by what the catalogue has of it."""
    counts = []
    for point in (RELAXED, STILL):
        reach = np.array([_NEAR * step for step in STEP])
        rows = table.grid.rows(table.grid.boxes(np.array([point]), reach))
        rows = rows[steps_away(table.features[rows, :2], *point) <= _NEAR]
        counts.append(int(is_allowed(rows).sum()))
    relaxed_count, still_count = counts
    if not still_count:
        return 0.0
    return min(still_count / (still_count + relaxed_count), _MOST_STILL)
