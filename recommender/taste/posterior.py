"""Learns a listener's taste from votes: Bayesian logistic regression, Laplace approximation.

The log-odds that a listener likes a track are a weighted sum of its traits, plus an effect of its
genre and one of its artist. Weights and effects have a Gaussian prior. The posterior is
approximated by a Gaussian around its mode (Laplace approximation; Bishop, "Pattern Recognition and
Machine Learning", 2006, section 4.5; Chapelle & Li, "An empirical evaluation of Thompson
sampling", 2011, for its use in recommending). It depends only on the votes and the prior: without
a vote, it is what it was before that vote.

The log-posterior is concave, so a like can only raise the log-odds of its own track at the same
position, and a dislike can only lower them. This property matters more here than accuracy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

_TOLERANCE: Final = 1e-12
"""Newton's method stops when a step raises the log-posterior by at most half of this."""

_NEAR: Final = 1e-4
"""With a larger expected gain, a full step may overshoot; it is halved until it does not."""

_STEPS: Final = 50
"""Maximum number of Newton steps; about ten are usual."""


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """The effect of each group (genre or artist) on the log-odds; 0 for unknown groups.

    Args:
        keys: The groups' keys, ascending, int64 (g,).
        values: Log-odds, float64 (g,).
    """

    keys: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, values: Mapping[int, float]) -> "Effects":
        """Create effects from a mapping of keys to values."""
        keys = np.array(sorted(values), dtype=np.int64)
        return cls(keys, np.array([values[int(key)] for key in keys], dtype=np.float64))

    def __getitem__(self, keys: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the effect of each of n groups, float64 (n,)."""
        if not len(self.keys):
            return np.zeros(len(keys))
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, self.values[places], 0.0)

    def updated(self, keys: NDArray[np.int64], values: NDArray[np.float64]) -> "Effects":
        """Return a copy with new values for some groups."""
        mine = dict(zip(self.keys.tolist(), self.values.tolist(), strict=True))
        return Effects.of(mine | dict(zip(keys.tolist(), values.tolist(), strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """The Gaussian prior over listeners. T is `len(TRAITS)`.

    Args:
        mean: Mean weight of each trait, float64 (T,).
        sd: Standard deviation of each weight over listeners, above 0, float64 (T,).
        genre_sd: Standard deviation of genre effects over listeners.
        artist_sd: Standard deviation of artist effects over listeners.
        genres: Mean effects of genres, by `tracks.genre_key`.
        artists: Mean effects of artists, by `tracks.artist_key`.
        believed: How much it knows of these listeners, from 0 (nothing) to 1.
        name: Stored with every track that was chosen with this prior.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    genre_sd: float
    artist_sd: float
    genres: Effects = field(default_factory=Effects)
    artists: Effects = field(default_factory=Effects)
    believed: float = 0.0
    name: str = "usual"


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """A listener's votes on n tracks, as arrays.

    Args:
        traits: float64 (n, T), as of when the tracks were shown.
        genres: `tracks.genre_key` of each, int64 (n,).
        artists: `tracks.artist_key` of each, int64 (n,).
        likes: From 0, dislike, to 1, like, float64 (n,).
        weights: Weight of each vote, above 0, float64 (n,).
    """

    traits: NDArray[np.float64]
    genres: NDArray[np.int64]
    artists: NDArray[np.int64]
    likes: NDArray[np.float64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.likes)

    def part(self, some: slice) -> "Votes":
        """Return some of the votes."""
        return Votes(*(getattr(self, field.name)[some] for field in fields(Votes)))


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """The Gaussian posterior of one listener.

    Args:
        weights: Mean weight of each trait, float64 (T,).
        genres: Mean effects of genres; the prior's for genres without a vote.
        artists: Mean effects of artists; the prior's for artists without a vote.
        precision: Marginal precision of the trait weights, float64 (T, T).
    """

    weights: NDArray[np.float64]
    genres: Effects
    artists: Effects
    precision: NDArray[np.float64]

    def sample(self, noise: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw trait weights, float64 (T,).

        Args:
            noise: Factor on the posterior's standard deviation: 0 gives the mean, 1 is Thompson
                sampling.
            rng: The random generator.
        """
        factor = np.linalg.cholesky(
            self.precision
        )  # precision = L Lᵀ, so L⁻ᵀ z has its covariance
        drawn = np.linalg.solve(factor.T, rng.standard_normal(len(factor)))
        sampled: NDArray[np.float64] = self.weights + noise * drawn
        return sampled

    def log_odds(self, votes: Votes) -> NDArray[np.float64]:
        """Return the mean log-odds of liking each of n tracks, float64 (n,); ignores `likes`."""
        found: NDArray[np.float64] = (
            votes.traits @ self.weights + self.genres[votes.genres] + self.artists[votes.artists]
        )
        return found


def infer(votes: Votes, prior: Prior) -> Posterior:
    """Return the posterior of a listener.

    The mode is found by Newton's method. Artist effects interact only through traits and genres,
    so the linear system is solved for those few by a Schur complement, and each of the possibly
    thousands of artist effects follows from them.
    """
    if not len(votes):
        return Posterior(prior.mean, prior.genres, prior.artists, np.diag(prior.sd**-2))
    artists, starts = np.unique(np.sort(votes.artists), return_index=True)  # (A,)
    genres, genre_places = np.unique(votes.genres, return_inverse=True)  # (G,), (n,)
    order = np.argsort(votes.artists, kind="stable")
    by_artist = np.repeat(np.arange(len(artists)), np.diff(starts, append=len(votes)))  # (n,)
    one_hot = np.eye(len(genres))[genre_places]
    dense = np.hstack([votes.traits, one_hot])[order]  # (n, D), D = T + G
    likes, worth = votes.likes[order], votes.weights[order]

    mean = np.concatenate([prior.mean, prior.genres[genres]])  # (D,)
    precision = np.concatenate([prior.sd**-2, np.full(len(genres), prior.genre_sd**-2)])  # (D,)
    artist_mean, artist_precision = prior.artists[artists], prior.artist_sd**-2

    def log_posterior(weights: NDArray[np.float64], effects: NDArray[np.float64]) -> float:
        odds = dense @ weights + effects[by_artist]
        likelihood = worth @ (likes * odds - np.logaddexp(0, odds))
        off, artists_off = weights - mean, effects - artist_mean
        return float(
            likelihood
            - (off @ (precision * off) + artist_precision * artists_off @ artists_off) / 2
        )

    weights, effects = mean, artist_mean
    height = log_posterior(weights, effects)
    for _ in range(_STEPS):
        odds = dense @ weights + effects[by_artist]
        chance = 1 / (1 + np.exp(-odds))
        surprise = worth * (likes - chance)  # (n,)
        curvature = worth * chance * (1 - chance)  # (n,)
        curved = dense * curvature[:, None]  # (n, D)
        slope = surprise @ dense - precision * (weights - mean)  # (D,)
        artist_slope = np.add.reduceat(surprise, starts) - artist_precision * (
            effects - artist_mean
        )  # (A,)
        cross = np.add.reduceat(curved, starts)  # (A, D)
        artist_curve = np.add.reduceat(curvature, starts) + artist_precision  # (A,)
        schur = dense.T @ curved + np.diag(precision) - cross.T @ (cross / artist_curve[:, None])
        step = np.linalg.solve(schur, slope - cross.T @ (artist_slope / artist_curve))
        artist_step = (artist_slope - cross @ step) / artist_curve
        gain = float(slope @ step + artist_slope @ artist_step)
        share = 1.0
        while gain > _NEAR:
            reached = log_posterior(weights + share * step, effects + share * artist_step)
            if reached >= height + share * gain / 10:
                height = reached
                break
            share /= 2
        weights, effects = weights + share * step, effects + share * artist_step
        if gain < _TOLERANCE:
            break
    t = len(prior.mean)
    genre_part = np.linalg.solve(schur[t:, t:], schur[t:, :t])  # (G, T)
    return Posterior(
        weights=weights[:t],
        genres=prior.genres.updated(genres, weights[t:]),
        artists=prior.artists.updated(artists, effects),
        precision=schur[:t, :t] - schur[:t, t:] @ genre_part,
    )
