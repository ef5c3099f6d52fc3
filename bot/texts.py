"""Every sentence the bot says, apart from the code that sends it."""

from vision import errors as vision_errors
from vision.errors import VisionError

VISION_ERRORS: dict[type[VisionError], str] = {
    vision_errors.EmptyPhoto: "That file is empty. Please send the photo again.",
    vision_errors.NotAPhoto: (
        "That file is not a photo that I can open. A JPEG, PNG, WebP or HEIC picture works."
    ),
    vision_errors.DamagedPhoto: (
        "That photo arrived damaged or cut short. Please send it again, or another one."
    ),
    vision_errors.AnimatedPhoto: "That picture moves. Please send a still photo of your face.",
    vision_errors.PhotoTooLarge: (
        "That picture is larger than I can open. An ordinary photo of up to 50 megapixels works."
    ),
    vision_errors.NoFaceFound: (
        "I could not find a face in that photo. A picture from the front, in good light, "
        "with your face filling a good part of it, works best."
    ),
    vision_errors.FaceTooSmall: (
        "Your face is too small in that photo for me to read. Please come closer and try again."
    ),
    vision_errors.FaceTooDark: (
        "It is too dark in that photo for me to read your face. Please try with more light."
    ),
    vision_errors.FaceTooBlurred: (
        "Your face is too blurred in that photo for me to read. Please hold still and try again."
    ),
    vision_errors.WeightsMissing: "The weight file is missing. Get a complete copy of models/.",
    vision_errors.WeightsAltered: (
        "The weight file is not the one this version was tested with. Restore models/."
    ),
}
"""One kind sentence for each thing that keeps a photo from becoming a reading."""


def explain_error(error: VisionError) -> str:
    """Return the sentence for this error, or for the nearest of its parents that has one."""
    for kind in type(error).__mro__:
        if kind in VISION_ERRORS:
            return VISION_ERRORS[kind]
    return "I could not read that photo. Please try another one."
