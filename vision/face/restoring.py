"""Removes noise and blur from rows, so that they resemble the training data.

Blur and noise are estimated from a row's power spectrum. Apart from contrast, faces of the same
size and framing have nearly the same spectrum (`_USUAL`, the medians over FER-2013's *Training*).
A Gaussian blur attenuates high frequencies in a characteristic way, and noise adds the same power
to all frequencies. The pair of blur and noise that fits the spectrum best is the estimate.

Noise is removed by non-local means (Buades et al., 2005), blur by a regularized inverse filter
(Wiener). A row about as sharp and clean as FER-2013's is not changed.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.face.crops import ROW_SIZE

# Natural logarithm of the power at 2 to 24 cycles per row.
_USUAL: Final = np.array(
    [
        *(10.94, 10.51, 9.69, 8.96, 8.41, 8.04, 7.68, 7.32, 7.06, 6.78, 6.57, 6.30),
        *(6.08, 5.86, 5.59, 5.34, 5.09, 4.83, 4.60, 4.35, 4.10, 3.89, 3.67),
    ]
)

_BLURS: Final = np.arange(0, 3.05, 0.1)  # candidate standard deviations, in pixels
_NOISES: Final = np.concatenate(
    [[0.0], np.geomspace(2, 2000, 28)]
)  # candidate powers, relative to a face
_ROUNDING: Final = 0.1  # power of rounding to integer grey levels, about 1/12
_BLUR_COST: Final = 0.003  # per pixel of blur: prefers less blur among equal fits

_NOISY_FROM: Final = 10.0
"""Grey levels of noise above which a row is denoised; 95 % of ordinary rows measure less."""

_BLURRED_FROM: Final = 0.7
"""Pixels of blur above which a row is sharpened; 95 % of ordinary rows measure below 0.5."""

_SMOOTHING: Final = 1.1  # strength of non-local means, in standard deviations of the noise
_PATCH: Final = 3  # size of the compared patches, in pixels
_WINDOW: Final = 11  # size of the search window, in pixels
# Regularization of the inverse filter, at 1 and at 2 pixels of blur. A small blur may really be a
# loss of resolution, with nothing to recover at high frequencies. Chosen on PublicTest.
_REGULARISATION: Final = (1e-2, 3e-4)
_MARGIN: Final = 16  # pixels of mirrored border, against wrap-around

Gray = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Wear:
    """The blur and noise of a row, as its spectrum shows them.

    Args:
        blur_px: Standard deviation of a Gaussian blur, in pixels of the row, 0..3.
        noise: Standard deviation of the noise, in grey levels.
    """

    blur_px: float
    noise: float


def wear_of(row: Gray) -> Wear:
    """Estimate the blur and noise of a row, uint8 (48, 48)."""
    seen = _log_spectrum(row)
    off = seen - _EXPECTED  # (blurs, noises, frequencies)
    contrast = off @ _RING_SHARES  # (blurs, noises): the row's own, which says nothing
    error = (off - contrast[..., None]) ** 2 @ _RING_SHARES + _BLUR_COST * _BLURS[:, None]
    blur, noise = np.unravel_index(error.argmin(), error.shape)
    power = _NOISES[noise] * np.exp(contrast[blur, noise])
    return Wear(float(_BLURS[blur]), float(np.sqrt(power)))


def restored(row: Gray, wear: Wear | None = None) -> Gray:
    """Return a row without its noise or blur, if it has much of either.

    Args:
        row: uint8 (48, 48).
        wear: The result of `wear_of`, if known already.
    """
    wear = wear or wear_of(row)
    if wear.noise > _NOISY_FROM:
        strength = _SMOOTHING * wear.noise
        clean = cv2.fastNlMeansDenoising(row, None, strength, _PATCH, _WINDOW)
        return np.asarray(clean, np.uint8)
    return sharpened(row, wear.blur_px) if wear.blur_px > _BLURRED_FROM else row


def sharpened(row: Gray, blur_px: float) -> Gray:
    """Undo a Gaussian blur of a given standard deviation, as far as rounding allows."""
    wide = cv2.copyMakeBorder(row, *(_MARGIN,) * 4, cv2.BORDER_REFLECT_101).astype(np.float32)
    transfer = _transfer(blur_px, _frequencies(len(wide)))
    floor = np.exp(np.interp(blur_px, (1, 2), np.log(_REGULARISATION)))
    gain = transfer * (1 + floor) / (transfer**2 + floor)
    sharp = np.fft.irfft2(np.fft.rfft2(wide) * gain, s=wide.shape)
    inner = sharp[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return np.asarray(np.clip(np.rint(inner), 0, 255), np.uint8)


def _transfer(blur_px: Any, frequency: Floats) -> Floats:
    """Return the transfer function of a Gaussian blur at some cycles per pixel."""
    return np.asarray(np.exp(-2 * (np.pi * blur_px * frequency) ** 2))


def _frequencies(size: int) -> Floats:
    """Return the cycles per pixel of each coefficient of `np.fft.rfft2`."""
    return np.asarray(np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]))


def _log_spectrum(row: Gray) -> Floats:
    """Return the logarithm of the mean power at 2 to 24 cycles per row, (23,)."""
    values = (row - row.mean()) * _TAPER
    power = np.abs(np.fft.rfft2(values)) ** 2 / ROW_SIZE**2
    by_ring = np.bincount(_RING.ravel(), power.ravel()) / np.bincount(_RING.ravel())
    return np.asarray(np.log(by_ring[_RINGS] + 1e-3))


# Computed once: the ring of each coefficient, and the spectrum of each candidate pair.
_RINGS: Final = np.arange(2, 2 + len(_USUAL))
_RING: Final = np.rint(_frequencies(ROW_SIZE) * ROW_SIZE).astype(np.int64)
_TRUST: Final = np.sqrt(
    np.bincount(_RING.ravel())[_RINGS]
)  # means over more coefficients are more reliable
_RING_SHARES: Final = _TRUST / _TRUST.sum()
_HANN: Final = np.hanning(ROW_SIZE + 2)[1:-1]  # against edge effects
_TAPER: Final = np.outer(_HANN, _HANN) / np.mean(_HANN**2)
_LEFT: Final = _transfer(_BLURS[:, None], _RINGS / ROW_SIZE) ** 2  # (blurs, frequencies)
_EXPECTED: Final = np.log(
    np.exp(_USUAL) * _LEFT[:, None] + _NOISES[None, :, None] + _ROUNDING
)  # (blurs, noises, frequencies)
