"""Calibrates the network's readings to one listener, from the answers they gave.

Faces differ: a face that the network reads as neutral may be how somebody looks when sad. So each
listener has a *shift* b of the seven logits: p' = softmax(log p + b), where p are the network's
probabilities. It is the MAP estimate under the prior N(0, SCALE² I), given the earlier readings
and the emotion that the listener named or confirmed for each. This is multinomial logistic
regression with the log-probabilities as a fixed offset and only intercepts (Bishop, "Pattern
Recognition and Machine Learning", 2006, 4.3.4 and 4.3.5).

The inputs are always the network's own readings, never shifted ones, so that answers cannot
reinforce themselves.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.mood.targets import EMOTIONS

SCALE = 0.3
"""Prior standard deviation of a logit's shift over listeners. Small: four corrections overturn a
reading of 48 % against 35 %. In the simulation of tests/recommender/mood/test_shift.py, ten
corrections raise the accuracy by 1.3 points for a listener whose sad is read as neutral, and lower
it by 0.2 for one who needs no shift. At 0.5 these are 2.0 and 0.6."""

FLOOR = 1e-9
"""Probabilities are raised to at least this, so that every logarithm is finite."""

_MOST_STEPS = 50
_SMALLEST_STEP = 1e-10
_SLACK = 1e-9  # tolerance for rounding errors in the loss

Vector = NDArray[np.float64]


def fit_shift(readings: NDArray[np.floating], said: Sequence[str]) -> Vector:
    """Return the most probable shift of a listener's logits.

    At the solution b = SCALE² Σ (one_hot(said) - p'). So no logit moves by more than SCALE² times
    the number of readings, and the seven shifts sum to zero.

    Args:
        readings: The network's probabilities, float (n, 7), in the order of `EMOTIONS`; n may
            be 0.
        said: The emotion that the listener named or confirmed for each reading.

    Returns:
        float64 (7,); exactly zero without readings.

    Raises:
        ValueError: Unknown emotion, or not one per reading.
    """
    unknown = sorted(set(said) - set(EMOTIONS))
    if unknown:
        raise ValueError(f"unknown emotion {unknown[0]!r}; choose one of {', '.join(EMOTIONS)}")
    if np.shape(readings) != (len(said), len(EMOTIONS)):
        raise ValueError(
            f"{len(said)} answers need readings of shape ({len(said)}, {len(EMOTIONS)}),"
            f" not {np.shape(readings)}"
        )
    shift = np.zeros(len(EMOTIONS))
    if not len(said):
        return shift
    logits = _logits(readings)  # (n, 7)
    wanted = np.array([said.count(emotion) for emotion in EMOTIONS], dtype=np.float64)

    def loss(shift: Vector) -> float:
        """Return the negative log-posterior, up to a constant."""
        misfit = np.logaddexp.reduce(logits + shift, axis=1).sum() - wanted @ shift
        return float(misfit + shift @ shift / (2 * SCALE**2))

    for _ in range(_MOST_STEPS):
        shares = _softmax(logits + shift)  # (n, 7)
        slope = shares.sum(axis=0) - wanted + shift / SCALE**2
        curvature = np.diag(shares.sum(axis=0) + 1 / SCALE**2) - shares.T @ shares
        step = np.linalg.solve(curvature, slope)
        if np.abs(step).max() < _SMALLEST_STEP:
            break
        while loss(shift - step) > loss(shift) + _SLACK:
            step /= 2  # Newton's method may overshoot
        shift = shift - step
    return shift


def shifted(probabilities: NDArray[np.floating], shift: Vector) -> Vector:
    """Apply a listener's shift to probabilities.

    Args:
        probabilities: The network's, float (..., 7), in the order of `EMOTIONS`.
        shift: float64 (7,).

    Returns:
        float64 (..., 7); each row sums to one.
    """
    return _softmax(_logits(probabilities) + shift)


def _logits(probabilities: NDArray[np.floating]) -> Vector:
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), FLOOR))


def _softmax(logits: Vector) -> Vector:
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Vector = odds / odds.sum(axis=-1, keepdims=True)
    return shares
