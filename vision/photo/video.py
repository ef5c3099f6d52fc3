"""Sample a few frames, spread over its length, from the bytes of an untrusted short video.

FFmpeg reads the bytes as a stream in memory, so a video is never written to disk. The length and
frame rate that a file declares are not trusted: all frames are scanned one by one, and the kept
ones are thinned out as the video turns out to be longer.
"""

import io
from typing import Final

import cv2
import numpy as np

from vision.errors import DamagedVideo, VideoTooLarge, VideoTooLong
from vision.photo.decoding import WORKING_SIDE, Photo
from vision.photo.formats import MAX_VIDEO_SECONDS, sniff_video

MAX_PIXELS: Final = 3840 * 2160
"""Largest frame in pixels: 4K, as phones record."""

MAX_FRAMES: Final = 10
"""Most frames kept; a video of more than a few seconds gives at least half as many."""

_SLACK_S: Final = 1.0  # a one-minute video may last slightly longer
_FIRST_STEP_S: Final = 0.25
_MOST_FRAMES: Final = 65 * 60  # in a minute; with more, the file's timestamps are wrong
_MOST_WORK: Final = _MOST_FRAMES * 1920 * 1080  # pixels in all: about ten seconds on two CPUs


def sample_frames(video: bytes) -> list[Photo]:
    """Return up to `MAX_FRAMES` pictures of a video, evenly spread, in order.

    Raises:
        UnreadableVideo: One of its subclasses; see `vision.errors`.
    """
    sniff_video(video)
    # OpenCV releases the stream without holding the GIL, so keep a reference of our own.
    stream = io.BytesIO(video)
    # Decode in software: which files a graphics card accepts differs between machines.
    capture = cv2.VideoCapture(  # type: ignore[call-overload]  # the stubs lack the stream overload
        stream,
        cv2.CAP_FFMPEG,
        [cv2.CAP_PROP_HW_ACCELERATION, cv2.VIDEO_ACCELERATION_NONE],
    )
    try:
        if not capture.isOpened():
            raise DamagedVideo("it cannot be opened")
        return _sample(capture)
    finally:
        capture.release()
        stream.close()


def _sample(capture: cv2.VideoCapture) -> list[Photo]:
    width, height = (
        capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if width * height > MAX_PIXELS:
        raise VideoTooLarge(f"{width:.0f}x{height:.0f} pixels; at most {MAX_PIXELS:,}")
    kept: list[tuple[float, Photo]] = []
    step_s, frames = _FIRST_STEP_S, 0
    while capture.grab():
        at_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        frames += 1
        if frames * width * height > _MOST_WORK:
            raise VideoTooLarge(f"{frames} frames of {width:.0f}x{height:.0f} pixels and more")
        if at_s > MAX_VIDEO_SECONDS + _SLACK_S or frames > _MOST_FRAMES:
            raise VideoTooLong(f"longer than {MAX_VIDEO_SECONDS} s")
        if kept and at_s < kept[-1][0] + step_s:
            continue
        is_whole, frame = capture.retrieve()
        if not is_whole or frame.size == 0:
            continue
        kept.append((at_s, _photo(np.asarray(frame, np.uint8))))
        if len(kept) > MAX_FRAMES:
            kept, step_s = kept[::2], 2 * step_s
    if not kept:
        raise DamagedVideo("no frame can be decoded")
    return [photo for _, photo in kept]


def _photo(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Photo:
    """Return a frame, uint8 (h, w, 3), BGR, as a photo of the working size."""
    height, width = frame.shape[:2]
    ratio = min(1.0, WORKING_SIDE / max(width, height))
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA) if ratio < 1 else frame
    pixels = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)
    return Photo(pixels, width, height)
