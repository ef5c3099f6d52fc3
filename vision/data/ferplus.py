"""FER+ votes for the faces of FER-2013.

Goodfellow et al.: Challenges in Representation Learning, 2013 (FER-2013); Barsoum et al.:
Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution,
2016 (FER+). The model card describes the file format.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FERPLUS_COLUMNS: Final = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    "neutral",
)
"""FER+ column names of `EMOTIONS`, in the same order."""


def votes_for_emotions(
    votes: NDArray[np.integer[Any]], columns: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the votes for each of `EMOTIONS`, (N, 7), and whether each row is clear, (N,).

    A row is clear if one emotion has at least as many votes as contempt, unknown and not-a-face
    together.

    Args:
        votes: (N, columns).
        columns: FER+ names of the columns; they include `FERPLUS_COLUMNS`.
    """
    counts = votes.astype(np.int64)  # sums of uint8 could overflow
    emotions = counts[:, [columns.index(name) for name in FERPLUS_COLUMNS]]
    most = emotions.max(axis=1, initial=0)
    is_clear = (most > 0) & (most >= counts.sum(axis=1) - emotions.sum(axis=1))
    return emotions, np.asarray(is_clear)
