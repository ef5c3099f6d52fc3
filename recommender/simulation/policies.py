"""The compared policies for choosing a playlist.

All but the product's choose from the same tracks, those that fit the mood best and were not shown
recently, so that the comparison is about learning a listener's taste. The product's own looks
farther, at the price of tracks that fit less well.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable, is_among
from recommender.catalogue.tracks import genre_key
from recommender.mood.targets import Target
from recommender.ranking.candidates import SearchConfig, nearest, reach
from recommender.ranking.ranking import misfits
from recommender.recommend import recommend
from recommender.taste.posterior import Prior, Votes, infer
from recommender.taste.taste import Fit, Opinion, Taste
from recommender.taste.traits import place_traits, track_traits

PLACES = 10
"""Tracks in a playlist."""

MOOD_TRACKS = 240
"""A mood's music in the comparison: this many tracks around its target."""

_THIRDS = 3


@dataclass(frozen=True, slots=True)
class Request:
    """The input of a policy.

    Args:
        emotion: The emotion that was read.
        targets: The target of each position.
        taste: The listener's votes so far.
        recent: Ids of tracks shown recently.
    """

    emotion: str
    targets: Sequence[Target]
    taste: Taste
    recent: Collection[str]


class Policy(Protocol):
    """Chooses playlists."""

    def choose(
        self, table: TrackTable, request: Request, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the rows of `PLACES` tracks in their order, int64."""
        ...


def tracks_of(
    table: TrackTable, target: Target, taste: Taste, recent: Collection[str]
) -> NDArray[np.int64]:
    """Return the candidates: near the target, not shown recently, not disliked."""
    away = np.concatenate(
        [table.rows(recent), table.rows(opinion.track_id for opinion in taste.disliked)]
    )
    songs = table.recording_keys[away]
    config = SearchConfig(count=MOOD_TRACKS)
    found = nearest(
        table,
        [target],
        lambda rows: ~is_among(table.recording_keys[rows], songs),
        reach([target], config),
        config.count,
    )
    rows: NDArray[np.int64] = found.rows[0]
    return rows


class Chance:
    """Draws random tracks of the mood."""

    def choose(
        self, table: TrackTable, request: Request, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return tracks drawn from the mood's."""
        rows = tracks_of(table, request.targets[0], request.taste, request.recent)
        chosen: NDArray[np.int64] = rng.choice(rows, PLACES, replace=False)
        return chosen


class BetaThompson:
    """Beta-Thompson sampling over thirds of each feature.

    Every third has its own Beta distribution, initially uniform; a track's score is the mean of
    the draws for its thirds (Agrawal & Goyal, "Analysis of Thompson sampling for the multi-armed
    bandit problem", 2012).
    """

    def choose(
        self, table: TrackTable, request: Request, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the tracks with the highest scores."""
        rows = tracks_of(table, request.targets[0], request.taste, request.recent)
        k = table.features.shape[1]
        edges = np.quantile(table.features, np.arange(1, _THIRDS) / _THIRDS, axis=0)  # (2, K)
        counts = np.ones((2, k, _THIRDS))  # dislikes and likes, with a uniform prior
        opinions = request.taste.opinions
        for opinion in opinions:
            (thirds,) = self._thirds(table, table.rows([opinion.track_id]), edges)
            counts[int(opinion.liking > 0), np.arange(k), thirds] += 1
        drawn = rng.beta(counts[1], counts[0])  # (K, thirds)
        scores = drawn[np.arange(k), self._thirds(table, rows, edges)].mean(axis=1)
        return rows[np.argsort(-scores, kind="stable")[:PLACES]]

    def _thirds(
        self, table: TrackTable, rows: NDArray[np.int64], edges: NDArray[np.floating]
    ) -> NDArray[np.int64]:
        """Return the third of each feature of n tracks, int64 (n, K)."""
        thirds: NDArray[np.int64] = (table.features[rows][:, None] > edges).sum(axis=1)
        return thirds


class Product:
    """The product's own policy.

    Args:
        prior: The prior over listeners.
        learns: Whether it uses the listener's votes; if not, only the targets count.
    """

    def __init__(self, prior: Prior, *, learns: bool) -> None:
        self._prior = prior
        self._learns = learns

    def choose(
        self, table: TrackTable, request: Request, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the product's playlist."""
        found = recommend(
            table,
            probabilities={request.emotion: 1.0},
            mode="match",
            length=len(request.targets),
            taste=request.taste if self._learns else Taste(),
            recent=request.recent,
            rng=rng,
            prior=self._prior,
        )
        return np.array([int(table.rows([pick.track.id])[0]) for pick in found.picks])


class PoolOnly:
    """The best tracks of the mood by the prior's mean: no own votes, no chance, no variety."""

    def __init__(self, prior: Prior) -> None:
        self._posterior = infer(Taste().votes(), prior)

    def choose(
        self, table: TrackTable, request: Request, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the tracks with the highest odds."""
        rows = tracks_of(table, request.targets[0], request.taste, request.recent)
        odds = self._posterior.log_odds(_asked(table, rows, request.targets[0]))
        return rows[np.argsort(-odds, kind="stable")[:PLACES]]


class WarmLinUCB:
    """LinUCB that starts from what other listeners' votes say (see `LinearBandit`)."""

    def __init__(self, others: Sequence[Votes]) -> None:
        self._bandit = LinearBandit(others)

    def choose(
        self, table: TrackTable, request: Request, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the tracks with the highest upper bounds."""
        rows = tracks_of(table, request.targets[0], request.taste, request.recent)
        traits = _asked(table, rows, request.targets[0]).traits
        bounds = self._bandit.bounds(request.taste.votes(), traits)
        return rows[np.argsort(-bounds, kind="stable")[:PLACES]]


class LinearBandit:
    """LinUCB with a warm start.

    The weights of the traits are a ridge regression of the listener's votes around those of a
    ridge regression of all others' votes (Li, Chu, Langford & Schapire, "A contextual-bandit
    approach to personalized news article recommendation", WWW 2010).

    Args:
        others: The votes of other listeners.
    """

    def __init__(self, others: Sequence[Votes]) -> None:
        traits = np.concatenate([votes.traits for votes in others])
        likes = np.concatenate([votes.likes for votes in others])
        k = traits.shape[1]
        self._start = np.linalg.solve(
            traits.T @ traits + RIDGE * np.eye(k), traits.T @ (likes - 0.5)
        )

    def bounds(self, own: Votes, traits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the upper bounds of n tracks' likes, float64 (n,).

        Args:
            own: The listener's votes.
            traits: The tracks' traits, float64 (n, T).
        """
        known = RIDGE * np.eye(traits.shape[1]) + own.traits.T @ own.traits
        inverse = np.linalg.inv(known)
        weights = inverse @ (RIDGE * self._start + own.traits.T @ (own.likes - 0.5))
        spread = np.sqrt(np.einsum("nk,kl,nl->n", traits, inverse, traits))
        bounds: NDArray[np.float64] = traits @ weights + OPTIMISM * spread
        return bounds


RIDGE = 30.0
"""The ridge of both regressions."""

OPTIMISM = 0.1
"""The weight of the uncertainty in the upper bound. With these two, LinUCB served real listeners
best, of ridges from 3 to 30 and weights from 0 to 1."""


def _asked(table: TrackTable, rows: NDArray[np.int64], target: Target) -> Votes:
    """Return tracks at a target as votes, to be scored."""
    away = table.features[rows, :2] - [target.valence, target.energy]
    distances = np.linalg.norm(away / reach([target], SearchConfig()), axis=1)
    off = misfits(table, [target], rows, np.arange(len(rows))[None])[0]
    points = [(target.valence, target.energy)] * len(rows)
    return Votes(
        traits=track_traits(
            place_traits(points, distances, off), table.popularity[rows], table.features[rows]
        ),
        genres=np.array([genre_key(name) for name in table.genres])[table.genre_codes[rows, 0]],
        artists=table.artist_keys[rows],
        likes=np.zeros(len(rows)),
        weights=np.ones(len(rows)),
    )


def opinion_of(table: TrackTable, row: int, target: Target, *, likes: bool) -> Opinion:
    """Return a vote on a track that was shown for a target."""
    away = table.features[row, :2] - [target.valence, target.energy]
    distance = float(np.linalg.norm(away / reach([target], SearchConfig())))
    misfit = misfits(table, [target], np.array([row]), np.array([[0]]))[0, 0]
    place = Fit(
        valence=target.valence,
        energy=target.energy,
        distance=distance,
        misfit=float(misfit),
        popularity=float(table.popularity[row]),
    )
    return Opinion.on(table.track(row), 1.0 if likes else -1.0, place)
