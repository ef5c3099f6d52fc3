"""Read the emotion on a face in a photo, and draw a picture that explains the reading.

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
