"""Matches a catalogue's own song categories to emotions."""

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.errors import NoSuchCategory
from recommender.ranking.filters import Predicate

WORDS = {
    "angry": ("angry", "anger"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "fearful", "afraid", "scared"),
    "happy": ("happy", "happiness", "joy", "joyful"),
    "sad": ("sad", "sadness"),
    "surprise": ("surprise", "surprised"),
    "neutral": ("neutral",),
}
"""Names of the matching category for each of `targets.EMOTIONS`, in lower case."""

_TOLD = 12
"""Maximum number of categories that a message lists."""


def categories_of(emotion: str, categories: Iterable[str]) -> tuple[str, ...]:
    """Return the categories that match an emotion, ignoring case.

    Args:
        emotion: One of `targets.EMOTIONS`.
        categories: The labels in the catalogue; "" is none.

    Raises:
        NoSuchCategory: No category matches, or there are none at all.
    """
    named = sorted(category for category in categories if category)
    if not named:
        raise NoSuchCategory(
            "the catalogue's tracks are in no categories: teach them with "
            "`mirrortape catalogue label FILE.csv`"
        )
    found = tuple(category for category in named if category.casefold() in WORDS[emotion])
    if not found:
        more = f" and {len(named) - _TOLD} more" if len(named) > _TOLD else ""
        raise NoSuchCategory(
            f"no category goes with {emotion} (it would be called "
            f"{' or '.join(WORDS[emotion])}); there are {', '.join(named[:_TOLD])}{more}"
        )
    return found


def in_categories(table: TrackTable, categories: Collection[str]) -> Predicate:
    """Return the predicate for tracks in some of `table.labels`."""
    belongs = np.array([label in categories for label in table.labels])  # (labels,)

    def is_in(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        return belongs[table.label_codes[rows]]

    return is_in
