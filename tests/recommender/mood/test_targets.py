import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.mood.targets import (
    EMOTIONS,
    GOALS,
    MODES,
    RELAXED,
    STARTS,
    STILL,
    SUPPORTING,
    Target,
    plan,
    steps_away,
)

shares = st.floats(0, 1, allow_subnormal=False)
moods = st.dictionaries(st.sampled_from(EMOTIONS), shares, min_size=1).filter(
    lambda mood: sum(mood.values()) > 1e-3
)
modes = st.sampled_from(MODES)


def square(target: Target) -> tuple[float, float]:
    return target.valence, target.energy


def test_every_emotion_has_its_points() -> None:
    assert set(STARTS) == set(GOALS) == set(EMOTIONS)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_match_stays_at_the_start(emotion: str) -> None:
    targets = plan({emotion: 1.0}, "match", 5)
    assert {square(target) for target in targets} == {STARTS[emotion]}


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lift_goes_from_start_to_goal(emotion: str) -> None:
    targets = plan({emotion: 1.0}, "lift", 20)
    assert square(targets[0]) == STARTS[emotion]
    assert square(targets[-1]) == GOALS[emotion] != STARTS[emotion]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_calm_is_calm_from_the_first_track_on(emotion: str) -> None:
    targets = plan({emotion: 1.0}, "calm", 20, still_share=0.25)
    assert [square(target) for target in targets] == [RELAXED] * 15 + [STILL] * 5
    support = dict(zip(SUPPORTING, targets[-1].support, strict=True))
    assert support["acousticness"] > 0 < support["instrumentalness"]


@given(moods, modes, st.integers(1, 50), shares)
def test_targets_are_in_the_plane_and_monotone(
    mood: dict[str, float], mode: str, length: int, still_share: float
) -> None:
    targets = plan(mood, mode, length, still_share)
    assert len(targets) == length
    for target in targets:
        assert 0 <= target.valence <= 1 >= target.energy >= 0
        assert max(map(abs, target.direction)) <= 1
    for axis in (0, 1):
        way = [square(target)[axis] for target in targets]
        assert way in (sorted(way), sorted(way, reverse=True))


def test_the_supporting_features_lean_with_the_mood() -> None:
    happy, sad = (Target.at(*STARTS[emotion]) for emotion in ("happy", "sad"))
    mode, tempo = SUPPORTING.index("mode"), SUPPORTING.index("tempo_bpm")
    assert happy.support[mode] > 0 > sad.support[mode]
    assert happy.support[tempo] > 0 > sad.support[tempo]
    assert happy.family_support("pop") > 0 > sad.family_support("pop")
    assert happy.family_support("yodelling") == 0


def test_distances_are_in_steps() -> None:
    found = steps_away(np.array([[0.5, 0.5], [0.74, 0.5], [0.5, 0.29]]), 0.5, 0.5)
    np.testing.assert_allclose(found, [0, 1, 1])


@pytest.mark.parametrize("point", [(-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.5)])
def test_a_point_outside_the_plane_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="valence and energy are 0 to 1"):
        Target.at(*point)


@given(moods, modes)
def test_only_the_proportions_of_a_mood_count(mood: dict[str, float], mode: str) -> None:
    double = {emotion: 2 * share for emotion, share in mood.items()}
    for one, other in zip(plan(mood, mode, 3), plan(double, mode, 3), strict=True):
        assert square(one) == pytest.approx(square(other))


def test_moods_are_blended() -> None:
    (target,) = plan({"happy": 0.5, "sad": 0.5}, "match", 1)
    assert square(target) == pytest.approx(((0.91 + 0.19) / 2, (0.76 + 0.37) / 2))


@pytest.mark.parametrize(
    ("mood", "mode", "length", "words"),
    [
        ({"glad": 1.0}, "match", 1, "unknown emotion 'glad'; choose one of angry,"),
        ({"sad": 1.0}, "up", 1, "unknown mode 'up'; choose one of match, lift, calm"),
        ({"sad": 1.0}, "match", 0, "at least one track"),
        ({"sad": 0.0}, "match", 1, "name no emotion"),
        ({}, "match", 1, "name no emotion"),
        ({"sad": float("nan")}, "match", 1, "name no emotion"),
    ],
)
def test_what_makes_no_sense_is_refused(
    mood: dict[str, float], mode: str, length: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        plan(mood, mode, length)
