"""From a mood to what the music should be like, position by position.

A mood is a point in the square of valence and energy. Where listeners *start* follows the
pleasure and arousal of Russell & Mehrabian, "Evidence for a three-factor theory of emotions"
(Journal of Research in Personality 11, 1977), mapped to 0..1. Where *lift* takes them follows the
iso principle (Altshuler, "A psychiatrist's experience with music as a therapeutic agent", 1948):
meet the listener's mood first, then lead it away step by step.

All coordinates are percentiles of the catalogue, not raw values: what counts as calm depends on
what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.catalogue.tracks import FEATURES

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The emotions that have targets, in the order of FER-2013's ids."""

MODES = ("match", "lift", "calm")
"""match holds the start, lift glides from start to goal, calm glides to where nothing stirs."""

STARTS = {
    "angry": (0.25, 0.80),
    "disgust": (0.20, 0.68),
    "fear": (0.18, 0.80),
    "happy": (0.91, 0.76),
    "sad": (0.19, 0.37),
    "surprise": (0.70, 0.84),
    "neutral": (0.50, 0.50),
}
"""Valence and energy at which a listener in this mood is met."""

GOALS = STARTS | {
    "angry": (0.45, 0.25),  # soothing, stress-reducing
    "disgust": (0.60, 0.55),  # neutral, inspiring
    "fear": (0.50, 0.25),  # peaceful, safe
    "sad": (0.55, 0.45),  # comforted first, then lighter
}
"""Valence and energy to which lift leads; the other moods are worth staying in."""

CALM_VALENCE = 0.50
"""Calm music is at least this positive, so that it soothes instead of saddening."""

CALM_ENERGY = 0.20
CALM_ACOUSTICNESS = 0.95

SUPPORTING = FEATURES[2:]
"""The features that support valence and energy: tempo, acousticness, danceability, mode,
loudness."""

_SUPPORT_SLOPES = np.array(
    [
        # valence, energy
        [0.1, 0.4],  # tempo: faster music is more arousing
        [0.0, -0.6],  # acousticness: what is not electric or loud is calmer
        [0.4, 0.0],  # danceability: positive music moves
        [0.4, 0.0],  # mode: major keys sound happier
        [0.0, 0.7],  # loudness: louder music is more arousing
    ]
)
"""How far each supporting percentile leaves the middle as valence and energy do. The signs are
those found by music psychology (Gabrielsson & Lindström, "The role of structure in the musical
expression of emotions", 2010); the sizes are near the regression slopes in popular music."""

_SUPPORT_WEIGHTS = (0.20, 0.32, 0.20, 0.14, 0.14)
_CALM_WEIGHTS = (0.20, 1.00, 0.10, 0.14, 0.28)


@dataclass(frozen=True, slots=True)
class Target:
    """What one position of a playlist should be like, in percentiles of the catalogue, 0..1.

    Args:
        support: The wanted percentile of each of `SUPPORTING`.
        weights: How much each of those matters; they sum to about 1 unless one is urgent.
    """

    valence: float
    energy: float
    support: tuple[float, ...]
    weights: tuple[float, ...]


def plan(probabilities: Mapping[str, float], mode: str, length: int) -> tuple[Target, ...]:
    """Return the target of each position.

    Args:
        probabilities: How much of each emotion there is; need not sum to one, and what is left
            out counts as nothing. Starts and goals are blended by it.
        mode: One of `MODES`.
        length: How many positions, at least 1. A glide of one stays at its start.

    Raises:
        ValueError: Unknown emotion or mode, no emotion at all, or a length below 1.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
    if length < 1:
        raise ValueError(f"a playlist needs at least one track, not {length}")
    start, goal = _blend(probabilities, STARTS), _blend(probabilities, GOALS)
    if mode == "match":
        goal = start
    elif mode == "calm":
        goal = (max(start[0], CALM_VALENCE), CALM_ENERGY)
    steps = [i / (length - 1) if length > 1 else 0.0 for i in range(length)]
    return tuple(
        _target(
            _between(start[0], goal[0], step),
            _between(start[1], goal[1], step),
            calm=mode == "calm",
        )
        for step in steps
    )


def meeting_point(probabilities: Mapping[str, float]) -> tuple[float, float]:
    """Return the valence and energy, 0..1, at which a listener in this mood is met.

    Raises:
        ValueError: Unknown emotion, or no emotion at all.
    """
    return _blend(probabilities, STARTS)


def _target(valence: float, energy: float, *, calm: bool) -> Target:
    """Add the supporting preferences that a point implies."""
    support = 0.5 + _SUPPORT_SLOPES @ np.array([valence - 0.5, energy - 0.5])
    weights = _SUPPORT_WEIGHTS
    if calm:
        support[SUPPORTING.index("acousticness")] = CALM_ACOUSTICNESS
        weights = _CALM_WEIGHTS
    return Target(valence, energy, tuple(float(wanted) for wanted in support), weights)


def _blend(
    probabilities: Mapping[str, float], points: Mapping[str, tuple[float, float]]
) -> tuple[float, float]:
    unknown = sorted(set(probabilities) - set(points))
    if unknown:
        raise ValueError(f"unknown emotion {unknown[0]!r}; choose one of {', '.join(EMOTIONS)}")
    total = sum(probabilities.values())
    if not total > 0:
        raise ValueError("the probabilities name no emotion")
    valence = sum(share * points[emotion][0] for emotion, share in probabilities.items())
    energy = sum(share * points[emotion][1] for emotion, share in probabilities.items())
    return valence / total, energy / total


def _between(start: float, goal: float, step: float) -> float:
    """Return the point at a share of the way, exactly the ends at 0 and 1."""
    return goal if step == 1 else start + step * (goal - start)
