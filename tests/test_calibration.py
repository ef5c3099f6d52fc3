"""Calibration and the rows that it is fitted on."""

from pathlib import Path

import numpy as np
import pytest

from vision.calibration import calibration_error, fit_temperature, softmax
from vision.fer import load_rows


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


def test_rows_of_a_split_with_the_majority_of_the_votes(tmp_path: Path) -> None:
    names = [
        "neutral",
        "happiness",
        "surprise",
        "sadness",
        "anger",
        "disgust",
        "fear",
        "contempt",
        "unknown",
        "NF",
    ]
    votes = np.zeros((4, 10), np.uint8)
    votes[0, 4], votes[0, 0] = 6, 4  # anger
    votes[1, 1] = 10  # happiness, of another split
    votes[2, 6], votes[2, 9] = 4, 6  # fear, but more say that it is no face
    votes[3, 9] = 10
    path = tmp_path / "rows.npz"
    np.savez(
        path,
        images=np.arange(4 * 48 * 48, dtype=np.uint32).astype(np.uint8).reshape(4, 48, 48),
        labels=np.array([0, 3, 2, 6], np.uint8),
        usage=np.array([1, 0, 1, 1], np.uint8),
        usage_names=np.array(["Training", "PublicTest"]),
        ferplus_columns=np.array(names),
        ferplus_votes=votes,
    )
    rows = load_rows(path, "PublicTest")
    assert rows.images.shape == (3, 48, 48)
    assert rows.labels.tolist() == [0, 2, 6]
    assert rows.majority[:2].tolist() == [0, 2]
    assert rows.is_clear.tolist() == [True, False, False]
    assert load_rows(path, "Training").labels.tolist() == [3]
