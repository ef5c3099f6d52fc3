import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.mood.targets import (
    CALM_ENERGY,
    EMOTIONS,
    GOALS,
    MODES,
    STARTS,
    SUPPORTING,
    Target,
    plan,
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
    held = {emotion for emotion in EMOTIONS if STARTS[emotion] == GOALS[emotion]}
    assert held == {"happy", "surprise", "neutral"}


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_match_stays_at_the_start(emotion: str) -> None:
    targets = plan({emotion: 1.0}, "match", 5)
    assert {square(target) for target in targets} == {STARTS[emotion]}


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lift_goes_from_start_to_goal(emotion: str) -> None:
    targets = plan({emotion: 1.0}, "lift", 20)
    assert square(targets[0]) == STARTS[emotion]
    assert square(targets[-1]) == GOALS[emotion]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_calm_winds_down_without_saddening(emotion: str) -> None:
    targets = plan({emotion: 1.0}, "calm", 20)
    assert square(targets[0]) == STARTS[emotion]
    assert square(targets[-1]) == (max(STARTS[emotion][0], 0.5), CALM_ENERGY)
    acoustic = SUPPORTING.index("acousticness")
    lifting = plan({emotion: 1.0}, "lift", 20)
    for calm, lift in zip(targets, lifting, strict=True):
        assert calm.support[acoustic] > lift.support[acoustic]
        assert calm.weights[acoustic] > lift.weights[acoustic]


@given(moods, modes, st.integers(1, 50))
def test_targets_are_percentiles_and_monotone(
    mood: dict[str, float], mode: str, length: int
) -> None:
    targets = plan(mood, mode, length)
    assert len(targets) == length
    for target in targets:
        for percentile in (target.valence, target.energy, *target.support):
            assert 0 <= percentile <= 1
    for axis in (0, 1):
        way = [square(target)[axis] for target in targets]
        assert way in (sorted(way), sorted(way, reverse=True))


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
