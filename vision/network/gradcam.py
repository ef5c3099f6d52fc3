"""Heat maps: which places of a view spoke for an emotion.

With pooled features and a linear head, the gradient of an emotion's logit with respect to the last
feature map is constant: the emotion's column of the head's kernel, divided by the number of cells.
So Grad-CAM on the logits (Selvaraju et al., 2017) equals CAM (Zhou et al., 2016): the map times
the kernel, without a backward pass.

Stretching the map over the view would misplace its cells. Each stride of ResNet50 keeps the first
of two neighbours, and all padding is symmetric, so the receptive field of the cell in row i and
column j is centred on the pixel (16 i, 16 j): half a cell further up and left.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import Affine, chain, inverse

_SOFTNESS: Final = 0.35  # blur of the drawn map, in cells, to hide the grid
_FINE: Final = 4  # pixels per cell and direction during the blur

Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ViewHeat:
    """How much each place of a view adds to an emotion's logit.

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
        """How much the view adds in total."""
        return float(self.cells.sum())


def cam(feature_map: NDArray[np.floating[Any]], weights: NDArray[np.floating[Any]]) -> Heat:
    """Return how much each cell adds to a logit.

    Args:
        feature_map: (h, w, C), before pooling.
        weights: (C,), the emotion's column of the head's kernel.

    Returns:
        float32 (h, w): the gradient-weighted map, negative values set to zero.
    """
    height, width, _ = feature_map.shape
    added = feature_map.astype(np.float32) @ weights.astype(np.float32) / (height * width)
    return np.asarray(np.maximum(added, 0), dtype=np.float32)


def render(heats: list[ViewHeat], to_picture: Affine, size: tuple[int, int]) -> Heat:
    """Draw the heat of all views into one picture of the source.

    Returns:
        As `density`, but scaled to a maximum of 1; zero everywhere if nothing spoke for the
        emotion.
    """
    total = density(heats, to_picture, size)
    largest = float(total.max(initial=0))
    if not np.isfinite(largest) or largest <= 0:
        return np.zeros_like(total)
    return np.asarray(np.clip(total / largest, 0, 1), dtype=np.float32)


def density(heats: list[ViewHeat], to_picture: Affine, size: tuple[int, int]) -> Heat:
    """Distribute the contributions of all views over a picture of the source.

    Args:
        heats: One for each view of the answering head.
        to_picture: Takes a point of the source to the picture.
        size: Width and height of the picture in pixels.

    Returns:
        float32 (height, width), in logits per pixel. If the views lie wholly in the picture, its
        sum is the sum of their cells.
    """
    total = np.zeros(size[::-1], np.float32)
    for heat in heats:
        total += _project(heat, to_picture, size)
    return total


def _project(heat: ViewHeat, to_picture: Affine, size: tuple[int, int]) -> Heat:
    rows, columns = heat.cells.shape
    width, height = heat.view_size
    # Blur on a grid slightly finer than the cells, which is small for any size of picture.
    # The cells are padded with zeros.
    cells = cv2.copyMakeBorder(heat.cells, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    fine = cv2.resize(cells, None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_LINEAR)
    fine = cv2.GaussianBlur(fine, (0, 0), _SOFTNESS * _FINE)
    step = np.array([width / columns, height / rows]) / _FINE  # view pixels per pixel of the grid
    # A cell's value belongs to the centre of its receptive field, see above.
    to_view = np.column_stack([np.diag(step), (0.5 - 1.5 * _FINE) * step])
    affine = chain(to_view, chain(inverse(heat.to_view), to_picture))
    drawn = cv2.warpAffine(fine, affine, size, flags=cv2.INTER_LINEAR)
    pixels_per_cell = _FINE**2 * abs(np.linalg.det(affine[:, :2]))
    return np.asarray(drawn / pixels_per_cell, np.float32)
