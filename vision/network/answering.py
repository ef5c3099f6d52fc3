"""Choose the head that answers, by what of the face is visible."""

from collections.abc import Mapping
from typing import Final

from vision.reading import Covering, Head

COVERED_FROM: Final = 0.8
"""Least probability at which a part of the face counts as covered."""


def covered_part(covering: Mapping[Covering, float]) -> Covering:
    """Return the covered part, given the probability of each covering."""
    part = max(covering, key=covering.__getitem__)
    return part if covering[part] >= COVERED_FROM else "none"


def answering_head(covered: Covering, *, is_found: bool) -> Head:
    """Return the head that answers.

    Args:
        covered: The covered part of the face.
        is_found: Whether both eyes were found; otherwise their positions are estimates.
    """
    if covered == "mouth":
        return "masked"
    if covered == "eyes":
        return "shaded"
    # On PublicTest rows without found eyes, the face head is more accurate than the fused head
    # (76.2 against 75.2 %, see the model card).
    return "fused" if is_found else "face"
