"""From a photo to a `Reading`: face and eyes, a two-view network, and a picture that shows why.

Importing this package is cheap: only `vision.reader.PhotoReader` loads the network.
"""

from vision.errors import (
    FaceTooSmall,
    NoFaceFound,
    UnreadablePhoto,
    VisionError,
    WeightsAltered,
    WeightsMissing,
)
from vision.reading import EMOTIONS, Explanation, Reading, SeveralFaces, percent

__all__ = [
    "EMOTIONS",
    "Explanation",
    "FaceTooSmall",
    "NoFaceFound",
    "Reading",
    "SeveralFaces",
    "UnreadablePhoto",
    "VisionError",
    "WeightsAltered",
    "WeightsMissing",
    "percent",
]
