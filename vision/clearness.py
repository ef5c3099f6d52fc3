"""Ranks pictures of one person by how likely their reading is right.

The score is the calibrated probability times the accuracy that a picture of this size and
sharpness retains, which the network cannot know. The retained shares come from the model card's
table of poor pictures: accuracy on degraded rows divided by accuracy on the same rows unchanged.
"""

from typing import Final

import numpy as np

from vision.face.crops import ROW_SIZE
from vision.reader import Crop, Seen

# Blur in pixels of the row; ordinary rows have half a pixel. At one pixel, the lower end of the
# measured range is used, so that the sharper of two good pictures wins.
_BLUR_PX: Final = (0.5, 1.0, 2.0, 3.0)
_LEFT_BY_BLUR: Final = (1.0, 0.96, 0.77, 0.52)

# The face's size in pixels. More than a row has add nothing.
_PIXELS: Final = (16, 24, 32, ROW_SIZE)
_LEFT_BY_SIZE: Final = (0.57, 0.86, 0.96, 1.0)

_LEFT_WITHOUT_EYES: Final = 0.93  # relative accuracy of the face head if Haar finds no eyes
_LEFT_UNDER: Final = {"none": 1.0, "mouth": 0.68, "eyes": 0.86}


def clearness(crop: Crop) -> float:
    """Return the share of the network's accuracy retained at this size, blur and eyes, 0..1."""
    blur = float(np.interp(crop.wear.blur_px, _BLUR_PX, _LEFT_BY_BLUR))
    size = float(np.interp(crop.face.size, _PIXELS, _LEFT_BY_SIZE))
    return blur * size * (1.0 if crop.is_found else _LEFT_WITHOUT_EYES)


def trust(seen: Seen, emotion: str | None = None) -> float:
    """Return the score of a face for an emotion, by default the one read in it, 0..1.

    It ranks pictures of one person; do not show it as a probability.
    """
    reading = seen.reading
    probability = reading.probabilities[emotion or reading.emotion]
    return probability * clearness(seen.crop) * _LEFT_UNDER[reading.covered]
