from dataclasses import replace

import numpy as np
import pytest

from recommender.simulation.worlds import (
    WORLDS,
    Listener,
    listeners,
    occasions,
    standardised,
    targets_of,
)
from tests.support.songs import random_tracks, table_of

TABLE = table_of(random_tracks(2_000))
ROWS = np.arange(len(TABLE))
(SAD,) = targets_of("sad", 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_features_are_standardised() -> None:
    sounds = standardised(TABLE)
    np.testing.assert_allclose(sounds.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(sounds.std(axis=0), 1, rtol=1e-4)


def test_a_feature_that_never_varies_says_nothing() -> None:
    tracks = [replace(track, mode=1) for track in random_tracks(50)]
    assert not standardised(table_of(tracks))[:, 5].any()


def test_a_listener_likes_about_half_of_the_music_of_each_mood() -> None:
    for person in listeners(WORLDS["easy"], TABLE, 5, rng()):
        for emotion in ("sad", "happy", "angry"):
            (target,) = targets_of(emotion, 1)
            away = np.linalg.norm(TABLE.features[:, :2] - [target.valence, target.energy], axis=1)
            chances = person.chances(TABLE, np.flatnonzero(away < 0.1), target)
            assert 0.3 < chances.mean() < 0.6


def test_music_off_the_mood_is_liked_less() -> None:
    sounds = standardised(TABLE)
    indifferent = Listener(sounds, np.zeros(9), 0.0, np.zeros(9))
    chances = indifferent.chances(TABLE, ROWS, SAD)
    away = np.linalg.norm(TABLE.features[:, :2] - [SAD.valence, SAD.energy], axis=1)
    order = np.argsort(away)
    assert (np.diff(chances[order]) <= 1e-9).all()
    assert chances[order[0]] == pytest.approx(0.5, abs=0.1)
    assert chances[order[-1]] == pytest.approx(1 / (1 + np.exp(3)), abs=1e-6)


def test_a_band_is_liked_best_in_its_middle() -> None:
    sounds = standardised(TABLE)
    middle = sounds[7].astype(float)
    person = Listener(sounds, np.zeros(9), 0.25, middle)
    away = np.linalg.norm(TABLE.features[:, :2] - TABLE.features[7, :2], axis=1)
    target = replace(SAD, valence=float(TABLE.features[7, 0]), energy=float(TABLE.features[7, 1]))
    near = np.flatnonzero(away < 0.02)
    assert person.chances(TABLE, near, target).argmax() == int(np.flatnonzero(near == 7)[0])


def test_listeners_of_one_community_agree_more_than_strangers() -> None:
    world = WORLDS["easy"]
    here, there = (listeners(world, TABLE, 6, rng(seed)) for seed in (1, 2))
    one, *friends = [person.chances(TABLE, ROWS, SAD) for person in here]
    strangers = [person.chances(TABLE, ROWS, SAD) for person in there]

    def agreement(others: list[np.ndarray]) -> float:
        return float(np.mean([np.corrcoef(one, other)[0, 1] for other in others]))

    assert agreement(friends) > agreement(strangers) + 0.1


@pytest.mark.parametrize(
    ("name", "votes", "misread", "careless"), [("easy", 10, 0, 0), ("hard", 3, 0.1, 0.2)]
)
def test_evenings_are_as_the_world_has_it(
    name: str, votes: int, misread: float, careless: float
) -> None:
    drawn = occasions(WORLDS[name], 2_000, 10, rng())
    assert {len(occasion.voted) for occasion in drawn} == {votes}
    assert all(len(set(occasion.voted.tolist())) == votes for occasion in drawn)
    assert np.mean([occasion.read != occasion.mood for occasion in drawn]) == pytest.approx(
        misread, abs=0.03
    )
    assert np.mean([occasion.careless for occasion in drawn]) == pytest.approx(careless, abs=0.02)
