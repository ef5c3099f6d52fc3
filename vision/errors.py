"""Errors of reading a photo and of training.

VisionError
├── UnreadablePhoto         we cannot open these bytes as a photo
│   ├── PhotoMissing        no file of that name
│   ├── EmptyPhoto          zero bytes
│   ├── NotAPhoto           another kind of file, or an unsupported format
│   ├── DamagedPhoto        a photo, but truncated or corrupt
│   ├── AnimatedPhoto       more than one frame
│   ├── PhotoTooSmall       too few pixels to hold a face
│   └── PhotoTooLarge       more bytes or pixels than we decode
├── UnreadableVideo         we cannot open these bytes as a video
│   ├── NotAVideo           another kind of file, or an unsupported format
│   ├── DamagedVideo        a video, but truncated or corrupt
│   ├── VideoTooLong        longer than we analyse
│   └── VideoTooLarge       more bytes or pixels than we decode
├── NoFaceFound             a valid photo in which Haar finds no face
├── FaceTooSmall            a face with too few pixels
├── FaceTooDark             a face with hardly any light on it
├── FaceTooBlurred          a face without detail
├── WeightsMissing          there is no weight file
└── WeightsAltered          the weight file does not match its pinned SHA-256

TrainingError
├── UnusableData            the data set lacks what training needs
├── UnusableWeights         the initial weights do not fit the network
├── UnusableFolder          the folder has another run, no run to resume, or is not writable
├── TrainingStopped         the run was stopped on request; it can be resumed
└── TrainingDiverged        the loss or a weight is no longer finite

Every class can be pickled: errors travel from the worker process to the bot.
"""


class VisionError(Exception):
    """A photo cannot be turned into a reading."""


class UnreadablePhoto(VisionError):
    """The bytes are not a photo that we can open."""


class PhotoMissing(UnreadablePhoto):
    """There is no readable file of that name."""


class EmptyPhoto(UnreadablePhoto):
    """The file is empty."""


class NotAPhoto(UnreadablePhoto):
    """The bytes are another kind of file, or an unsupported picture format."""


class DamagedPhoto(UnreadablePhoto):
    """The bytes begin like a photo but are truncated or corrupt."""


class AnimatedPhoto(UnreadablePhoto):
    """The picture has several frames, and we cannot tell which one to read."""


class PhotoTooSmall(UnreadablePhoto):
    """The photo is too small to hold a face."""


class PhotoTooLarge(UnreadablePhoto):
    """The photo has more bytes or pixels than we decode."""


class UnreadableVideo(VisionError):
    """The bytes are not a video that we can open."""


class NotAVideo(UnreadableVideo):
    """The bytes are another kind of file, or an unsupported video format."""


class DamagedVideo(UnreadableVideo):
    """The bytes begin like a video but are truncated or corrupt."""


class VideoTooLong(UnreadableVideo):
    """The video is longer than we analyse."""


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
    """There is no weight file."""


class WeightsAltered(VisionError):
    """The weight file does not match its pinned SHA-256, or does not fit the network."""


class TrainingError(Exception):
    """A training run cannot start or continue; the message is one sentence."""


class UnusableData(TrainingError):
    """The data set is missing, malformed, or too small."""


class UnusableWeights(TrainingError):
    """The initial weights are missing or do not fit the network."""


class UnusableFolder(TrainingError):
    """The folder has another run, no run to resume, or is not writable."""


class TrainingStopped(TrainingError):
    """The run was stopped on request; its folder has the checkpoint to resume from."""


class TrainingDiverged(TrainingError):
    """The loss or a weight is no longer a finite number."""
