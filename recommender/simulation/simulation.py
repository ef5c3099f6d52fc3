"""Compares policies on simulated listeners with known taste.

Listeners belong to communities, each with a common taste. Every listener asks for ten playlists. A
policy sees the readings and votes, and is evaluated by the listener's true probability of liking
each track:

- NDCG@10: the probabilities in the order shown, discounted by position, relative to those of the
  best ten available tracks of the true mood (Järvelin & Kekäläinen, "Cumulated gain-based
  evaluation of IR techniques", 2002);
- regret: how many more likes these best tracks would have got over all playlists;
- diversity: mean distance between two tracks of a playlist, in standard deviations of the
  catalogue's features;
- repeats: tracks shown to the listener before; disliked ones are counted separately.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.simulation.policies import (
    PLACES,
    BetaThompson,
    Chance,
    Policy,
    PoolOnly,
    Product,
    Request,
    WarmLinUCB,
    opinion_of,
    tracks_of,
)
from recommender.simulation.worlds import (
    TIMES,
    Listener,
    Occasion,
    World,
    listeners,
    occasions,
    targets_of,
)
from recommender.taste.pool import USUAL_LISTENER, pool
from recommender.taste.posterior import Votes
from recommender.taste.taste import Opinion, Taste

PLAYLISTS: Final = TIMES
"""Playlists per listener."""

REPORTED: Final = (1, 2, 5, 10)
"""The playlists whose NDCG is reported."""

REMEMBERED: Final = 7
"""Playlists within which tracks are not repeated: two weeks at one every other day."""

COMMUNITIES: Final = 15
"""The number of communities, so that the result does not depend on one common taste."""

OTHERS: Final = 60
"""Other listeners of a community, to whose votes the product's prior is fitted."""

THEIR_VOTES: Final = 15
"""Votes per such listener."""

RIVAL: Final = "Beta-Thompson"
OURS: Final = "Mirrortape"
"""Names of the policies whose regret is compared."""

LEAST_TRACKS: Final = 1_000
"""The fewest tracks: with fewer, moods overlap too much for a comparison."""

LEAST_LISTENERS: Final = 2 * COMMUNITIES
"""The fewest listeners for a useful interval."""

_DISCOUNTS: Final = 1 / np.log2(np.arange(2, PLACES + 2))

OnProgress = Callable[[float], None]
"""Called with the finished share, 0..1."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def interval(values: NDArray[np.float64]) -> Interval:
    """Return the mean over listeners with its interval, by the normal approximation.

    Args:
        values: One for each listener, at least two, float64 (L,).
    """
    mean = float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / float(np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The results of a policy. L is the number of listeners.

    Args:
        ndcg: NDCG@10 of each playlist, float64 (L, `PLAYLISTS`).
        regret: Likes lost in all playlists, float64 (L,).
        diversity: Of each listener's playlists on average, float64 (L,).
        repeats: Share of tracks shown before, float64 (L,).
        disliked: Disliked tracks that were shown again, int64 (L,).
        tracks: The number of different tracks shown.
    """

    ndcg: NDArray[np.float64]
    regret: NDArray[np.float64]
    diversity: NDArray[np.float64]
    repeats: NDArray[np.float64]
    disliked: NDArray[np.int64]
    tracks: int

    def to_json(self, catalogue: int) -> dict[str, Any]:
        """Return plain values with 95 % intervals over listeners.

        Args:
            catalogue: How many tracks there are.
        """
        return {
            "ndcg": {
                str(number): asdict(interval(self.ndcg[:, number - 1])) for number in REPORTED
            },
            "regret": asdict(interval(self.regret)),
            "diversity": asdict(interval(self.diversity)),
            "coverage": self.tracks / catalogue,
            "repeats": asdict(interval(self.repeats)),
            "disliked_again": int(self.disliked.sum()),
        }


def simulate(
    table: TrackTable,
    world: World,
    *,
    count: int,
    seed: int,
    communities: int = COMMUNITIES,
    on_progress: OnProgress | None = None,
) -> dict[str, Outcome]:
    """Simulate all policies; the same seed gives the same outcome.

    Args:
        table: The catalogue.
        world: How tastes are generated.
        count: The number of listeners in all communities.
        seed: The seed.
        communities: The number of communities.
        on_progress: Called with the progress.
    """
    played: dict[str, list[_Played]] = {}
    shares = np.diff(np.linspace(0, count, communities + 1).round().astype(int))
    for here, chance in zip(shares, np.random.default_rng(seed).spawn(communities), strict=True):
        people_rng, others_rng, rng = chance.spawn(3)
        people = listeners(world, table, int(here) + OTHERS, people_rng)
        others = votes_of_others(table, world, people[here:], others_rng)
        prior = pool(others)
        policies: Mapping[str, Policy] = {
            "random": Chance(),
            "targets only": Product(USUAL_LISTENER, learns=False),
            RIVAL: BetaThompson(),
            "warm LinUCB": WarmLinUCB(others),
            "pool only": PoolOnly(prior),
            "own votes ignored": Product(prior, learns=False),
            OURS: Product(prior, learns=True),
        }
        for person, own in zip(people, rng.spawn(int(here)), strict=False):
            diary = occasions(world, PLAYLISTS, PLACES, own)
            for name, policy in policies.items():
                (luck,) = own.spawn(1)
                played.setdefault(name, []).append(
                    _play(table, world, person, diary, policy, luck)
                )
            if on_progress is not None:
                on_progress(len(played[OURS]) / count)
    return {name: _joined(each) for name, each in played.items()}


def votes_of_others(
    table: TrackTable, world: World, others: Sequence[Listener], rng: np.random.Generator
) -> list[Votes]:
    """Return other listeners' votes on tracks of their moods."""
    votes = []
    for person in others:
        opinions: list[Opinion] = []
        while len(opinions) < THEIR_VOTES:
            (occasion,) = occasions(world, 1, PLACES, rng)
            (target,) = targets_of(occasion.read, 1)
            heard = {opinion.track_id for opinion in opinions}
            rows = rng.choice(tracks_of(table, target, Taste(), heard), PLACES, replace=False)
            opinions += _votes(table, world, person, occasion, rows, range(PLACES))
        votes.append(Taste(tuple(opinions[:THEIR_VOTES])).votes())
    return votes


def _votes(
    table: TrackTable,
    world: World,
    person: Listener,
    occasion: Occasion,
    rows: NDArray[np.int64],
    places: Iterable[int],
) -> list[Opinion]:
    """Return a listener's votes on the tracks at some positions."""
    (read,), (felt,) = targets_of(occasion.read, 1), targets_of(occasion.mood, 1)
    chances = person.chances(table, rows, felt, occasion)
    if world.position_bias:
        lost = world.position_bias * np.arange(len(rows)) / (len(rows) - 1)
        chances = 1 / (1 + np.exp(lost) * (1 / chances - 1))
    chances = np.where(occasion.careless, 0.5, chances)
    return [
        opinion_of(
            table, int(rows[place]), read, likes=bool(occasion.luck[place] < chances[place])
        )
        for place in places
    ]


@dataclass(slots=True)
class _Played:
    """What one listener was shown."""

    ndcg: list[float]
    regret: float
    diversity: list[float]
    repeats: int
    disliked: int
    rows: set[int]


def _play(
    table: TrackTable,
    world: World,
    person: Listener,
    diary: Sequence[Occasion],
    policy: Policy,
    rng: np.random.Generator,
) -> _Played:
    played = _Played([], 0.0, [], 0, 0, set())
    opinions: list[Opinion] = []
    shown_before: list[set[str]] = []
    for occasion in diary:
        taste = Taste(tuple(opinions))
        recent = set().union(*shown_before[-REMEMBERED:])
        request = Request(occasion.read, targets_of(occasion.read, PLACES), taste, recent)
        rows = policy.choose(table, request, rng)
        (target,) = targets_of(occasion.mood, 1)
        chances = person.chances(table, rows, target, occasion)
        possible = person.chances(table, tracks_of(table, target, taste, recent), target, occasion)
        best = np.sort(possible)[::-1][:PLACES]
        played.ndcg.append(float(chances @ _DISCOUNTS / (best @ _DISCOUNTS)))
        played.regret += float(best.sum() - chances.sum())
        played.diversity.append(_mean_distance(person.sounds[rows]))
        played.repeats += len(played.rows & set(rows.tolist()))
        played.rows |= set(rows.tolist())
        ids = {table.track(row).id for row in rows.tolist()}
        played.disliked += len({each.track_id for each in taste.disliked} & ids)
        shown_before.append(ids)
        opinions += _votes(table, world, person, occasion, rows, occasion.voted.tolist())
    return played


def _mean_distance(sounds: NDArray[np.float32]) -> float:
    steps = np.linalg.norm(sounds[:, None] - sounds[None, :], axis=2)
    pairs = len(sounds) * (len(sounds) - 1)
    return float(steps.sum() / pairs)


def _joined(played: Sequence[_Played]) -> Outcome:
    return Outcome(
        ndcg=np.array([each.ndcg for each in played]),
        regret=np.array([each.regret for each in played]),
        diversity=np.array([np.mean(each.diversity) for each in played]),
        repeats=np.array([each.repeats / (PLAYLISTS * PLACES) for each in played]),
        disliked=np.array([each.disliked for each in played], dtype=np.int64),
        tracks=len(set().union(*(each.rows for each in played))),
    )
