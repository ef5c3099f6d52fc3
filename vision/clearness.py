"""How clear a face is: what its picture leaves of the network's accuracy.

Of several pictures of one person the one is read whose answer is likeliest to be right. That is
its calibrated probability, times what the picture itself takes from accuracy and the network does
not know of. The shares come from the model card's table of poor pictures: the accuracy on changed
rows over that on the same rows unchanged.
"""

from typing import Final

import numpy as np

from vision.face.crops import ROW_SIZE
from vision.reader import Crop, Seen

# Blur in pixels of the row; plain rows have half a pixel. At one pixel it is the lower end of what
# was measured, so that of two good pictures the sharper one is shown.
_BLUR_PX: Final = (0.5, 1.0, 2.0, 3.0)
_LEFT_BY_BLUR: Final = (1.0, 0.96, 0.77, 0.52)

# Pixels that a face takes. More than a row holds show the network nothing more.
_PIXELS: Final = (16, 24, 32, ROW_SIZE)
_LEFT_BY_SIZE: Final = (0.57, 0.86, 0.96, 1.0)

_LEFT_WITHOUT_EYES: Final = 0.93  # accuracy of the face's head where Haar finds no eyes, over all
_LEFT_UNDER: Final = {"none": 1.0, "mouth": 0.68, "eyes": 0.86}


def clearness(crop: Crop) -> float:
    """Return how much of the network's accuracy a face's size, blur and eyes leave, 0..1."""
    blur = float(np.interp(crop.wear.blur_px, _BLUR_PX, _LEFT_BY_BLUR))
    size = float(np.interp(crop.face.size, _PIXELS, _LEFT_BY_SIZE))
    return blur * size * (1.0 if crop.is_found else _LEFT_WITHOUT_EYES)


def trust(seen: Seen, emotion: str | None = None) -> float:
    """Return how likely it is that a face shows an emotion, by default the one read in it, 0..1.

    It ranks pictures of one person; it is no probability to tell anybody.
    """
    reading = seen.reading
    probability = reading.probabilities[emotion or reading.emotion]
    return probability * clearness(seen.crop) * _LEFT_UNDER[reading.covered]
