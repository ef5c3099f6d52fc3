"""Photos and videos made in the test from one portrait, which comes with scikit-image."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

Frame = NDArray[np.uint8]

SIDE = 320


def portrait(side: int = SIDE) -> Frame:
    """Return the head of a smiling woman, uint8 (side, side, 3), RGB."""
    head = astronaut()[:300, 75:375]
    return np.asarray(cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def blurred(frame: Frame, sigma: float) -> Frame:
    """Return a frame as an unsteady hand sees it."""
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8)


def blank(side: int = SIDE) -> Frame:
    """Return a frame with nothing on it."""
    return np.full((side, side, 3), 120, np.uint8)


def png(frame: Frame) -> bytes:
    """Return a frame as a photo."""
    _, content = cv2.imencode(".png", frame[..., ::-1])
    return content.tobytes()


def film(
    folder: Path,
    frames: Iterable[Frame],
    fps: float = 10.0,
    kind: tuple[str, str] = ("mp4", "mp4v"),
) -> bytes:
    """Return frames of one size as a video."""
    suffix, codec = kind
    path, writer = folder / f"film.{suffix}", None
    for frame in frames:
        if writer is None:
            size = frame.shape[1::-1]
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
            assert writer.isOpened(), codec
        writer.write(frame[..., ::-1])
    assert writer is not None
    writer.release()
    return path.read_bytes()
