"""What the taste model sees of a track in a mood, as numbers that mean the same in any catalogue.

A trait is one number about a track at a place in a playlist: how well it fits there, how well it
is known, how it sounds. Sounds come twice, as they are and squared, so that a listener may like
more of something or just the middle of it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import FEATURES

FEATURE_CENTRES: Final = np.array([0.5, 0.68, 120.0, 0.2, 0.65, 0.57, -7.0], dtype=np.float32)
"""The middle of each of `FEATURES` over popular music, fixed so that votes keep their meaning
when the catalogue is replaced."""

FEATURE_SCALES: Final = np.array([0.25, 0.2, 30.0, 0.25, 0.15, 1.0, 4.0], dtype=np.float32)
"""What counts as one step of difference in each of them: roughly its standard deviation, fixed
for the same reason. The mode, a matter of yes or no, counts half."""

SQUARED: Final = tuple(name for name in FEATURES if name != "mode")
"""The features whose squares are traits too; the mode's would say nothing new."""

PLACE_TRAITS: Final = ("here", "valence_wanted", "energy_wanted", "fit", "support")
"""What depends on the place: the listener's general readiness to like, and how it changes with
the mood; how far the track is from the target, and how far its tempo, acousticness and the other
supporting features are from what that implies, both from 0, perfect, downwards."""

SOUND_TRAITS: Final = (*FEATURES, *(f"{name}²" for name in SQUARED))

TRAITS: Final = (*PLACE_TRAITS, "popularity", *SOUND_TRAITS)
"""The order of traits in every array."""

SOUND: Final = slice(len(TRAITS) - len(SOUND_TRAITS), len(TRAITS))
"""Where the sound stands among `TRAITS`."""

_MOST: Final = 3.0
"""Steps from the centre beyond which a sound is not heard as still further off."""

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
    """Return how tracks stand at their places, float64 (n, `len(PLACE_TRAITS)`).

    Args:
        points: Wanted valence and energy, percentiles 0..1, (n, 2).
        distances: To them, in tolerances, (n,).
        misfits: Of the supporting features, 0 is perfect, (n,).
    """
    wanted = np.asarray(points, dtype=np.float64).reshape(-1, 2) - 0.5
    return np.column_stack([np.ones(len(wanted)), wanted, -np.asarray(distances), -misfits])
