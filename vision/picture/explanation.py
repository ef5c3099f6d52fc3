"""Describe in words which parts of a face were decisive, such as "above all the mouth".

The heat of all views is projected to a row, where every face has its eyes at `ROW_EYES`, so each
part of a face has a fixed place. *Left* and *right* are the viewer's, since a selfie may be
mirrored: "the eye on the left" is nearer to the picture's left edge.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_EYES, ROW_SIZE, Eyes, similarity
from vision.network.gradcam import ViewHeat, density

Box = tuple[float, float, float, float]

# Left, top, right, bottom in pixels of a row, from its edge; they do not overlap. A cell of the
# feature map is 8 pixels wide, so smaller parts could not be distinguished.
_MIDDLE: Final[dict[str, list[Box]]] = {
    "the brow": [(5, 3, 43, 13.5), (20, 13.5, 28, 19)],
    "the nose": [(20, 19, 28, 23), (18, 23, 30, 32.5)],
    "the mouth": [(13, 32.5, 35, 42.5)],
    "the chin": [(13, 42.5, 35, 48)],
}
_PAIRS: Final[dict[str, list[Box]]] = {  # the left one; the right one is its mirror image
    "eye": [(6, 13.5, 20, 23)],
    "cheek": [(4, 23, 18, 32.5), (4, 32.5, 13, 43)],
}
_ELSEWHERE: Final = "what is around the face"
_NOTHING: Final = "no place spoke for it"

_FINE: Final = 2  # samples per pixel of a row, so that part edges fall between samples
_LOW: Final = 0.5  # share of the hottest place's heat below which heat is ignored
_MOST: Final = 0.6  # share from which one part is named alone
_SPREAD: Final = 0.45  # share of the top two parts below which the whole face is named
_BOTH: Final = 0.35  # ratio of the weaker to the stronger side from which both are named together


def describe_heat(heats: list[ViewHeat], eyes: Eyes) -> str:
    """Describe in a few words where the heat is.

    Args:
        heats: One for each view of the answering head.
        eyes: Centres of both eyes in the source of the heats, the one further left first.

    Returns:
        A phrase without a capital or a full stop, never empty.
    """
    return phrase(shares(heats, eyes))


def shares(heats: list[ViewHeat], eyes: Eyes) -> dict[str, float]:
    """Return each part's share of the salient heat, by the part's name.

    Only heat above half of the maximum counts, since most faces have a low, uninformative
    background. The shares sum to one, or are all zero if there is no heat.
    """
    to_row = similarity(eyes, ROW_EYES)
    shift = (_FINE - 1) / 2
    to_fine = _FINE * to_row + [[0, 0, shift], [0, 0, shift]]
    heat = density(heats, to_fine, (_FINE * ROW_SIZE, _FINE * ROW_SIZE))
    heat = np.maximum(heat - _LOW * heat.max(initial=0), 0)
    total = float(heat.sum())
    if not np.isfinite(total) or total <= 0:
        return dict.fromkeys([*_masks(), _ELSEWHERE], 0.0)
    # Sums in another order differ by rounding, so a part may slightly exceed the total.
    found = {name: min(1.0, float(heat[mask].sum()) / total) for name, mask in _masks().items()}
    return found | {_ELSEWHERE: max(0.0, 1 - sum(found.values()))}


def phrase(parts: Mapping[str, float]) -> str:
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
    """Merge the two eyes, or the two cheeks, if their shares are similar."""
    together = dict(parts)
    for name in _PAIRS:
        sides = [f"the {name} on the {side}" for side in ("left", "right")]
        less, more = sorted(parts[side] for side in sides)
        if less > _BOTH * more:
            together[f"both {name}s"] = sum(together.pop(side) for side in sides)
    return together


@cache
def _masks() -> dict[str, NDArray[np.bool_]]:
    """Return the mask of each part on a supersampled row, bool (96, 96)."""
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
