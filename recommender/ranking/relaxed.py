"""Says what a playlist could not keep, because the catalogue or the filters leave too little."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recommender.catalogue.table import TrackTable, is_among
from recommender.mood.targets import Target
from recommender.ranking.ranking import Choice
from recommender.taste.preferences import USUAL, Preferences

FAR = 0.10
"""Percentiles of distance to its target beyond which a track is not really of the mood: twice the
tolerance of the search. Among 28,000 popular tracks no choice lies so far away."""


@dataclass(frozen=True, slots=True)
class Relaxed:
    """One thing that was asked for and could not be kept.

    Args:
        kind: "mood": tracks further from it than tolerated; "repeats": tracks shown lately;
            "length": fewer tracks than asked for; "explicit": tracks that may be explicit, since
            the catalogue does not say.
        tracks: How many tracks are far, repeated, missing or unchecked.
        places: How many tracks were asked for.
        points: How far those tracks are from the mood on average, in percentile points of the
            valence-energy square; 0 where that is not the matter.
    """

    kind: Literal["mood", "repeats", "length", "explicit"]
    tracks: int
    places: int
    points: float = 0.0

    def __str__(self) -> str:
        some = f"{self.tracks} of {self.places} tracks {'is' if self.tracks == 1 else 'are'}"
        if self.kind == "mood":
            return f"{some} far from the mood: {self.points:.0f} percentile points on average."
        if self.kind == "repeats":
            return f"{some} from your latest playlists."
        if self.kind == "explicit":
            return (
                f"You asked for no explicit songs, but for {self.tracks} of {self.places} tracks "
                "I can't check that: my catalogue doesn't say."
            )
        left = self.places - self.tracks
        tracks = "1 track" if left == 1 else f"{left} tracks"
        return f"{tracks} instead of {self.places}: there are no more for one playlist."


def relaxed(
    table: TrackTable,
    choices: Sequence[Choice],
    targets: Sequence[Target],
    recent: Collection[str],
    preferences: Preferences = USUAL,
) -> tuple[Relaxed, ...]:
    """Return what a playlist could not keep, if anything.

    Args:
        table: The catalogue.
        choices: The chosen tracks.
        targets: What each position asked for.
        recent: Ids of tracks shown lately.
        preferences: The listener's settings.
    """
    rows = np.array([choice.row for choice in choices], dtype=np.int64)  # (C,)
    wanted = [targets[choice.position] for choice in choices]
    points = np.array([(target.valence, target.energy) for target in wanted]).reshape(-1, 2)
    away = np.linalg.norm(table.ranks[rows, :2] - points, axis=1)  # (C,)
    far = away[away > FAR]
    repeats = is_among(table.recording_keys[rows], table.recording_keys[table.rows(recent)])
    places = len(targets)
    found = []
    if len(far):
        found.append(Relaxed("mood", len(far), places, 100 * float(far.mean())))
    if repeats.any():
        found.append(Relaxed("repeats", int(repeats.sum()), places))
    if len(rows) < places:
        found.append(Relaxed("length", places - len(rows), places))
    unchecked = int((~table.explicit_known[rows]).sum())
    if unchecked and not preferences.allows_explicit:
        found.append(Relaxed("explicit", unchecked, places))
    return tuple(found)
