"""The errors of reading photos and of training.

VisionError
├── UnreadablePhoto         the bytes are not a photo that we can open
│   ├── PhotoMissing        no file of that name
│   ├── EmptyPhoto          no bytes at all
│   ├── NotAPhoto           another kind of file, or a format that we do not open
│   ├── DamagedPhoto        a photo format, but cut short or broken
│   ├── AnimatedPhoto       more than one frame
│   ├── PhotoTooSmall       too few pixels to hold a face
│   └── PhotoTooLarge       more bytes or pixels than we decode
├── UnreadableVideo         the bytes are not a video that we can open
│   ├── NotAVideo           another kind of file, or a format that we do not open
│   ├── DamagedVideo        a video format, but cut short or broken
│   ├── VideoTooLong        more seconds than we look at
│   └── VideoTooLarge       more bytes or pixels than we decode
├── NoFaceFound             Haar finds no face in it
├── FaceTooSmall            a face with too few pixels
├── FaceTooDark             a face with hardly any light on it
├── FaceTooBlurred          a face without detail
├── WeightsMissing          the weight file is not there
└── WeightsAltered          the weight file is not the one whose SHA-256 is pinned

TrainingError
├── UnusableData            the data set is not what training needs
├── UnusableWeights         the file to start from holds no usable weights
├── UnusableFolder          the folder holds another run, no run to resume, or is read-only
├── TrainingStopped         the run was asked to stop; it can be resumed
└── TrainingDiverged        a number is no longer finite

Every class can be pickled, because errors cross from the worker process to the bot.
"""


class VisionError(Exception):
    """A photo cannot be read."""


class UnreadablePhoto(VisionError):
    """The bytes are not a photo that we can open."""


class PhotoMissing(UnreadablePhoto):
    """There is no file of that name that can be read."""


class EmptyPhoto(UnreadablePhoto):
    """There are no bytes at all."""


class NotAPhoto(UnreadablePhoto):
    """The bytes are another kind of file, or a picture format that we do not open."""


class DamagedPhoto(UnreadablePhoto):
    """The bytes begin like a photo but are cut short or broken."""


class AnimatedPhoto(UnreadablePhoto):
    """The picture has several frames, and it is unclear which one is meant."""


class PhotoTooSmall(UnreadablePhoto):
    """The photo has too few pixels on a side to hold a face."""


class PhotoTooLarge(UnreadablePhoto):
    """The photo has more bytes or pixels than we decode."""


class UnreadableVideo(VisionError):
    """The bytes are not a video that we can open."""


class NotAVideo(UnreadableVideo):
    """The bytes are another kind of file, or a video format that we do not open."""


class DamagedVideo(UnreadableVideo):
    """The bytes begin like a video but are cut short or broken."""


class VideoTooLong(UnreadableVideo):
    """The video is longer than our limit."""


class VideoTooLarge(UnreadableVideo):
    """The video has more bytes or pixels than we decode."""


class NoFaceFound(VisionError):
    """No face was found, upright or turned."""


class FaceTooSmall(VisionError):
    """There is a face, but it has too few pixels to read."""


class FaceTooDark(VisionError):
    """There is a face, but hardly any light on it."""


class FaceTooBlurred(VisionError):
    """There is a face, but it has no detail left to read."""


class WeightsMissing(VisionError):
    """The weight file is not where it should be."""


class WeightsAltered(VisionError):
    """The weight file does not have the SHA-256 that is pinned beside it."""


class TrainingError(Exception):
    """A training run cannot start or continue; the message is one sentence."""


class UnusableData(TrainingError):
    """The data set is missing, has another format, or has too little data."""


class UnusableWeights(TrainingError):
    """The weights to start from are missing or do not fit the network."""


class UnusableFolder(TrainingError):
    """The folder holds another run, holds no run to resume, or cannot be written."""


class TrainingStopped(TrainingError):
    """The run was asked to stop; its folder holds everything done so far."""


class TrainingDiverged(TrainingError):
    """The loss or a weight is no longer a finite number."""
