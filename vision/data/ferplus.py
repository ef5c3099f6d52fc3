"""FER+'s votes on FER-2013's faces.

Goodfellow et al.: Challenges in Representation Learning, 2013 (FER-2013); Barsoum et al.:
Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution,
2016 (FER+). The file's format is described in the model card.
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
"""FER+'s names for `EMOTIONS`, in that order."""


def votes_for_emotions(
    votes: NDArray[np.integer[Any]], columns: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the votes for each of `EMOTIONS`, (N, 7), and whether a row is clear, (N,).

    A row is clear where one emotion has at least as many votes as contempt, unknown and
    not-a-face together.

    Args:
        votes: (N, columns).
        columns: FER+'s names of the columns, `FERPLUS_COLUMNS` among them.
    """
    whole = votes.astype(np.int64)
    emotions = whole[:, [columns.index(name) for name in FERPLUS_COLUMNS]]
    most = emotions.max(axis=1, initial=0)
    is_clear = (most > 0) & (most >= whole.sum(axis=1) - emotions.sum(axis=1))
    return emotions, np.asarray(is_clear)
