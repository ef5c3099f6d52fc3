"""Which of a library's own song categories go with an emotion."""

from collections.abc import Iterable

from recommender.errors import NoSuchCategory

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
        raise NoSuchCategory(
            f"no category goes with {emotion} (it would be called "
            f"{' or '.join(WORDS[emotion])}); there are {', '.join(named)}"
        )
    return found
