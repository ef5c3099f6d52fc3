"""Denoise or deblur a row, so that it looks more like the network's training data.

Blur and noise are estimated from the row's power spectrum. Faces of the same size and framing
have nearly the same spectrum, up to their contrast (`_USUAL`, the medians over FER-2013's
*Training*). A Gaussian blur attenuates the high frequencies in a characteristic way, and noise
adds equal power to all of them. The estimate is the pair of blur and noise that fits best.

Noise is then removed by non-local means (Buades et al., 2005), blur by a regularised inverse
filter (Wiener). A row about as sharp and clean as FER-2013's stays unchanged.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_SIZE

# Natural logarithm of the power at 2, 3, … 24 cycles per row.
_USUAL: Final = np.array(
    [
        *(10.94, 10.51, 9.69, 8.96, 8.41, 8.04, 7.68, 7.32, 7.06, 6.78, 6.57, 6.30),
        *(6.08, 5.86, 5.59, 5.34, 5.09, 4.83, 4.60, 4.35, 4.10, 3.89, 3.67),
    ]
)

_BLURS: Final = np.arange(0, 3.05, 0.1)  # candidate standard deviations, in pixels
_NOISES: Final = np.concatenate([[0.0], np.geomspace(2, 2000, 28)])  # candidate noise powers
_ROUNDING: Final = 0.1  # power of the rounding to whole grey levels, about 1/12
_BLUR_COST: Final = 0.003  # per pixel of blur: of two equal fits, prefer the smaller blur

_NOISY_FROM: Final = 10.0
"""Grey levels; the estimate for 95 % of clean rows is lower."""

_BLURRED_FROM: Final = 0.7
"""Pixels; the estimate for 95 % of clean rows is below 0.5."""

_SMOOTHING: Final = 1.1  # filter strength of non-local means, in standard deviations of the noise
_PATCH: Final = 3  # side of its patches in pixels
_WINDOW: Final = 11  # side of its search window in pixels
# Of the inverse filter, at 1 and at 2 pixels of blur; chosen on PublicTest. Stronger for a small
# blur, which may be a loss of resolution: its high frequencies hold nothing to restore.
_REGULARISATION: Final = (1e-2, 3e-4)
_MARGIN: Final = 16  # mirrored border in pixels, so that opposite sides do not wrap around

Gray = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Degradation:
    """Blur and noise of a row, as estimated from its spectrum.

    Args:
        blur_px: Standard deviation of a Gaussian blur, in pixels of the row, 0..3.
        noise: Standard deviation of the noise, in grey levels.
    """

    blur_px: float
    noise: float


def estimate_degradation(row: Gray) -> Degradation:
    """Estimate how blurred and how noisy a row, uint8 (48, 48), is."""
    residual = _log_spectrum(row) - _EXPECTED  # (blurs, noises, frequencies)
    contrast = residual @ _RING_WEIGHTS  # (blurs, noises): the row's own, fitted and ignored
    error = (residual - contrast[..., None]) ** 2 @ _RING_WEIGHTS + _BLUR_COST * _BLURS[:, None]
    blur, noise = np.unravel_index(error.argmin(), error.shape)
    power = _NOISES[noise] * np.exp(contrast[blur, noise])
    return Degradation(float(_BLURS[blur]), float(np.sqrt(power)))


def restore(row: Gray, degradation: Degradation | None = None) -> Gray:
    """Denoise or deblur a row, if it is noisy or blurred enough.

    Args:
        row: uint8 (48, 48).
        degradation: Its `estimate_degradation`, if already known.
    """
    degradation = degradation or estimate_degradation(row)
    if degradation.noise > _NOISY_FROM:
        strength = _SMOOTHING * degradation.noise
        clean = cv2.fastNlMeansDenoising(row, None, strength, _PATCH, _WINDOW)
        return np.asarray(clean, np.uint8)
    return deblur(row, degradation.blur_px) if degradation.blur_px > _BLURRED_FROM else row


def deblur(row: Gray, blur_px: float) -> Gray:
    """Undo a Gaussian blur of this standard deviation, as far as rounding allows."""
    wide = cv2.copyMakeBorder(row, *(_MARGIN,) * 4, cv2.BORDER_REFLECT_101).astype(np.float32)
    transfer = _transfer(blur_px, _frequencies(len(wide)))
    floor = np.exp(np.interp(blur_px, (1, 2), np.log(_REGULARISATION)))
    gain = transfer * (1 + floor) / (transfer**2 + floor)
    sharp = np.fft.irfft2(np.fft.rfft2(wide) * gain, s=wide.shape)
    inner = sharp[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return np.asarray(np.clip(np.rint(inner), 0, 255), np.uint8)


def _transfer(blur_px: Any, frequency: Floats) -> Floats:
    """Return the gain of a Gaussian blur at a frequency in cycles per pixel."""
    return np.asarray(np.exp(-2 * (np.pi * blur_px * frequency) ** 2))


def _frequencies(size: int) -> Floats:
    """Return the frequency, in cycles per pixel, of each coefficient of `np.fft.rfft2`."""
    return np.asarray(np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]))


def _log_spectrum(row: Gray) -> Floats:
    """Return the logarithm of the mean power at 2, 3, … 24 cycles per row, (23,)."""
    values = (row - row.mean()) * _TAPER
    power = np.abs(np.fft.rfft2(values)) ** 2 / ROW_SIZE**2
    by_ring = np.bincount(_RING.ravel(), power.ravel()) / np.bincount(_RING.ravel())
    return np.asarray(np.log(by_ring[_RINGS] + 1e-3))


# Precomputed: the frequency ring of each coefficient, and the spectrum of each blur and noise.
_RINGS: Final = np.arange(2, 2 + len(_USUAL))
_RING: Final = np.rint(_frequencies(ROW_SIZE) * ROW_SIZE).astype(np.int64)
_PRECISION: Final = np.sqrt(np.bincount(_RING.ravel())[_RINGS])  # of a mean over a ring
_RING_WEIGHTS: Final = _PRECISION / _PRECISION.sum()
_HANN: Final = np.hanning(ROW_SIZE + 2)[1:-1]  # suppresses the jump at the border
_TAPER: Final = np.outer(_HANN, _HANN) / np.mean(_HANN**2)
_BLUR_GAINS: Final = _transfer(_BLURS[:, None], _RINGS / ROW_SIZE) ** 2  # (blurs, frequencies)
_EXPECTED: Final = np.log(
    np.exp(_USUAL) * _BLUR_GAINS[:, None] + _NOISES[None, :, None] + _ROUNDING
)  # (blurs, noises, frequencies)
