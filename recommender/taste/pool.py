"""Learns the prior over listeners from all votes.

One regression over all votes estimates what listeners share. The fewer listeners there are, the
closer the result stays to the default prior. How far listeners differ in the sounds that they
like, and how much they share, is estimated too, by how well votes are predicted.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recommender.taste.posterior import Prior, Votes, infer
from recommender.taste.traits import PLACE_TRAITS, SOUND, SOUND_TRAITS, TRAITS

_USUAL = {"here": (0.5, 1.0), "fit": (0.5, 0.2), "support": (14.0, 4.0), "popularity": (0.6, 0.5)}
"""Mean and standard deviation of the weights with an informative prior: tracks that fit are liked
more, and of two that fit equally, the more popular one is the safer guess. Without votes, these
keep playlists within 0.06 of their targets on average, on the scale of valence and energy."""

_MOOD_SD = 0.5
_SOUND_SD = 0.5
_SQUARED = (-0.1, 0.2)
"""Mean and standard deviation for squared features. Negative, since liking usually peaks at a
medium level of loudness, speed or novelty (Berlyne, "Aesthetics and Psychobiology", 1971)."""

_IMAGINED = 5.0
"""With this many listeners, their votes count half."""

_UNSURE = 3.0
"""Prior standard deviation of the common weights, relative to that of the listeners' weights."""

_SHARED = (0.5, 2.0)
"""Prior standard deviation of the common artist and genre effects, relative to that of the
listeners' effects: how far one listener's favourite pleases the others too."""

_SPREADS = (0.125, 0.25, 0.5, 1.0)
"""How far listeners may differ in the sounds that they like, relative to the default prior."""

_FOLDS = 5
_LEAST_LISTENERS = 5
"""With fewer listeners with enough votes, how far they differ cannot be estimated."""

_LEAST_VOTES = 8
"""Fewest votes of a listener that count for the estimate."""

_MOST_LISTENERS = 40
"""As many listeners suffice for the estimate; all would take the daily job too long."""

_PARTS = 4
"""Each part of a listener's votes but the first is predicted from the parts before it."""

_DOUBT = 0.5
"""Log-likelihood that halving the default spread must gain; four times that for a quarter, and so
on. With few votes the default stands."""


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
"""The default prior, before anybody has voted."""


def pool(listeners: Sequence[Votes], usual: Prior = USUAL_LISTENER) -> Prior:
    """Estimate the prior from all listeners' votes.

    Args:
        listeners: The votes of each listener.
        usual: The prior without votes.
    """
    listeners = [votes for votes in listeners if len(votes)]
    if not listeners:
        return usual
    spread, shared = _estimated(listeners, usual)
    return replace(_pooled(listeners, usual, shared), sd=_with_spread(usual.sd, spread))


def _pooled(listeners: Sequence[Votes], usual: Prior, shared: float) -> Prior:
    """Return the prior with what listeners have in common.

    Args:
        listeners: The votes of each listener.
        usual: The prior without votes.
        shared: One of `_SHARED`.
    """
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
            genre_sd=shared * usual.genre_sd,
            artist_sd=shared * usual.artist_sd,
        ),
    )
    return replace(
        usual,
        mean=found.weights,
        genres=found.genres,
        artists=found.artists,
        believed=believed,
    )


def _estimated(listeners: Sequence[Votes], usual: Prior) -> tuple[float, float]:
    """Estimate how far listeners differ, and how much they share (empirical Bayes).

    Each listener's later votes are predicted from their earlier ones, under a prior that was
    learned from others; the values that predict best are taken. Real listeners differ less in the
    sounds that they like than the default prior allows, and a prior that is too wide learns noise.

    Returns:
        One of `_SPREADS`, and one of `_SHARED`.
    """
    voters = [votes for votes in listeners if len(votes) >= _LEAST_VOTES][-_MOST_LISTENERS:]
    if len(voters) < _LEAST_LISTENERS:
        return _SPREADS[-1], _SHARED[0]
    doubts = [_DOUBT * np.log2(spread) ** 2 for spread in _SPREADS]
    gains = -np.tile(doubts, (len(_SHARED), 1))  # (shared, spreads)
    for fold in range(_FOLDS):
        others = [votes for n, votes in enumerate(voters) if n % _FOLDS != fold]
        for row, shared in enumerate(_SHARED):
            common = _pooled(others, usual, shared)
            for votes in voters[fold::_FOLDS]:
                for column, spread in enumerate(_SPREADS):
                    prior = replace(common, sd=_with_spread(usual.sd, spread))
                    gains[row, column] += _predicted(votes, prior)
    best = int(gains.argmax())
    return _SPREADS[best % len(_SPREADS)], _SHARED[best // len(_SPREADS)]


def _with_spread(sd: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """Return standard deviations with those of the sound traits multiplied."""
    changed = sd.copy()
    changed[SOUND] *= spread
    return changed


def _predicted(votes: Votes, prior: Prior) -> float:
    """Return the log-likelihood of a listener's votes, each part given the parts before it."""
    bounds = np.linspace(0, len(votes), _PARTS + 1).astype(int)
    found = 0.0
    for begin, end in pairwise(bounds[1:]):
        later = votes.part(slice(begin, end))
        odds = infer(votes.part(slice(begin)), prior).log_odds(later)
        found += float(later.weights @ (later.likes * odds - np.logaddexp(0, odds)))
    return found
