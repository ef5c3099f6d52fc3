"""Maps a mood to a target for each position of a playlist.

A mood is a point in the plane of Spotify's valence and energy, with the same fixed scales in any
catalogue: sad music is quiet even where the catalogue is full of party music. The starting points
are the pleasure and arousal of Russell & Mehrabian, "Evidence for a three-factor theory of
emotions" (Journal of Research in Personality 11, 1977), mapped to 0..1. The mode *lift* follows
the iso principle (Altshuler, "A psychiatrist's experience with music as a therapeutic agent",
1948): start with music that matches the listener's mood, then change it step by step. *calm* holds
calm music from the first track on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import FEATURES

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The emotions, in the order of FER-2013's ids."""

MODES = ("match", "lift", "calm")
"""match stays at the start; lift moves from the start to the goal; calm holds calm music."""

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

GOALS = {
    "angry": (0.45, 0.25),  # soothing, stress-reducing
    "disgust": (0.60, 0.55),  # neutral, inspiring
    "fear": (0.50, 0.25),  # peaceful, safe
    "happy": (0.91, 0.88),  # active and uplifting
    "sad": (0.55, 0.45),  # comforted first, then lighter
    "surprise": (0.86, 0.84),  # the thrill turns into joy
    "neutral": (0.72, 0.64),  # gently brighter and livelier
}
"""Valence and energy where lift ends."""

RELAXED = (0.55, 0.33)
STILL = (0.20, 0.15)
"""The two tempers of calm music: relaxed music is unworried, still music is nearly silent."""

STEP = (0.24, 0.21)
"""One step of valence and of energy: about their standard deviation in popular music."""

SUPPORTING = FEATURES[2:]
"""The features that support valence and energy."""

_CENTRE: Final = np.array([0.5, 0.65])
"""Neither positive nor negative, neither calm nor lively, in popular music."""

_LEANINGS = np.array(
    [
        # heard as positive, heard as lively
        [0.00, 0.07],  # tempo
        [0.05, 0.00],  # acousticness
        [0.04, 0.00],  # danceability
        [0.15, 0.05],  # mode: major keys sound happier
        [-0.16, 0.03],  # loudness: at equal energy, softer music sounds more positive
        [-0.07, -0.10],  # instrumentalness
        [-0.03, 0.02],  # speechiness
    ]
)
"""How much each supporting feature, in the scales of `traits`, makes people hear a track as more
positive and more lively than its valence and energy say. Fitted by ridge regression to the moods
that listeners gave to popular songs (Deezer's mood data set: Delbouys et al., "Music mood
detection based on audio and lyrics with deep neural net", ISMIR 2018)."""

FAMILY_LEANINGS: Final = {
    "pop": (0.17, 0.08),
    "rock": (-0.15, 0.04),
    "metal": (-0.30, 0.20),
    "punk": (-0.15, 0.15),
    "hip hop": (-0.16, -0.02),
    "r&b": (0.05, -0.17),
    "soul": (0.05, -0.10),
    "latin": (0.09, 0.07),
}
"""The same for families of genres. Those of metal, punk and soul are not fitted: they continue
what rock and R&B show."""

_STILL_SUPPORT: Final = {"acousticness": 0.1, "instrumentalness": 0.2}
_RELAXED_SUPPORT: Final = {"acousticness": 0.05, "danceability": 0.1}
"""What calm music has more of, in the scales of `traits`."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of one position of a playlist.

    Args:
        valence: Spotify's valence, 0..1.
        energy: Spotify's energy, 0..1.
        support: The weight of each feature in `SUPPORTING`, per unit of `traits`' scales: tracks
            that have more of it fit better.
        direction: Which way the mood lies from the middle in valence and in energy, -1..1.
    """

    valence: float
    energy: float
    support: tuple[float, ...]
    direction: tuple[float, float]

    @classmethod
    def at(
        cls, valence: float, energy: float, more: Mapping[str, float] | None = None
    ) -> "Target":
        """Return the target for a point of the plane.

        Args:
            valence: Spotify's valence, 0..1.
            energy: Spotify's energy, 0..1.
            more: Additional weights of supporting features.

        Raises:
            ValueError: The point is outside the plane.
        """
        if not (0 <= valence <= 1 and 0 <= energy <= 1):
            raise ValueError(f"valence and energy are 0 to 1, not {valence} and {energy}")
        way = (np.array([valence, energy]) - _CENTRE) / STEP
        direction = way / max(1.0, float(np.abs(way).max()))
        support = _LEANINGS @ direction
        for feature, weight in (more or {}).items():
            support[SUPPORTING.index(feature)] += weight
        return cls(
            float(valence),
            float(energy),
            tuple(float(weight) for weight in support),
            (float(direction[0]), float(direction[1])),
        )

    def family_support(self, family: str) -> float:
        """Return the weight of a family of genres, like that of a supporting feature."""
        positive, lively = FAMILY_LEANINGS.get(family, (0.0, 0.0))
        return self.direction[0] * positive + self.direction[1] * lively


def plan(
    probabilities: Mapping[str, float], mode: str, length: int, still_share: float = 0.25
) -> tuple[Target, ...]:
    """Return the target of each position.

    Args:
        probabilities: The share of each emotion, by which starts and goals are averaged. Need not
            sum to one; a missing emotion counts as 0.
        mode: One of `MODES`.
        length: Number of positions, at least 1. A single position is at the start.
        still_share: Share of still music in *calm*, 0..1; it comes last.

    Raises:
        ValueError: Unknown emotion or mode, no emotion at all, or a length below 1.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
    if length < 1:
        raise ValueError(f"a playlist needs at least one track, not {length}")
    start, goal = _blend(probabilities, STARTS), _blend(probabilities, GOALS)
    if mode == "calm":
        relaxed = Target.at(*RELAXED, _RELAXED_SUPPORT)
        still = Target.at(*STILL, _STILL_SUPPORT)
        quiet = round(still_share * length)
        return (relaxed,) * (length - quiet) + (still,) * quiet
    if mode == "match" or length == 1:
        return (Target.at(*start),) * length
    return tuple(
        Target.at(_between(start[0], goal[0], step), _between(start[1], goal[1], step))
        for step in (i / (length - 1) for i in range(length))
    )


def meeting_point(probabilities: Mapping[str, float]) -> tuple[float, float]:
    """Return the valence and energy, 0..1, where a playlist for this mood starts.

    Raises:
        ValueError: Unknown emotion, or no emotion at all.
    """
    return _blend(probabilities, STARTS)


def steps_away(
    square: NDArray[np.floating], valence: float, energy: float
) -> NDArray[np.floating]:
    """Return the distance of tracks to a point, in steps of `STEP`, (n,).

    Args:
        square: Valence and energy of the tracks, (n, 2).
        valence: Of the point, 0..1.
        energy: Of the point, 0..1.
    """
    away: NDArray[np.floating] = np.hypot(
        (square[:, 0] - valence) / STEP[0], (square[:, 1] - energy) / STEP[1]
    )
    return away


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
