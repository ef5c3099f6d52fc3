"""Rows of FER-2013 with their labels and FER+ votes.

Goodfellow et al.: Challenges in Representation Learning, 2013 (FER-2013); Barsoum et al.:
Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution,
2016 (FER+). The file's format is described in the model card.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


@dataclass(frozen=True, slots=True)
class Rows:
    """Faces with what people said about them.

    Args:
        images: uint8 (N, 48, 48).
        labels: FER-2013's label, 0..6, (N,).
        majority: The emotion with the most FER+ votes, 0..6, (N,).
        is_clear: Whether that emotion has at least as many votes as contempt, unknown and
            not-a-face together, (N,).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    majority: NDArray[np.int64]
    is_clear: NDArray[np.bool_]


def load_rows(path: Path, split: str, count: int | None = None) -> Rows:
    """Load one split ("Training", "PublicTest"), or its first `count` rows."""
    with np.load(path, allow_pickle=False) as data:
        usage = list(data["usage_names"]).index(split)
        chosen = np.flatnonzero(data["usage"] == usage)[:count]
        names = [str(name) for name in data["ferplus_columns"]]
        votes = data["ferplus_votes"][chosen].astype(np.int64)
        images, labels = data["images"][chosen], data["labels"][chosen].astype(np.int64)
    columns = [names.index(name) for name in FERPLUS_COLUMNS]
    others = [index for index in range(len(names)) if index not in columns]
    emotions = votes[:, columns]  # (N, 7)
    most = emotions.max(axis=1)
    is_clear = (most > 0) & (most >= votes[:, others].sum(axis=1))
    return Rows(images, labels, emotions.argmax(axis=1), is_clear)
