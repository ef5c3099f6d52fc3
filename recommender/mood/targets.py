"""Maps a mood to a target for each position of a playlist.

A mood is a point in the valence-energy plane. The starting points are the pleasure and arousal of
Russell & Mehrabian, "Evidence for a three-factor theory of emotions" (Journal of Research in
Personality 11, 1977), mapped to 0..1. The mode *lift* follows the iso principle (Altshuler, "A
psychiatrist's experience with music as a therapeutic agent", 1948): start with music that matches
the listener's mood, then change it step by step.

All coordinates are percentiles of the catalogue, not raw values: what counts as calm depends on
the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.catalogue.tracks import FEATURES

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The emotions, in the order of FER-2013's ids."""

MODES = ("match", "lift", "calm")
"""match stays at the start; lift moves from the start to the goal; calm moves to calm music."""

STARTS = {
    "angry": (0.25, 0.80),
    "disgust": (0.20, 0.68),
    "fear": (0.18, 0.80),
    "happy": (0.91, 0.76),
    "sad": (0.19, 0.37),
    "surprise": (0.70, 0.84),
    "neutral": (0.50, 0.50),
}
"""Valence and energy where a playlist for this emotion starts."""

GOALS = STARTS | {
    "angry": (0.45, 0.25),  # soothing, stress-reducing
    "disgust": (0.60, 0.55),  # neutral, inspiring
    "fear": (0.50, 0.25),  # peaceful, safe
    "sad": (0.55, 0.45),  # comforted first, then lighter
}
"""Valence and energy where lift ends; for the other emotions it stays at the start."""

CALM_VALENCE = 0.50
"""Minimum valence of calm music, so that it soothes instead of saddening."""

CALM_ENERGY = 0.20
CALM_ACOUSTICNESS = 0.95

SUPPORTING = FEATURES[2:]
"""The features that support valence and energy: tempo, acousticness, danceability, mode,
loudness."""

_SUPPORT_SLOPES = np.array(
    [
        # valence, energy
        [0.1, 0.4],  # tempo: faster music is more arousing
        [0.0, -0.6],  # acousticness: acoustic music is calmer
        [0.4, 0.0],  # danceability: positive music is more danceable
        [0.4, 0.0],  # mode: major keys sound happier
        [0.0, 0.7],  # loudness: louder music is more arousing
    ]
)
"""Slope of each supporting percentile in valence and energy. The signs are those of music
psychology (Gabrielsson & Lindström, "The role of structure in the musical expression of emotions",
2010); the sizes are close to the regression slopes in popular music."""

_SUPPORT_WEIGHTS = (0.20, 0.32, 0.20, 0.14, 0.14)
_CALM_WEIGHTS = (0.20, 1.00, 0.10, 0.14, 0.28)


@dataclass(frozen=True, slots=True)
class Target:
    """The target of one position of a playlist, in percentiles of the catalogue, 0..1.

    Args:
        support: The target percentile of each feature in `SUPPORTING`.
        weights: The weight of each; they sum to about 1, except in calm playlists.
    """

    valence: float
    energy: float
    support: tuple[float, ...]
    weights: tuple[float, ...]


def plan(probabilities: Mapping[str, float], mode: str, length: int) -> tuple[Target, ...]:
    """Return the target of each position.

    Args:
        probabilities: The share of each emotion, by which starts and goals are averaged. Need not
            sum to one; a missing emotion counts as 0.
        mode: One of `MODES`.
        length: Number of positions, at least 1. A single position is at the start.

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
    """Return the valence and energy, 0..1, where a playlist for this mood starts.

    Raises:
        ValueError: Unknown emotion, or no emotion at all.
    """
    return _blend(probabilities, STARTS)


def _target(valence: float, energy: float, *, calm: bool) -> Target:
    """Add the supporting features that a point implies."""
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
    """Interpolate linearly; exact at 0 and 1."""
    return goal if step == 1 else start + step * (goal - start)
