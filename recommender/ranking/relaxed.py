"""Reports the requirements that a playlist could not meet for lack of tracks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recommender.catalogue.table import TrackTable, is_among
from recommender.mood.targets import Target
from recommender.ranking.candidates import FAR
from recommender.ranking.ranking import Choice
from recommender.taste.preferences import USUAL, Preferences


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A requirement that could not be met.

    Args:
        kind: "mood": tracks far from the mood; "repeats": recently shown tracks; "length": fewer
            tracks than requested; "explicit": tracks that may be explicit, since the catalogue
            says so of none.
        tracks: How many tracks are far, repeated, missing or unchecked.
        places: How many tracks were requested.
        points: For "mood": mean distance of those tracks to the mood in valence and energy, in
            points of a hundred.
    """

    kind: Literal["mood", "repeats", "length", "explicit"]
    tracks: int
    places: int
    points: float = 0.0

    def __str__(self) -> str:
        some = f"{self.tracks} of {self.places} tracks {'is' if self.tracks == 1 else 'are'}"
        if self.kind == "mood":
            away = f"{self.points:.0f} points of 100"
            return f"{some} some way off the mood, {away} on average: I have too little like it."
        if self.kind == "repeats":
            return f"{some} from your latest playlists."
        if self.kind == "explicit":
            return (
                "You asked for no explicit songs, but my catalogue doesn't say which are: I only "
                "left out titles with explicit words."
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
    """Return the requirements that a playlist could not meet.

    Args:
        table: The catalogue.
        choices: The chosen tracks.
        targets: The target of each position.
        recent: Ids of recently shown tracks.
        preferences: The listener's settings.
    """
    rows = np.array([choice.row for choice in choices], dtype=np.int64)  # (C,)
    wanted = [targets[choice.position] for choice in choices]
    points = np.array([(target.valence, target.energy) for target in wanted]).reshape(-1, 2)
    away = np.linalg.norm(table.features[rows, :2] - points, axis=1)  # (C,)
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
