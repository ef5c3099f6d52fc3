"""Heat maps: where a view spoke for an emotion.

With pooled features and a linear head, the gradient of an emotion's logit by the last feature map
is that emotion's column of the head's kernel, over the number of cells, everywhere on the map.
So Grad-CAM on the logits (Selvaraju et al., 2017) equals CAM (Zhou et al., 2016): the map times
the kernel, and no backward pass is needed.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.crops import Affine, chain, inverse

_SOFTNESS: Final = 0.35  # blur of the drawn map, in cells, that hides the grid
_REDUCTION: Final = 4  # the map is drawn so much smaller, since it is smooth anyway

Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ViewHeat:
    """What one view adds to an emotion's logit, place by place.

    Args:
        cells: float32 (h, w), never negative, in logits per cell.
        to_view: Takes a point of the source to the view, see `vision.crops`.
        view_size: Width and height of the view in pixels.
    """

    cells: Heat
    to_view: Affine
    view_size: tuple[int, int]


def cam(feature_map: NDArray[np.floating[Any]], weights: NDArray[np.floating[Any]]) -> Heat:
    """Return what each cell adds to a logit, where it speaks for the emotion.

    Args:
        feature_map: (h, w, C), before pooling.
        weights: (C,), the emotion's column of the head's kernel.

    Returns:
        float32 (h, w): the gradient-weighted map, negative values cut to zero.
    """
    height, width, _ = feature_map.shape
    added = feature_map.astype(np.float32) @ weights.astype(np.float32) / (height * width)
    return np.asarray(np.maximum(added, 0), dtype=np.float32)


def render(heats: list[ViewHeat], to_picture: Affine, size: tuple[int, int]) -> Heat:
    """Draw the heat of all views into one picture of the source.

    Args:
        heats: One for each view that the answering head saw.
        to_picture: Takes a point of the source to the picture.
        size: Width and height of the picture in pixels.

    Returns:
        float32 (height, width), 0..1 with a maximum of 1, or zero everywhere where nothing spoke
        for the emotion.
    """
    small = (-(-size[0] // _REDUCTION), -(-size[1] // _REDUCTION))
    to_small = to_picture / _REDUCTION
    total = np.zeros((small[1], small[0]), np.float32)
    for heat in heats:
        total += _project(heat, to_small, small)
    total = np.asarray(cv2.resize(total, size, interpolation=cv2.INTER_LINEAR))
    largest = float(total.max(initial=0))
    if not np.isfinite(largest) or largest <= 0:
        return np.zeros_like(total)
    return np.asarray(np.clip(total / largest, 0, 1), dtype=np.float32)


def _project(heat: ViewHeat, to_picture: Affine, size: tuple[int, int]) -> Heat:
    rows, columns = heat.cells.shape
    width, height = heat.view_size
    step = np.array([width / columns, height / rows])  # view pixels per cell
    # A cell's value belongs to its middle; around the map lies a border of nothing.
    cells_to_view = np.column_stack([np.diag(step), -step / 2 - 0.5])
    cells = np.pad(heat.cells, 1)
    affine = chain(cells_to_view, chain(inverse(heat.to_view), to_picture))
    drawn = cv2.warpAffine(cells, affine, size, flags=cv2.INTER_LINEAR)
    cell_px = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))  # picture pixels per cell
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), max(_SOFTNESS * cell_px, 0.5)), np.float32)
