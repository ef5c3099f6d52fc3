"""Invented listeners with known tastes, to try policies on.

A world says how tastes come about and how well they can be observed. Everything that a policy
must find out is known here, so that it can be said how good a playlist really was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.mood.targets import EMOTIONS, Target, plan

OFF_MOOD: Final = 10.0
"""Log-odds that a track loses for each whole percentile (0..1) that it lies off the listener's
true mood: half a unit for every 0.05."""

OFF_MOOD_MOST: Final = 3.0
"""What it loses at most; to a listener, very wrong is no better than quite wrong."""


IN_MOOD: Final = 0.1
"""How far from its target the music of a mood reaches, in percentiles, 0..1."""


@dataclass(frozen=True, slots=True)
class World:
    """How tastes come about.

    Args:
        name: What it is called.
        common: How strong the taste is that all listeners share; it is a standard normal
            weight for each standardised feature.
        spread: Standard deviation of each listener's own weights around that.
        band: Log-odds lost for each squared step from a point of the listener's own, so that
            a listener may like the middle of something.
        votes: How many of a playlist's ten tracks are voted on.
        misread: Share of moods that are read as another one.
        careless: Share of votes that say nothing.
    """

    name: str
    common: float
    spread: float
    band: float
    votes: int
    misread: float
    careless: float


WORLDS: Final = {
    world.name: world
    for world in (
        World("easy", common=1.0, spread=0.4, band=0.0, votes=10, misread=0.0, careless=0.0),
        World("hard", common=0.6, spread=0.4, band=0.25, votes=3, misread=0.1, careless=0.2),
    )
}


@dataclass(frozen=True, slots=True)
class Evening:
    """One time that a listener asks for music.

    Args:
        mood: The emotion that they feel.
        read: The emotion that is read from their face.
        voted: Places in the playlist on which they vote, int64.
        luck: Decides each place's vote, 0..1, float64 (places,).
        careless: Whether the vote at a place says nothing, bool (places,).
    """

    mood: str
    read: str
    voted: NDArray[np.int64]
    luck: NDArray[np.float64]
    careless: NDArray[np.bool_]


class Listener:
    """Somebody whose taste is known; of the music of each mood they like about half.

    Args:
        sounds: The catalogue's standardised features, float32 (n, K).
        weights: Log-odds for each step in each feature, float64 (K,).
        band: As in `World`.
        favourite: The point that the band is around, in steps, float64 (K,).
    """

    def __init__(
        self,
        sounds: NDArray[np.float32],
        weights: NDArray[np.float64],
        band: float,
        favourite: NDArray[np.float64],
    ) -> None:
        self.sounds = sounds
        self._odds = sounds @ weights - band * ((sounds - favourite) ** 2).sum(axis=1)

    def chances(
        self, table: TrackTable, rows: NDArray[np.int64], target: Target
    ) -> NDArray[np.float64]:
        """Return the probability of a like for each of n tracks, float64 (n,).

        Args:
            table: The catalogue.
            rows: The tracks, int64 (n,).
            target: The mood that the listener is really in.
        """
        away = np.linalg.norm(table.ranks[:, :2] - [target.valence, target.energy], axis=1)
        usual = self._odds[away <= IN_MOOD].mean()
        odds = self._odds[rows] - usual - np.minimum(OFF_MOOD * away[rows], OFF_MOOD_MOST)
        chances: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return chances


def standardised(table: TrackTable) -> NDArray[np.float32]:
    """Return the catalogue's features in steps of their standard deviation, float32 (n, K)."""
    features = np.asarray(table.features)
    spread = features.std(axis=0)
    steps: NDArray[np.float32] = (features - features.mean(axis=0)) / np.where(spread, spread, 1)
    return steps


def listeners(
    world: World, table: TrackTable, count: int, rng: np.random.Generator
) -> list[Listener]:
    """Draw listeners who share a common taste."""
    sounds = standardised(table)
    k = sounds.shape[1]
    common = world.common * rng.standard_normal(k)  # (K,)
    own = common + world.spread * rng.standard_normal((count, k))  # (count, K)
    favourites = rng.standard_normal((count, k))  # (count, K)
    return [
        Listener(sounds, weights, world.band, favourite)
        for weights, favourite in zip(own, favourites, strict=True)
    ]


def evenings(world: World, count: int, places: int, rng: np.random.Generator) -> Sequence[Evening]:
    """Draw the times that a listener asks for music, the same for every policy."""
    drawn = []
    for _ in range(count):
        mood = read = str(rng.choice(EMOTIONS))
        if rng.random() < world.misread:
            read = str(rng.choice([emotion for emotion in EMOTIONS if emotion != mood]))
        drawn.append(
            Evening(
                mood=mood,
                read=read,
                voted=rng.permutation(places)[: world.votes],
                luck=rng.random(places),
                careless=rng.random(places) < world.careless,
            )
        )
    return drawn


def targets_of(emotion: str, places: int) -> tuple[Target, ...]:
    """Return what a playlist that matches an emotion asks for."""
    return plan({emotion: 1.0}, "match", places)
