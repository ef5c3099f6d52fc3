"""The features of the taste model, which mean the same in any catalogue.

A trait is a number about a track at a position in a playlist: how well it fits there, its
popularity, its sound. Each sound also enters squared, so that a listener may like a medium level
best.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import FEATURES

FEATURE_CENTRES: Final = np.array([0.5, 0.68, 120.0, 0.2, 0.65, 0.57, -7.0], dtype=np.float32)
"""The centre of each of `FEATURES` in popular music, fixed so that votes keep their meaning when
the catalogue is replaced."""

FEATURE_SCALES: Final = np.array([0.25, 0.2, 30.0, 0.25, 0.15, 1.0, 4.0], dtype=np.float32)
"""The scale of each feature: about its standard deviation, fixed for the same reason. The mode, a
binary feature, counts half."""

SQUARED: Final = tuple(name for name in FEATURES if name != "mode")
"""The features whose squares are traits too; that of the binary mode would be redundant."""

PLACE_TRAITS: Final = ("here", "valence_wanted", "energy_wanted", "fit", "support")
"""The traits that depend on the position: an intercept and its change with the mood; minus the
track's distance to the target; and minus the misfit of its supporting features."""

SOUND_TRAITS: Final = (*FEATURES, *(f"{name}²" for name in SQUARED))

TRAITS: Final = (*PLACE_TRAITS, "popularity", *SOUND_TRAITS)
"""The order of traits in every array."""

SOUND: Final = slice(len(TRAITS) - len(SOUND_TRAITS), len(TRAITS))
"""The indices of the sound among `TRAITS`."""

_MOST: Final = 3.0
"""Sounds are clipped at this many steps from the centre."""

_SQUARED_COLUMNS: Final = [FEATURES.index(name) for name in SQUARED]


def sound_traits(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sound of tracks, float32 (n, `len(SOUND_TRAITS)`).

    Args:
        features: Raw features, float32 (n, K), in the order of `FEATURES`.
    """
    steps = np.clip((features - FEATURE_CENTRES) / FEATURE_SCALES, -_MOST, _MOST)  # (n, K)
    return np.hstack([steps, steps[:, _SQUARED_COLUMNS] ** 2 - 1]).astype(np.float32)


def place_traits(
    points: Sequence[tuple[float, float]] | NDArray[np.floating],
    distances: NDArray[np.floating],
    misfits: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return the traits that depend on the position, float64 (n, `len(PLACE_TRAITS)`).

    Args:
        points: Target valence and energy, percentiles 0..1, (n, 2).
        distances: Distances to the targets, in tolerances, (n,).
        misfits: Misfits of the supporting features; 0 is perfect, (n,).
    """
    wanted = np.asarray(points, dtype=np.float64).reshape(-1, 2) - 0.5
    return np.column_stack([np.ones(len(wanted)), wanted, -np.asarray(distances), -misfits])
