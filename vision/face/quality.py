"""Face image quality: the share of the network's accuracy that a poor picture leaves.

The shares come from the model card's table of poor pictures: the accuracy on degraded rows,
divided by the accuracy on the same rows unchanged.
"""

from typing import Final

import numpy as np

from vision.face.crops import ROW_SIZE
from vision.face.restoration import Degradation

# Blur in pixels of the row; clean rows have about half a pixel. The share at one pixel is the
# lower end of its measured interval, so that the sharper of two good pictures wins.
_BLUR_PX: Final = (0.5, 1.0, 2.0, 3.0)
_SHARE_BY_BLUR: Final = (1.0, 0.96, 0.77, 0.52)

# Face size in pixels. Above the size of a row, more pixels make no difference to the network.
_SIZE_PX: Final = (16, 24, 32, ROW_SIZE)
_SHARE_BY_SIZE: Final = (0.57, 0.86, 0.96, 1.0)

_SHARE_WITHOUT_EYES: Final = (
    0.93  # the face head's accuracy when Haar finds no eyes, over all rows
)


def face_quality(size_px: float, degradation: Degradation, *, eyes_found: bool) -> float:
    """Return the share of the network's accuracy that size, blur and missing eyes leave, 0..1."""
    by_blur = float(np.interp(degradation.blur_px, _BLUR_PX, _SHARE_BY_BLUR))
    by_size = float(np.interp(size_px, _SIZE_PX, _SHARE_BY_SIZE))
    return by_blur * by_size * (1.0 if eyes_found else _SHARE_WITHOUT_EYES)
