"""Simulated listeners with known tastes.

A world says how tastes are generated and how well they can be observed. Since the true tastes are
known, the true quality of a playlist can be computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.mood.targets import EMOTIONS, Target, plan

OFF_MOOD: Final = 10.0
"""The loss of log-odds per unit of distance (0..1) from the listener's true mood: 0.5 for every
0.05."""

OFF_MOOD_MOST: Final = 3.0
"""The largest loss: beyond some distance, all tracks are equally wrong."""


TIMES: Final = 10
"""How often a listener asks for music, at most."""

IN_MOOD: Final = 0.1
"""The radius of a mood's music around its target in valence and energy, 0..1."""


@dataclass(frozen=True, slots=True)
class World:
    """How tastes are generated and observed.

    Args:
        name: Its name.
        common: The strength of the common taste, a standard normal weight per standardized
            feature.
        spread: Standard deviation of each listener's own weights around it.
        band: Loss of log-odds per squared step from the listener's favourite point, so that a
            listener may like a medium level best.
        votes: The number of voted tracks per playlist of ten.
        misread: Share of moods that are misread.
        careless: Share of random votes.
        clusters: Standard deviation of each listener's own effect of each genre and artist.
        by_mood: Standard deviation of each listener's additional weights in each mood.
        drift: Standard deviation of the steps by which the weights wander between playlists.
        position_bias: Loss of log-odds of a like from the first to the last position.
    """

    name: str
    common: float
    spread: float
    band: float
    votes: int
    misread: float
    careless: float
    clusters: float = 0.0
    by_mood: float = 0.0
    drift: float = 0.0
    position_bias: float = 0.0


_FAIR: Final = World("", common=0.6, spread=0.4, band=0.0, votes=5, misread=0.0, careless=0.1)

WORLDS: Final = {
    world.name: world
    for world in (
        World("easy", common=1.0, spread=0.4, band=0.0, votes=10, misread=0.0, careless=0.0),
        World("hard", common=0.6, spread=0.4, band=0.25, votes=3, misread=0.1, careless=0.2),
        replace(_FAIR, name="clusters", common=0.3, spread=0.2, clusters=1.0),
        replace(_FAIR, name="moods", by_mood=0.8),
        replace(_FAIR, name="drift", drift=0.3),
        replace(_FAIR, name="bias", position_bias=1.5),
        replace(_FAIR, name="noise", careless=0.3),
    )
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """One time that a listener asks for music.

    Args:
        number: Which time it is, from 0.
        mood: The emotion that they feel.
        read: The emotion that is read from their face.
        voted: Positions in the playlist on which they vote, int64.
        luck: Uniform random numbers that decide the votes, float64 (places,).
        careless: Whether the vote at a position is random, bool (places,).
    """

    number: int
    mood: str
    read: str
    voted: NDArray[np.int64]
    luck: NDArray[np.float64]
    careless: NDArray[np.bool_]


class Listener:
    """A listener with a known taste, who likes about half of the tracks of each mood.

    Args:
        sounds: The catalogue's standardised features, float32 (n, K).
        weights: Log-odds per standard deviation of each feature, float64 (K,).
        band: As in `World`.
        favourite: The centre of the band, in standard deviations, float64 (K,).
        effects: Log-odds of each track's genre and artist, float64 (n,); None for none.
        by_mood: Additional weights by emotion, float64 (K,) each.
        wandering: Additional weights at each time, float64 (times, K); None for none.
    """

    def __init__(
        self,
        sounds: NDArray[np.float32],
        weights: NDArray[np.float64],
        band: float,
        favourite: NDArray[np.float64],
        effects: NDArray[np.float64] | None = None,
        by_mood: Mapping[str, NDArray[np.float64]] | None = None,
        wandering: NDArray[np.float64] | None = None,
    ) -> None:
        self.sounds = sounds
        self._odds = sounds @ weights - band * ((sounds - favourite) ** 2).sum(axis=1)
        if effects is not None:
            self._odds += effects
        self._by_mood = by_mood or {}
        self._wandering = wandering

    def _odds_at(self, occasion: Occasion | None) -> NDArray[np.float64]:
        """Return the log-odds of all tracks at that time, before their distance to the mood."""
        odds: NDArray[np.float64] = self._odds
        if occasion is not None and occasion.mood in self._by_mood:
            odds = odds + self.sounds @ self._by_mood[occasion.mood]
        if occasion is not None and self._wandering is not None:
            odds = odds + self.sounds @ self._wandering[occasion.number]
        return odds

    def chances(
        self,
        table: TrackTable,
        rows: NDArray[np.int64],
        target: Target,
        occasion: Occasion | None = None,
    ) -> NDArray[np.float64]:
        """Return the probability of a like for each of n tracks, float64 (n,).

        Args:
            table: The catalogue.
            rows: The tracks, int64 (n,).
            target: The listener's true mood.
            occasion: When; matters to listeners whose taste changes.
        """
        all_odds = self._odds_at(occasion)
        away = np.linalg.norm(table.features[:, :2] - [target.valence, target.energy], axis=1)
        usual = all_odds[away <= IN_MOOD].mean()
        odds = all_odds[rows] - usual - np.minimum(OFF_MOOD * away[rows], OFF_MOOD_MOST)
        chances: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return chances


def standardised(table: TrackTable) -> NDArray[np.float32]:
    """Return the catalogue's standardised features, float32 (n, K)."""
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
    people = []
    for weights, favourite in zip(own, favourites, strict=True):
        effects = by_mood = wandering = None
        if world.clusters:
            effects = _cluster_effects(table, world.clusters, rng)
        if world.by_mood:
            drawn = world.by_mood * rng.standard_normal((len(EMOTIONS), k))
            by_mood = dict(zip(EMOTIONS, drawn, strict=True))
        if world.drift:
            steps = world.drift * rng.standard_normal((TIMES, k))
            wandering = np.cumsum(steps, axis=0)
        people.append(
            Listener(sounds, weights, world.band, favourite, effects, by_mood, wandering)
        )
    return people


def _cluster_effects(
    table: TrackTable, spread: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw what a listener thinks of each genre and artist; return it by track, float64 (n,)."""
    by_genre = spread * rng.standard_normal(len(table.genres))
    artists, places = np.unique(table.artist_keys, return_inverse=True)
    by_artist = spread / 2 * rng.standard_normal(len(artists))
    return np.asarray(by_genre[table.genre_codes[:, 0]] + by_artist[places])


def occasions(
    world: World, count: int, places: int, rng: np.random.Generator
) -> Sequence[Occasion]:
    """Draw the times that a listener asks for music, the same for every policy."""
    drawn = []
    for number in range(count):
        mood = read = str(rng.choice(EMOTIONS))
        if rng.random() < world.misread:
            read = str(rng.choice([emotion for emotion in EMOTIONS if emotion != mood]))
        drawn.append(
            Occasion(
                number=number,
                mood=mood,
                read=read,
                voted=rng.permutation(places)[: world.votes],
                luck=rng.random(places),
                careless=rng.random(places) < world.careless,
            )
        )
    return drawn


def targets_of(emotion: str, places: int) -> tuple[Target, ...]:
    """Return the targets of a playlist that matches an emotion."""
    return plan({emotion: 1.0}, "match", places)
