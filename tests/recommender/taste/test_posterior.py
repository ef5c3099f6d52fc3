"""Properties of the posterior that listeners rely on."""

from dataclasses import fields, replace
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.tracks import Track, artist_key, genre_key
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import Effects, Prior, Votes, infer
from recommender.taste.taste import Fit, Opinion, Taste
from recommender.taste.traits import TRAITS
from tests.support.slowness import slowness
from tests.support.songs import TRACK, opinion, random_tracks

TRACKS = random_tracks(40, artists=12)

places = st.builds(
    Fit,
    valence=st.floats(0, 1),
    energy=st.floats(0, 1),
    distance=st.floats(0, 6),
    misfit=st.floats(0, 0.6),
    popularity=st.floats(0, 1),
)
opinions = st.builds(
    lambda track, liking, is_vote, place: replace(
        opinion(track, liking, is_vote=is_vote), place=place
    ),
    st.sampled_from(TRACKS),
    st.sampled_from([-1.0, 0.0, 1.0]),
    st.booleans(),
    places,
)
many = st.lists(opinions, max_size=25, unique_by=lambda each: each.track_id)


def drawn_prior(seed: int) -> Prior:
    """Return what a crowd of listeners might have taught, however odd."""
    rng = np.random.default_rng(seed)
    artists = [artist_key(track.artist) for track in TRACKS]
    return Prior(
        mean=rng.normal(size=len(TRAITS)),
        sd=np.exp(rng.normal(-1, 1, len(TRAITS))),
        genre_sd=float(np.exp(rng.normal(-1, 1))),
        artist_sd=float(np.exp(rng.normal(-1, 1))),
        genres=Effects.of({genre_key(genre): rng.normal() for genre in ("pop", "rock")}),
        artists=Effects.of({key: rng.normal() for key in artists}),
    )


def odds(opinions: list[Opinion], asked: Opinion, prior: Prior = USUAL_LISTENER) -> float:
    """Return the posterior-mean log-odds of a like for a track in its place."""
    posterior = infer(Taste(tuple(opinions)).votes(), prior)
    return float(posterior.log_odds(Taste((asked,)).votes())[0])


@given(many, st.sampled_from(TRACKS), places, st.booleans())
def test_a_like_never_lowers_its_track_in_the_same_mood_and_a_dislike_never_raises_it(
    others: list[Opinion], track: Track, place: Fit, is_vote: bool
) -> None:
    others = [each for each in others if each.track_id != track.id]
    like = replace(opinion(track, 1.0, is_vote=is_vote), place=place)
    dislike = replace(like, liking=-1.0)
    before = odds(others, like)
    assert odds([*others, like], like) > before
    assert odds([*others, dislike], like) < before


@given(many, st.sampled_from(TRACKS), places, st.integers(0, 2**32))
def test_so_it_is_whatever_others_have_taught(
    others: list[Opinion], track: Track, place: Fit, seed: int
) -> None:
    prior = drawn_prior(seed)
    like = replace(opinion(track, 1.0), place=place)
    before = odds(others, like, prior)
    rounding = 1e-9 * (1 + abs(before))  # what is known for sure is moved by less
    assert odds([*others, like], like, prior) >= before - rounding
    assert odds([*others, replace(like, liking=-1.0)], like, prior) <= before + rounding


@given(many, st.sampled_from(TRACKS), places)
def test_more_weight_moves_further_in_the_same_direction(
    others: list[Opinion], track: Track, place: Fit
) -> None:
    others = [each for each in others if each.track_id != track.id]
    like = replace(opinion(track, 1.0), place=place)
    rising = [odds([*others, replace(like, weight=w)], like) for w in (0.1, 0.5, 1.0)]
    assert rising == sorted(rising)


@given(many, st.randoms())
def test_only_the_votes_matter_and_not_their_order(votes: list[Opinion], random: object) -> None:
    shuffled = list(votes)
    random.shuffle(shuffled)
    one, other = (infer(Taste(tuple(each)).votes(), USUAL_LISTENER) for each in (votes, shuffled))
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)
    np.testing.assert_allclose(one.artists.values, other.artists.values, atol=1e-6)
    np.testing.assert_allclose(one.precision, other.precision, atol=1e-5)


@given(many)
def test_the_mode_is_a_mode(votes: list[Opinion]) -> None:
    arrays = Taste(tuple(votes)).votes()
    found = infer(arrays, USUAL_LISTENER)
    rest = arrays.likes - 1 / (1 + np.exp(-found.log_odds(arrays)))
    pulled_back = (found.weights - USUAL_LISTENER.mean) / USUAL_LISTENER.sd**2
    slope = (arrays.weights * rest) @ arrays.traits - pulled_back
    np.testing.assert_allclose(slope, 0, atol=1e-8)
    assert (np.linalg.eigvalsh(found.precision) > 0).all()


def test_without_votes_the_posterior_is_the_prior() -> None:
    found = infer(Taste().votes(), USUAL_LISTENER)
    assert (found.weights == USUAL_LISTENER.mean).all()
    assert (found.precision == np.diag(USUAL_LISTENER.sd**-2)).all()


def test_an_artist_and_a_genre_that_are_liked_lift_other_tracks_of_theirs() -> None:
    likes = Taste(tuple(opinion(replace(TRACK, id=f"{n:022d}"), 1.0) for n in range(4))).votes()
    found = infer(likes, USUAL_LISTENER)
    surprise = (1 - 1 / (1 + np.exp(-found.log_odds(likes)))).sum()
    assert surprise > 0.1
    artist, genre = found.artists[likes.artists][0], found.genres[likes.genres][0]
    assert artist == pytest.approx(USUAL_LISTENER.artist_sd**2 * surprise, rel=1e-3)
    assert genre == pytest.approx(USUAL_LISTENER.genre_sd**2 * surprise, rel=1e-3)
    strangers = np.array([1, 2, 3])
    assert found.artists[strangers].tolist() == [0, 0, 0]


def test_effects_of_unnamed_groups_are_nothing() -> None:
    effects = Effects.of({7: 0.5, -3: -1.0})
    assert effects[np.array([-3, 7, 8, -9])].tolist() == [-1.0, 0.5, 0.0, 0.0]
    assert effects.updated(np.array([7, 9]), np.array([1.0, 2.0]))[
        np.array([-3, 7, 9])
    ].tolist() == [-1.0, 1.0, 2.0]
    assert Effects()[np.array([1])].tolist() == [0.0]


def test_samples_scatter_as_widely_as_asked() -> None:
    votes = Taste(tuple(opinion(track, 1.0) for track in TRACKS[:8])).votes()
    found = infer(votes, USUAL_LISTENER)
    rng = np.random.default_rng(0)
    samples = np.array([found.sample(0.5, rng) for _ in range(4000)])
    covariance = np.linalg.inv(found.precision)
    np.testing.assert_allclose(samples.mean(axis=0), found.weights, atol=0.05)
    np.testing.assert_allclose(samples.std(axis=0), 0.5 * np.sqrt(np.diag(covariance)), rtol=0.1)
    assert (found.sample(0, rng) == found.weights).all()


@pytest.mark.timed
def test_a_vote_is_learned_at_once() -> None:
    """`pytest -s` prints the milliseconds for 10 to 1,000 votes."""
    rng = np.random.default_rng(0)
    taken, slow = {}, []
    for count in (10, 100, 300, 1000):
        votes = Votes(
            traits=rng.normal(size=(count, len(TRAITS))),
            genres=rng.integers(0, 20, count),
            artists=rng.integers(0, count, count),
            likes=rng.integers(0, 2, count).astype(float),
            weights=np.ones(count),
        )
        times = []
        for _ in range(7):
            began = process_time()
            infer(votes, USUAL_LISTENER)
            times.append(process_time() - began)
            slow.append(slowness())
        taken[count] = min(times) * 1000
    print({count: f"{ms:.1f} ms" for count, ms in taken.items()})
    assert taken[300] / min(slow) < 5


@pytest.mark.parametrize("count", [0, 1, 5])
def test_votes_are_as_many_as_opinions(count: int) -> None:
    votes = Taste(tuple(opinion(track, 1.0) for track in TRACKS[:count])).votes()
    assert {len(getattr(votes, field.name)) for field in fields(votes)} == {count}
