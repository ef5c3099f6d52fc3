"""Which of a library's own song categories go with an emotion."""

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
"""How people name the category of each of `targets.EMOTIONS`, in lower case."""

_TOLD = 12
"""Categories that a message lists before it only counts."""


def categories_of(emotion: str, categories: Iterable[str]) -> tuple[str, ...]:
    """Return those of the categories that go with an emotion, whatever case they are written in.

    Args:
        emotion: One of `targets.EMOTIONS`.
        categories: What the catalogue's tracks are labelled with; "" is none.

    Raises:
        NoSuchCategory: None goes with it, or there are none at all.
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
    """Return the predicate of the tracks in some categories.

    Args:
        table: The catalogue.
        categories: Some of `table.labels`.
    """
    belongs = np.array([label in categories for label in table.labels])  # (labels,)

    def is_in(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        return belongs[table.label_codes[rows]]

    return is_in
