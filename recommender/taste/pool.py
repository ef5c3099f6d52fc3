"""Fits the prior that all listeners share.

One regression over everybody's votes estimates the common taste. With few listeners, it is shrunk
towards the default prior. (A hierarchical model that also estimates how much listeners differ,
fitted by expectation-maximization, was not better for simulated listeners.)
"""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from recommender.taste.posterior import Prior, Votes, infer
from recommender.taste.traits import PLACE_TRAITS, SOUND_TRAITS, TRAITS

_USUAL = {"here": (0.5, 1.0), "fit": (0.5, 0.2), "support": (3.0, 1.0), "popularity": (0.6, 0.5)}
"""Mean and standard deviation of traits with prior knowledge: tracks that fit are liked more, and
so are popular ones. Without votes, these keep playlists within 0.03 percentiles of their targets
on average."""

_MOOD_SD = 0.5
_SOUND_SD = 0.5
_SQUARED = (-0.1, 0.2)
"""Prior mean and standard deviation of squared sounds. Liking usually peaks at a medium level:
most people like some loudness, speed or novelty best, not the most (Berlyne, "Aesthetics and
Psychobiology", 1971)."""

_IMAGINED = 5.0
"""With this many listeners, their votes count half and the default prior half."""

_UNSURE = 2.0
"""Standard deviation of the common weights around the default prior, relative to that between
listeners."""

_SHARED = 0.5
"""Standard deviation of common effects of artists and genres, relative to that of listeners."""


def _usual() -> Prior:
    known = (
        dict.fromkeys(PLACE_TRAITS, (0.0, _MOOD_SD))
        | {name: _SQUARED if name.endswith("²") else (0.0, _SOUND_SD) for name in SOUND_TRAITS}
        | _USUAL
    )
    return Prior(
        mean=np.array([known[name][0] for name in TRAITS]),
        sd=np.array([known[name][1] for name in TRAITS]),
        genre_sd=0.5,
        artist_sd=0.6,
    )


USUAL_LISTENER: Prior = _usual()
"""The default prior, without any votes."""


def pool(listeners: Sequence[Votes], usual: Prior = USUAL_LISTENER) -> Prior:
    """Fit the prior to all listeners' votes.

    Args:
        listeners: The votes of each listener.
        usual: The default prior.
    """
    listeners = [votes for votes in listeners if len(votes)]
    if not listeners:
        return usual
    everybody = Votes(
        *(
            np.concatenate([getattr(votes, field.name) for votes in listeners])
            for field in fields(Votes)
        )
    )
    believed = len(listeners) / (len(listeners) + _IMAGINED)
    found = infer(
        replace(everybody, weights=believed * everybody.weights),
        replace(
            usual,
            sd=_UNSURE * usual.sd,
            genre_sd=_SHARED * usual.genre_sd,
            artist_sd=_SHARED * usual.artist_sd,
        ),
    )
    return replace(usual, mean=found.weights, genres=found.genres, artists=found.artists)
