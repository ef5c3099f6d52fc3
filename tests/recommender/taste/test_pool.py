import numpy as np

from recommender.taste.pool import USUAL_LISTENER, pool
from recommender.taste.posterior import Votes
from recommender.taste.traits import TRAITS

TASTE = USUAL_LISTENER.mean + 0.8 * np.random.default_rng(0).normal(size=len(TRAITS))

WIDE = np.array([trait != "support" for trait in TRAITS])
"""All traits but the one whose small values tell little."""


def listeners(
    many: int, votes: int, spread: float = 0.4, likes_artist: int | None = None
) -> list[Votes]:
    """Return listeners with so many votes each, whose weights scatter around `TASTE`."""
    rng = np.random.default_rng(1)
    return [_listener(rng, votes, spread, likes_artist) for _ in range(many)]


def _listener(
    rng: np.random.Generator, count: int, spread: float, likes_artist: int | None
) -> Votes:
    weights = TASTE + spread * rng.normal(size=len(TRAITS))
    traits = rng.normal(size=(count, len(TRAITS)))
    traits[:, TRAITS.index("support")] *= 0.1  # as small as misfits are
    artists = rng.integers(0, 30, count)
    odds = traits @ weights + 3.0 * (artists == likes_artist)
    return Votes(
        traits=traits,
        genres=rng.integers(0, 5, count),
        artists=artists,
        likes=(rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float),
        weights=np.ones(count),
    )


def test_without_listeners_all_is_as_usual() -> None:
    assert pool([]) is USUAL_LISTENER
    assert pool(listeners(1, votes=0)) is USUAL_LISTENER


def test_many_listeners_with_few_votes_reveal_what_they_share() -> None:
    found = pool(listeners(60, votes=15))
    moved, true = found.mean - USUAL_LISTENER.mean, TASTE - USUAL_LISTENER.mean
    assert np.corrcoef(moved[WIDE], true[WIDE])[0, 1] > 0.8
    assert np.linalg.norm((found.mean - TASTE)[WIDE]) < 0.6 * np.linalg.norm(true[WIDE])


def test_one_listener_hardly_moves_the_pool() -> None:
    alone, many = (
        pool(listeners(count, votes=15)).mean - USUAL_LISTENER.mean for count in (1, 60)
    )
    assert np.linalg.norm(alone[WIDE]) < 0.5 * np.linalg.norm(many[WIDE])


def test_an_artist_whom_all_like_is_expected_to_be_liked() -> None:
    found = pool(listeners(30, votes=40, likes_artist=7))
    assert found.artists[np.array([7])][0] > 0.5 > found.artists[np.array([8])][0]


def test_the_same_votes_give_the_same_pool() -> None:
    one, other = (pool(listeners(5, votes=10)) for _ in "ab")
    assert (one.mean == other.mean).all()
