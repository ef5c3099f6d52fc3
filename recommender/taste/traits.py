"""The inputs of the taste model, on scales that do not depend on the catalogue.

A trait is one number about a track at a position in a playlist: how well it fits, how popular it
is, how it sounds. Sound features also come squared, so that a medium value can be liked best.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import FEATURES

FEATURE_CENTRES: Final = np.array(
    [0.5, 0.68, 120.0, 0.2, 0.65, 0.57, -7.0, 0.0, 0.06], dtype=np.float32
)
"""The centre of each of `FEATURES` in popular music; fixed, so that votes keep their meaning when
the catalogue is replaced."""

FEATURE_SCALES: Final = np.array(
    [0.25, 0.2, 30.0, 0.25, 0.15, 1.0, 4.0, 0.25, 0.1], dtype=np.float32
)
"""The scale of each feature, roughly its standard deviation; fixed for the same reason. The mode,
which is 0 or 1, counts half."""

SQUARED: Final = tuple(name for name in FEATURES if name != "mode")
"""The features whose squares are traits too; the mode is 0 or 1, so its square adds nothing."""

PLACE_TRAITS: Final = ("here", "valence_wanted", "energy_wanted", "fit", "support")
"""The traits of a position: "here" is the intercept; the next two are the target. "fit" is minus
the distance to the target, and "support" minus the misfit of the supporting features; 0 is perfect
for both."""

SOUND_TRAITS: Final = (*FEATURES, *(f"{name}²" for name in SQUARED))

TRAITS: Final = (*PLACE_TRAITS, "popularity", *SOUND_TRAITS)
"""The order of traits in every array."""

SOUND: Final = slice(len(TRAITS) - len(SOUND_TRAITS), len(TRAITS))
"""The slice of the sound traits in `TRAITS`."""

_MOST: Final = 3.0
"""Scaled features are clipped to this distance from the centre."""

_SQUARED_COLUMNS: Final = [FEATURES.index(name) for name in SQUARED]


def scaled(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features on the fixed scales, float32 (n, K), clipped to three from the centre.

    Args:
        features: Raw features, float32 (n, K), in the order of `FEATURES`.
    """
    steps: NDArray[np.float32] = (features - FEATURE_CENTRES) / FEATURE_SCALES
    return np.clip(steps, -_MOST, _MOST)


def sound_traits(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sound traits of tracks, float32 (n, `len(SOUND_TRAITS)`).

    Args:
        features: Raw features, float32 (n, K), in the order of `FEATURES`.
    """
    steps = scaled(features)
    return np.hstack([steps, steps[:, _SQUARED_COLUMNS] ** 2 - 1]).astype(np.float32)


def track_traits(
    place: NDArray[np.float64], popularity: NDArray[np.floating], features: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return all traits of tracks at their positions, float64 (n, `len(TRAITS)`).

    Args:
        place: `place_traits`, float64 (n, `len(PLACE_TRAITS)`).
        popularity: Percentile ranks, 0..1, (n,); 0.5 if unknown.
        features: Raw features, float32 (n, K).
    """
    return np.column_stack([place, np.asarray(popularity) - 0.5, sound_traits(features)])


def place_traits(
    points: Sequence[tuple[float, float]] | NDArray[np.floating],
    distances: NDArray[np.floating],
    misfits: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return the traits of tracks at their positions, float64 (n, `len(PLACE_TRAITS)`).

    Args:
        points: Target valence and energy, 0..1, (n, 2).
        distances: Distances to the targets, in tolerances, (n,).
        misfits: Misfits of the supporting features, 0 is perfect, (n,).
    """
    wanted = np.asarray(points, dtype=np.float64).reshape(-1, 2) - 0.5
    return np.column_stack([np.ones(len(wanted)), wanted, -np.asarray(distances), -misfits])
