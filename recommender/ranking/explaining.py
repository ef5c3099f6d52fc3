"""Turns choices into picks: tracks with the reason for each."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import Track, artist_key, genre_key
from recommender.mood.targets import Target
from recommender.ranking.candidates import FAR
from recommender.ranking.favourites import favourite_genre_of, is_by_favourite
from recommender.ranking.ranking import Choice
from recommender.ranking.reasons import Grounds, reason
from recommender.taste.posterior import Posterior, Prior
from recommender.taste.preferences import Preferences
from recommender.taste.taste import Fit, Taste, nearest_liked
from recommender.taste.traits import SOUND, SOUND_TRAITS, sound_traits

_NOT_AGAIN = 2
"""A reason about the listener's taste is not repeated for this many tracks."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One recommended track.

    Args:
        score: The log-odds that the listener likes it at its position, as sampled for the ranking.
        propensity: The probability with which it was drawn for its position, 0..1.
        reason: Why it was chosen, in a few words.
        place: Its position's target, and how well it fits there.
    """

    track: Track
    score: float
    propensity: float
    reason: str
    place: Fit


class Learned:
    """The difference between a listener's posterior and the prior."""

    def __init__(self, posterior: Posterior, prior: Prior) -> None:
        self._posterior = posterior
        self._prior = prior

    def artist(self, track: Track) -> float:
        """Return what the votes add to the log-odds for the track's artist."""
        key = np.array([artist_key(track.artist)])
        return float((self._posterior.artists[key] - self._prior.artists[key])[0])

    def genre(self, track: Track) -> float:
        """Return what the votes add to the log-odds for the track's genre."""
        key = np.array([genre_key(track.genre)])
        return float((self._posterior.genres[key] - self._prior.genres[key])[0])

    def sound(self, track: Track) -> dict[str, float]:
        """Return what the votes add to the log-odds for the track's sound, by feature."""
        moved = (self._posterior.weights - self._prior.mean)[SOUND]
        terms = moved * sound_traits(np.array([track.features], dtype=np.float32))[0]
        by_feature: dict[str, float] = defaultdict(float)
        for trait, term in zip(SOUND_TRAITS, terms.tolist(), strict=True):
            by_feature[trait.removesuffix("²")] += term
        return by_feature


def explain(
    table: TrackTable,
    targets: Sequence[Target],
    places: Sequence[int],
    taste: Taste,
    learned: Learned,
    preferences: Preferences,
    choices: Sequence[Choice],
) -> tuple[Pick, ...]:
    """Return the chosen tracks with the reason for each.

    Args:
        table: The catalogue.
        targets: The targets of the whole playlist.
        places: The filled positions; a choice's `position` is an index into these.
        taste: The listener's opinions of earlier tracks.
        learned: What was learned from them.
        preferences: The listener's settings.
        choices: The choices, in order.
    """
    picks: list[Pick] = []
    tracks = [table.track(choice.row) for choice in choices]
    for choice, track, liked in zip(choices, tracks, nearest_liked(tracks, taste), strict=True):
        place = places[choice.position]
        target = targets[place]
        grounds = Grounds(
            track=track,
            is_far=math.dist((track.valence, track.energy), (target.valence, target.energy)) > FAR,
            sound=learned.sound(track),
            artist=learned.artist(track),
            genre=learned.genre(track),
            liked_title=liked[0].title if liked else None,
            nearness=liked[1] if liked else 0.0,
            said=tuple(pick.reason for pick in picks[-_NOT_AGAIN:]),
            is_by_favourite=is_by_favourite(track, preferences),
            favourite_genre=favourite_genre_of(track, preferences),
        )
        stands = Fit(
            valence=target.valence,
            energy=target.energy,
            distance=choice.distance,
            misfit=choice.misfit,
            popularity=float(table.popularity[choice.row]),
        )
        picks.append(Pick(track, choice.score, choice.propensity, reason(grounds), stands))
    return tuple(picks)
