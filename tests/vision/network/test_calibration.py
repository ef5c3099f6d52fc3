"""Calibration, and the votes that it is fitted on."""

import numpy as np
import pytest

from vision.data.ferplus import votes_for_emotions
from vision.network.calibration import calibration_error, fit_temperature, softmax
from vision.reading import EMOTIONS


def sampled(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and labels that are drawn from the logits' own probabilities."""
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 2, (count, 7))
    draws = rng.uniform(size=(count, 1))
    return logits, (softmax(logits).cumsum(axis=1) < draws).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_fitted_temperature_undoes_what_was_done(temperature: float) -> None:
    logits, labels = sampled(4000)
    distorted = logits * temperature
    fitted = fit_temperature(distorted, labels)
    assert fitted == pytest.approx(temperature, rel=0.08)
    before = calibration_error(softmax(distorted), labels)
    after = calibration_error(softmax(distorted, fitted), labels)
    assert after < 0.03
    if temperature != 1.0:
        assert after < before / 2


def test_the_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.tile([0.8, 0.2], (10, 1))
    labels = np.array([0] * 5 + [1] * 5)
    assert calibration_error(probabilities, labels) == pytest.approx(0.3)


def test_softmax_survives_large_logits() -> None:
    assert softmax(np.array([1000.0, 0.0])) == pytest.approx([1, 0])


def test_votes_of_a_row_that_is_clear_or_not() -> None:
    names = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"]
    names += ["contempt", "unknown", "NF"]
    votes = np.zeros((3, 10), np.uint8)
    votes[0, 4], votes[0, 0] = 6, 4  # anger
    votes[1, 6], votes[1, 9] = 4, 6  # fear, but more say that it is no face
    votes[2, 9] = 10
    emotions, is_clear = votes_for_emotions(votes, names)
    assert emotions[0].tolist() == [6, 0, 0, 0, 0, 0, 4]
    assert emotions[1, EMOTIONS.index("fear")] == 4
    assert is_clear.tolist() == [True, False, False]
