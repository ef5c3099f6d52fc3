"""Heat maps: which places in a view raised an emotion's logit.

The head is linear on average-pooled features. So the gradient of an emotion's logit with respect
to the last feature map is the same in every cell: the emotion's column of the head's kernel,
divided by the number of cells. Grad-CAM on the logits (Selvaraju et al., 2017) thus equals CAM
(Zhou et al., 2016): feature map times kernel, without a backward pass.

Stretching the map over the view would misplace the cells. Each stride of ResNet50 keeps the first
of two neighbours, and its padding is symmetric. So the cell in row i and column j is centred on
the pixel (16 i, 16 j), half a cell further up and left.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import Affine, chain, inverse

_SOFTNESS: Final = 0.35  # blur of the drawn map, in cells; hides the grid
_FINE: Final = 4  # pixels per cell and direction when blurring

Heat = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ViewHeat:
    """A view's contribution to an emotion's logit, cell by cell.

    Args:
        cells: float32 (h, w), never negative, in logits per cell.
        to_view: Maps a point of the source to the view; see `vision.face.crops`.
        view_size: Width and height of the view in pixels.
    """

    cells: Heat
    to_view: Affine
    view_size: tuple[int, int]

    @property
    def logits(self) -> float:
        """The view's total contribution."""
        return float(self.cells.sum())


def cam(feature_map: NDArray[np.floating[Any]], weights: NDArray[np.floating[Any]]) -> Heat:
    """Return each cell's positive contribution to an emotion's logit.

    Args:
        feature_map: (h, w, C), before pooling.
        weights: (C,), the emotion's column of the head's kernel.

    Returns:
        float32 (h, w): the gradient-weighted map, with negative values set to zero.
    """
    height, width, _ = feature_map.shape
    added = feature_map.astype(np.float32) @ weights.astype(np.float32) / (height * width)
    return np.asarray(np.maximum(added, 0), dtype=np.float32)


def render(heats: list[ViewHeat], to_picture: Affine, size: tuple[int, int]) -> Heat:
    """Return the heat of all views in one picture, scaled to 0..1.

    Returns:
        `density` divided by its maximum; zeros if there is no heat.
    """
    total = density(heats, to_picture, size)
    largest = float(total.max(initial=0))
    if not np.isfinite(largest) or largest <= 0:
        return np.zeros_like(total)
    return np.asarray(np.clip(total / largest, 0, 1), dtype=np.float32)


def density(heats: list[ViewHeat], to_picture: Affine, size: tuple[int, int]) -> Heat:
    """Return the heat of all views in one picture, in logits per pixel.

    Args:
        heats: One for each view of the answering head.
        to_picture: Maps a point of the source to the picture.
        size: Width and height of the picture in pixels.

    Returns:
        float32 (height, width). If the picture contains all views, it sums to the sum of their
        cells.
    """
    total = np.zeros(size[::-1], np.float32)
    for heat in heats:
        total += _project(heat, to_picture, size)
    return total


def _project(heat: ViewHeat, to_picture: Affine, size: tuple[int, int]) -> Heat:
    rows, columns = heat.cells.shape
    width, height = heat.view_size
    # Blur on a grid only a little finer than the cells, whose size does not depend on the picture.
    # A border of zeros lets the heat fade out at the edges.
    cells = cv2.copyMakeBorder(heat.cells, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    fine = cv2.resize(cells, None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_LINEAR)
    fine = cv2.GaussianBlur(fine, (0, 0), _SOFTNESS * _FINE)
    step = np.array([width / columns, height / rows]) / _FINE  # view pixels per pixel of the grid
    # Place each cell at the centre of what it sees; see the module docstring.
    to_view = np.column_stack([np.diag(step), (0.5 - 1.5 * _FINE) * step])
    affine = chain(to_view, chain(inverse(heat.to_view), to_picture))
    drawn = cv2.warpAffine(fine, affine, size, flags=cv2.INTER_LINEAR)
    pixels_per_cell = _FINE**2 * abs(np.linalg.det(affine[:, :2]))
    return np.asarray(drawn / pixels_per_cell, np.float32)
