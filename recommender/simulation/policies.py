"""The compared policies for choosing a playlist.

All choose from the same tracks, those that fit the mood and were not shown recently, so that the
comparison is about learning a listener's taste.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable, is_among
from recommender.mood.targets import Target
from recommender.ranking.candidates import Candidates, SearchConfig, nearest, reach
from recommender.ranking.ranking import misfits
from recommender.recommend import recommend
from recommender.taste.posterior import Prior
from recommender.taste.taste import Fit, Opinion, Taste

PLACES = 10
"""Tracks in a playlist."""

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
    config = SearchConfig()
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
        k = table.ranks.shape[1]
        counts = np.ones((2, k, _THIRDS))  # dislikes and likes, with a uniform prior
        opinions = request.taste.opinions
        for opinion in opinions:
            (thirds,) = self._thirds(table, table.rows([opinion.track_id]))
            counts[int(opinion.liking > 0), np.arange(k), thirds] += 1
        drawn = rng.beta(counts[1], counts[0])  # (K, thirds)
        scores = drawn[np.arange(k), self._thirds(table, rows)].mean(axis=1)
        return rows[np.argsort(-scores, kind="stable")[:PLACES]]

    def _thirds(self, table: TrackTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        thirds: NDArray[np.int64] = np.minimum(table.ranks[rows] * _THIRDS, _THIRDS - 1).astype(
            np.int64
        )
        return thirds


class Ours:
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


def opinion_of(table: TrackTable, row: int, target: Target, *, likes: bool) -> Opinion:
    """Return a vote on a track that was shown for a target."""
    away = table.ranks[row, :2] - [target.valence, target.energy]
    per_axis = away / reach([target], SearchConfig())
    distance = np.array([[np.linalg.norm(per_axis)]], dtype=np.float32)
    alone = Candidates(np.array([[row]]), distance)
    place = Fit(
        valence=target.valence,
        energy=target.energy,
        distance=float(distance[0, 0]),
        misfit=float(misfits(table, [target], alone)[0, 0]),
        popularity=float(table.popularity[row]),
    )
    return Opinion.on(table.track(row), 1.0 if likes else -1.0, place)
