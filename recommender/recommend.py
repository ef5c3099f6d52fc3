"""The recommender's front door: from a mood to a playlist. Pure: no clock or chance of its own."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.favourites import is_by_favourite, is_of_favourite_genre
from recommender.filters import Predicate, filters, shortage
from recommender.pool import USUAL_LISTENER
from recommender.posterior import Posterior, Prior, infer
from recommender.preferences import USUAL, Preferences
from recommender.ranking import POLICY_VERSION, Choice, RankingConfig, disliked_songs, rank
from recommender.reasons import Grounds, reason
from recommender.relaxed import Relaxed, relaxed
from recommender.table import TrackTable, is_among
from recommender.targets import Target, plan
from recommender.taste import Place, Taste, nearest_liked
from recommender.tracks import Track, artist_key, genre_key
from recommender.traits import SOUND, SOUND_TRAITS, sound_traits


_NOT_AGAIN = 2
"""For how many tracks a listener's taste in something is not given as the reason again."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One recommended track.

    Args:
        score: The log-odds that the listener likes it at its place, as the ranking saw them.
        propensity: The probability with which chance chose it there, 0..1.
        reason: Why it is there, in a few words.
        place: What its place asked for, and how the track stands there.
    """

    track: Track
    score: float
    propensity: float
    reason: str
    place: Place


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
        rows = np.flatnonzero(~is_among(table.song_keys, disliked_songs(table, taste)))
        rows = rows if is_allowed is None else rows[is_allowed(rows)]
        set_filters = filters(table, preferences)
        too_few = shortage(table, set_filters, rows, length, config.tracks_per_artist)
        if too_few:
            raise too_few
    learned = _Learned(posterior, prior)
    recommendation = Recommendation(
        picks=_explained(table, whole, places, taste, learned, preferences, choices),
        targets=targets,
        ms=ms,
        policy=f"{POLICY_VERSION} {prior.name}",
        relaxed=relaxed(table, choices, targets, recent),
    )
    table.release()  # or a million tracks would all count as memory after a few playlists
    return recommendation


class _Learned:
    """What a listener's own votes have changed in what is believed of them."""

    def __init__(self, posterior: Posterior, prior: Prior) -> None:
        self._posterior = posterior
        self._prior = prior

    def artist(self, track: Track) -> float:
        """Return what the votes add to the log-odds of this artist's tracks."""
        key = np.array([artist_key(track.artist)])
        return float((self._posterior.artists[key] - self._prior.artists[key])[0])

    def genre(self, track: Track) -> float:
        """Return what the votes add to the log-odds of this genre's tracks."""
        key = np.array([genre_key(track.genre)])
        return float((self._posterior.genres[key] - self._prior.genres[key])[0])

    def sound(self, track: Track) -> dict[str, float]:
        """Return what the votes add to the log-odds of this sound, by feature."""
        moved = (self._posterior.weights - self._prior.mean)[SOUND]
        terms = moved * sound_traits(np.array([track.features], dtype=np.float32))[0]
        by_feature: dict[str, float] = defaultdict(float)
        for trait, term in zip(SOUND_TRAITS, terms.tolist(), strict=True):
            by_feature[trait.removesuffix("²")] += term
        return by_feature


def _explained(
    table: TrackTable,
    targets: Sequence[Target],
    places: Sequence[int],
    taste: Taste,
    learned: _Learned,
    preferences: Preferences,
    choices: Sequence[Choice],
) -> tuple[Pick, ...]:
    first, last = targets[0], targets[-1]
    way = (last.valence - first.valence, last.energy - first.energy)
    picks: list[Pick] = []
    chosen: dict[int, tuple[float, ...]] = {}  # ranks by place
    for choice in choices:
        place = places[choice.position]
        track, target = table.track(choice.row), targets[place]
        ranks = tuple(float(rank) for rank in table.ranks[choice.row])
        before = chosen.get(place - 1)
        step = None if before is None else (ranks[0] - before[0], ranks[1] - before[1])
        chosen[place] = ranks
        liked = nearest_liked(track, taste)
        grounds = Grounds(
            track=track,
            ranks=ranks,
            target=target,
            distance=choice.distance,
            popularity=float(table.popularity[choice.row]),
            sound=learned.sound(track),
            artist=learned.artist(track),
            genre=learned.genre(track),
            liked_title=liked[0].title if liked else None,
            nearness=liked[1] if liked else 0.0,
            way=way,
            step=step,
            position=place,
            said=tuple(pick.reason for pick in picks[-_NOT_AGAIN:]),
            is_by_favourite=is_by_favourite(track, preferences),
            is_of_favourite_genre=is_of_favourite_genre(track, preferences),
        )
        stands = Place(
            valence=target.valence,
            energy=target.energy,
            distance=choice.distance,
            misfit=choice.misfit,
            popularity=float(table.popularity[choice.row]),
        )
        picks.append(Pick(track, choice.score, choice.propensity, reason(grounds), stands))
    return tuple(picks)
