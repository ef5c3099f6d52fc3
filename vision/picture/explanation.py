"""Says in words which parts of a face spoke for its emotion, such as "above all the mouth".

The heat of all views is mapped to a row, where the eyes of every face are at `ROW_EYES`, so the
parts of every face have the same position. *Left* and *right* mean the sides of the picture, since
a selfie may be mirrored: "the eye on the left" is nearer to the picture's left edge.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_EYES, ROW_SIZE, Eyes, similarity
from vision.network.gradcam import ViewHeat, density

Box = tuple[float, float, float, float]

# Left, top, right, bottom in pixels of a row, from its edge, without overlaps. A cell of the
# network's map is 8 pixels wide, so smaller parts could not be told apart.
_MIDDLE: Final[dict[str, list[Box]]] = {
    "the brow": [(5, 3, 43, 13.5), (20, 13.5, 28, 19)],
    "the nose": [(20, 19, 28, 23), (18, 23, 30, 32.5)],
    "the mouth": [(13, 32.5, 35, 42.5)],
    "the chin": [(13, 42.5, 35, 48)],
}
_PAIRS: Final[dict[str, list[Box]]] = {  # the one on the left; the other is its mirror image
    "eye": [(6, 13.5, 20, 23)],
    "cheek": [(4, 23, 18, 32.5), (4, 32.5, 13, 43)],
}
_ELSEWHERE: Final = "what is around the face"
_NOTHING: Final = "no place spoke for it"

_FINE: Final = 2  # samples per pixel of a row, so that each part's edge falls between two
_LOW: Final = 0.5  # heat counts above this share of the maximum
_MOST: Final = 0.6  # a part with this share of the heat is named alone
_SPREAD: Final = 0.45  # if the first two parts have less, the heat is all over the face
_BOTH: Final = 0.35  # if one eye has this share of the other's heat, both are named together


def account(heats: list[ViewHeat], eyes: Eyes) -> str:
    """Say in a few words which parts spoke for the emotion.

    Args:
        heats: One for each view that the answering head saw.
        eyes: Centres of both eyes in the source of the heats, the one further left first.

    Returns:
        A phrase without a capital or a full stop, never empty.
    """
    return in_words(shares(heats, eyes))


def shares(heats: list[ViewHeat], eyes: Eyes) -> dict[str, float]:
    """Return each part's share of the strong heat, by the part's name.

    Only heat above half of the maximum counts: weak heat covers most faces and says little. The
    shares add up to one, or all are zero if there is no heat.
    """
    to_row = similarity(eyes, ROW_EYES)
    shift = (_FINE - 1) / 2
    to_fine = _FINE * to_row + [[0, 0, shift], [0, 0, shift]]
    heat = density(heats, to_fine, (_FINE * ROW_SIZE, _FINE * ROW_SIZE))
    heat = np.maximum(heat - _LOW * heat.max(initial=0), 0)
    total = float(heat.sum())
    if not np.isfinite(total) or total <= 0:
        return dict.fromkeys([*_masks(), _ELSEWHERE], 0.0)
    # Rounding may make a part slightly larger than the whole.
    found = {name: min(1.0, float(heat[mask].sum()) / total) for name, mask in _masks().items()}
    return found | {_ELSEWHERE: max(0.0, 1 - sum(found.values()))}


def in_words(parts: Mapping[str, float]) -> str:
    """Turn the result of `shares` into a phrase."""
    ranked = sorted(_paired(parts).items(), key=lambda item: -item[1])
    (first, most), (second, less), *_ = ranked
    if most <= 0:
        return _NOTHING
    if most >= _MOST or less <= 0:
        return f"above all {first}"
    if most + less < _SPREAD:
        return f"the whole face, above all {first}"
    return f"above all {first} and {second}"


def _paired(parts: Mapping[str, float]) -> dict[str, float]:
    """Merge both eyes, or both cheeks, if each has a good share."""
    together = dict(parts)
    for name in _PAIRS:
        sides = [f"the {name} on the {side}" for side in ("left", "right")]
        less, more = sorted(parts[side] for side in sides)
        if less > _BOTH * more:
            together[f"both {name}s"] = sum(together.pop(side) for side in sides)
    return together


@cache
def _masks() -> dict[str, NDArray[np.bool_]]:
    """Return the mask of each part on an enlarged row, bool (96, 96)."""
    masks = {name: _mask(boxes) for name, boxes in _MIDDLE.items()}
    for name, boxes in _PAIRS.items():
        masks[f"the {name} on the left"] = _mask(boxes)
        masks[f"the {name} on the right"] = _mask(boxes)[:, ::-1]
    return masks


def _mask(boxes: list[Box]) -> NDArray[np.bool_]:
    mask = np.zeros((_FINE * ROW_SIZE, _FINE * ROW_SIZE), np.bool_)
    for box in boxes:
        left, top, right, bottom = (round(_FINE * edge) for edge in box)
        mask[top:bottom, left:right] = True
    return mask
