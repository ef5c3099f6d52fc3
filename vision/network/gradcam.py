"""Heat maps: where a view spoke for an emotion.

With pooled features and a linear head, the gradient of an emotion's logit by the last feature map
is that emotion's column of the head's kernel, over the number of cells, everywhere on the map.
So Grad-CAM on the logits (Selvaraju et al., 2017) equals CAM (Zhou et al., 2016): the map times
the kernel, and no backward pass is needed.

A cell does not lie where a map stretched over the view would have it. Each stride of ResNet50
keeps the first of two neighbours and all its padding is the same on both sides, so the cell in
row i and column j looks at the pixel (16 i, 16 j) and around it, half a cell further up and left.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import Affine, chain, inverse

_SOFTNESS: Final = 0.35  # blur of the drawn map, in cells, that hides the grid
_FINE: Final = 4  # pixels per cell and direction of the grid on which it is blurred

Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ViewHeat:
    """What one view adds to an emotion's logit, place by place.

    Args:
        cells: float32 (h, w), never negative, in logits per cell.
        to_view: Takes a point of the source to the view, see `vision.face.crops`.
        view_size: Width and height of the view in pixels.
    """

    cells: Heat
    to_view: Affine
    view_size: tuple[int, int]

    @property
    def logits(self) -> float:
        """What the view adds in all."""
        return float(self.cells.sum())


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

    Returns:
        As `density`, but 0..1 with a maximum of 1, or zero everywhere where nothing spoke for the
        emotion.
    """
    total = density(heats, to_picture, size)
    largest = float(total.max(initial=0))
    if not np.isfinite(largest) or largest <= 0:
        return np.zeros_like(total)
    return np.asarray(np.clip(total / largest, 0, 1), dtype=np.float32)


def density(heats: list[ViewHeat], to_picture: Affine, size: tuple[int, int]) -> Heat:
    """Spread what all views add over a picture of the source.

    Args:
        heats: One for each view that the answering head saw.
        to_picture: Takes a point of the source to the picture.
        size: Width and height of the picture in pixels.

    Returns:
        float32 (height, width), in logits per pixel: where the views lie wholly in the picture,
        its sum is that of their cells.
    """
    total = np.zeros(size[::-1], np.float32)
    for heat in heats:
        total += _project(heat, to_picture, size)
    return total


def _project(heat: ViewHeat, to_picture: Affine, size: tuple[int, int]) -> Heat:
    rows, columns = heat.cells.shape
    width, height = heat.view_size
    # Smooth on a grid a little finer than the cells, which is small however large the picture is.
    # Around the cells lies a border of nothing.
    cells = cv2.copyMakeBorder(heat.cells, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    fine = cv2.resize(cells, None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_LINEAR)
    fine = cv2.GaussianBlur(fine, (0, 0), _SOFTNESS * _FINE)
    step = np.array([width / columns, height / rows]) / _FINE  # view pixels per pixel of the grid
    # A cell's value belongs to the place that it looks at, see above.
    to_view = np.column_stack([np.diag(step), (0.5 - 1.5 * _FINE) * step])
    affine = chain(to_view, chain(inverse(heat.to_view), to_picture))
    drawn = cv2.warpAffine(fine, affine, size, flags=cv2.INTER_LINEAR)
    pixels_per_cell = _FINE**2 * abs(np.linalg.det(affine[:, :2]))
    return np.asarray(drawn / pixels_per_cell, np.float32)
