"""What answers teach about a listener's face, and that they do no harm where there is nothing."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommender.mood.shift import SCALE, fit_shift, shifted
from recommender.mood.targets import EMOTIONS

SAD, NEUTRAL = EMOTIONS.index("sad"), EMOTIONS.index("neutral")

Rows = NDArray[np.float64]
Evidence = list[tuple[Rows, str]]

probabilities = (
    st.lists(st.floats(0, 1), min_size=7, max_size=7)
    .filter(lambda parts: sum(parts) > 1e-3)
    .map(lambda parts: np.array(parts) / sum(parts))
)
emotions = st.sampled_from(EMOTIONS)
evidence = st.lists(st.tuples(probabilities, emotions), max_size=12)


def fit(pairs: Evidence) -> Rows:
    readings = np.array([read for read, _ in pairs]).reshape(-1, len(EMOTIONS))
    return fit_shift(readings, [said for _, said in pairs])


def reading(neutral: float, sad: float) -> Rows:
    row = np.full(len(EMOTIONS), (1 - neutral - sad) / 5)
    row[NEUTRAL], row[SAD] = neutral, sad
    return row


def needed(neutral: float, sad: float) -> int:
    """Return how many corrections of such a reading to sad it takes to turn the next one."""
    row = reading(neutral, sad)
    counts = (n for n in range(1, 51) if shifted(row, fit([(row, "sad")] * n)).argmax() == SAD)
    return next(counts)


# -- properties --


def test_a_shift_starts_at_nothing() -> None:
    assert fit([]).tolist() == [0.0] * 7


@given(probabilities)
def test_no_shift_changes_nothing(read: Rows) -> None:
    np.testing.assert_allclose(shifted(read, fit([])), read, atol=1e-8)


@given(evidence, probabilities, emotions)
def test_one_more_correction_never_lowers_what_was_said(
    pairs: Evidence, read: Rows, said: str
) -> None:
    before, after = fit(pairs), fit([*pairs, (read, said)])
    place = EMOTIONS.index(said)
    assert shifted(read, after)[place] >= shifted(read, before)[place] - 1e-9


@given(evidence, st.randoms(use_true_random=False))
def test_the_order_of_the_answers_does_not_matter(pairs: Evidence, random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    np.testing.assert_allclose(fit(shuffled), fit(pairs), atol=1e-8)


@given(evidence, probabilities)
def test_what_is_shifted_is_a_distribution(pairs: Evidence, read: Rows) -> None:
    result = shifted(read, fit(pairs))
    assert result.sum() == pytest.approx(1)
    assert ((result >= 0) & (result <= 1)).all()


@given(evidence)
def test_a_shift_is_bounded_and_the_best_there_is(pairs: Evidence) -> None:
    shift = fit(pairs)
    assert np.abs(shift).max() <= SCALE**2 * len(pairs) + 1e-9
    assert shift.sum() == pytest.approx(0, abs=1e-8)
    np.testing.assert_allclose(shift, SCALE**2 * surplus(pairs, shift), atol=1e-7)


def surplus(pairs: Evidence, shift: Rows) -> Rows:
    """Return what was said beyond what was read; the posterior's top is at SCALE² times that."""
    missed = (np.eye(7)[EMOTIONS.index(said)] - shifted(read, shift) for read, said in pairs)
    return np.sum(list(missed), axis=0) if pairs else np.zeros(7)


@pytest.mark.parametrize("count", [1, 50, 1000])
def test_answers_that_the_network_held_for_impossible_are_fitted(count: int) -> None:
    pairs = [(np.eye(7)[NEUTRAL], "sad")] * count
    shift = fit(pairs)
    assert shift.argmax() == SAD
    np.testing.assert_allclose(shift, SCALE**2 * surplus(pairs, shift), atol=1e-7)


# -- how much an answer is worth --


def test_one_correction_turns_no_sure_reading_but_a_few_turn_a_doubtful_one() -> None:
    sure = reading(0.9, 0.1)
    assert shifted(sure, fit([(sure, "sad")]))[NEUTRAL] > 0.85
    assert needed(0.48, 0.35) == 4
    assert needed(0.70, 0.15) == 18
    assert needed(0.90, 0.05) > 30


# -- listeners --


BASE = np.array([0.08, 0.03, 0.06, 0.30, 0.17, 0.10, 0.26])
"""How often each emotion is sent."""


def photos(count: int, seed: int, gloom: float) -> tuple[Rows, Sequence[int]]:
    """Return what a network reads in a listener's photos, float64 (count, 7), and what is true.

    It is right in seven of ten and knows how sure it is, but for the listener's face: their sad
    logit is `gloom` lower and their neutral one higher than other people's.
    """
    rng = np.random.default_rng(seed)
    true = rng.choice(len(EMOTIONS), size=count, p=BASE)
    signal, noise = 2.2, 1.3
    seen = signal * np.eye(7)[true] + noise * rng.normal(size=(count, 7))
    logits = np.log(BASE) + signal / noise**2 * seen
    logits[:, SAD] -= gloom
    logits[:, NEUTRAL] += gloom
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True), true


def gains(gloom: float, corrections: int) -> tuple[float, float, float]:
    """Return what answering brings on new photos, on average over 100 listeners.

    Each answers every reading until that many were corrected; the newest 50 answers count.

    Returns:
        The change of the accuracy, of the recall of sad, and of the log-loss.
    """
    changes = []
    for seed in range(100):
        read, true = photos(400, seed, gloom)
        wrong = np.flatnonzero(read.argmax(axis=1) != true)
        answered = slice(max(0, wrong[corrections - 1] - 49), wrong[corrections - 1] + 1)
        shift = fit_shift(read[answered], [EMOTIONS[i] for i in true[answered]])
        later, truth = photos(1000, 1000 + seed, gloom)
        changes.append(_quality(shifted(later, shift), truth) - _quality(later, truth))
    accuracy, recall, loss = np.mean(changes, axis=0)
    return accuracy, recall, loss


def _quality(read: Rows, true: Sequence[int]) -> Rows:
    is_right = read.argmax(axis=1) == true
    loss = -np.log(read[np.arange(len(read)), true]).mean()
    return np.array([is_right.mean(), is_right[np.equal(true, SAD)].mean(), loss])


def test_ten_corrections_help_whose_sad_is_read_as_neutral() -> None:
    accuracy, recall, loss = gains(gloom=1.0, corrections=10)
    print(f"gloomy: accuracy {accuracy:+.4f}, recall of sad {recall:+.4f}, loss {loss:+.4f}")
    assert accuracy > 0.01
    assert recall > 0.04
    assert loss < -0.03


def test_answering_does_no_harm_to_whom_is_read_like_everybody() -> None:
    accuracy, recall, loss = gains(gloom=0.0, corrections=10)
    print(f"ordinary: accuracy {accuracy:+.4f}, recall of sad {recall:+.4f}, loss {loss:+.4f}")
    assert accuracy > -0.003
    assert loss < 0.005


@pytest.mark.parametrize("said", [["glad"], ["Sad"]])
def test_an_unknown_emotion_is_refused(said: list[str]) -> None:
    with pytest.raises(ValueError, match="choose one of"):
        fit_shift(np.full((1, 7), 1 / 7), said)


def test_every_reading_needs_its_answer() -> None:
    with pytest.raises(ValueError, match=r"2 answers need readings of shape \(2, 7\)"):
        fit_shift(np.full((1, 7), 1 / 7), ["sad", "sad"])
