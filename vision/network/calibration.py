"""Temperature scaling, so that answers with a confidence of 70 % are right 70 % of the time.

Each head's logits are divided by one temperature before the softmax. It is fitted by maximum
likelihood on labelled rows (Guo et al.: On Calibration of Modern Neural Networks, 2017).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_CANDIDATES: Final = np.geomspace(0.25, 4.0, 801)  # temperatures, 0.35 % apart

BINS: Final = 15
"""Number of confidence bins in the calibration error."""

Floats = NDArray[np.floating[Any]]


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return the softmax over the last axis."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fit_temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Return the maximum-likelihood temperature for logits, (N, C), and labels, (N,)."""
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits, t)[rows, labels] + 1e-12).mean() for t in _CANDIDATES]
    return float(_CANDIDATES[int(np.argmin(losses))])


def calibration_error(probabilities: Floats, labels: NDArray[np.int64]) -> float:
    """Return the expected calibration error: |confidence - accuracy|, averaged over bins."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = [
        abs(confidence[bins == k].sum() - is_right[bins == k].sum())
        for k in range(BINS)
        if (bins == k).any()
    ]
    return float(sum(gaps) / len(labels))
