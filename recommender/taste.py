"""What a listener thinks of tracks they were shown, and what that says about other tracks.

Today's method is a damped average, simple enough to explain each track by it. It sits behind
`TasteTerms`: a better method replaces `taste_terms` and nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.table import TrackTable
from recommender.tracks import Track, artist_key, main_genre, song_key

FEATURE_SCALES = np.array([0.25, 0.2, 30.0, 0.25, 0.15, 1.0, 4.0], dtype=np.float32)
"""What counts as one step of difference in each of `FEATURES`: roughly its standard deviation
over popular music, fixed so that votes keep their meaning when the catalogue is replaced. The
mode, a matter of yes or no, counts half."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a listener thinks of one track, with all that is needed to learn from it.

    The track need not be in the catalogue any more.

    Args:
        features: Raw features in the order of `FEATURES`.
        liking: From -1 (dislike) to 1 (like).
        weight: How many votes it is worth, above 0 and at most 1.
        is_vote: Whether it is a vote on this very track, not one on its whole playlist.
    """

    track_id: str
    title: str
    artist: str
    genre: str
    features: tuple[float, ...]
    liking: float
    weight: float = 1.0
    is_vote: bool = True


@dataclass(frozen=True, slots=True)
class Taste:
    """All of a listener's opinions, one for each track at most."""

    opinions: tuple[Opinion, ...] = ()

    @property
    def disliked(self) -> tuple[Opinion, ...]:
        """The votes against a track; it is never to be shown again, in any version."""
        return tuple(
            opinion for opinion in self.opinions if opinion.is_vote and opinion.liking < 0
        )


@dataclass(frozen=True, slots=True)
class TasteConfig:
    """How quickly votes are believed.

    Each damping is how many imagined neutral votes stand beside the real ones, so that a single
    vote moves little and many agreeing ones move everything (LensKit's damped means).
    """

    similarity_damping: float = 1.0
    """For the average over similar tracks."""

    artist_damping: float = 1.0
    """For the average over an artist's tracks."""

    genre_damping: float = 4.0
    """For the average over a genre's tracks."""

    similarity_weight: float = 1.0
    """Score of a track whose like is certain by similarity."""

    artist_weight: float = 0.8
    """Score of a track whose artist is certainly liked."""

    genre_weight: float = 0.5
    """Score of a track whose genre is certainly liked."""


@dataclass(frozen=True, slots=True)
class TasteTerms:
    """How taste moves the score of each of n candidates, term by term, all float32 (n,).

    Args:
        similarity: From tracks that sound like it.
        artist: From tracks by its first artist.
        genre: From tracks of its main genre.
    """

    similarity: NDArray[np.float32]
    artist: NDArray[np.float32]
    genre: NDArray[np.float32]

    @property
    def total(self) -> NDArray[np.float32]:
        """What taste adds to the scores."""
        return self.similarity + self.artist + self.genre


def taste_terms(
    table: TrackTable,
    rows: NDArray[np.int64],
    taste: Taste,
    config: TasteConfig,
) -> TasteTerms:
    """Return how a listener's opinions move the scores of candidates.

    Every term is a damped mean, sum(w k y) / (damping + sum(w k)), with the liking y, its weight
    w and the closeness k >= 0 of the two tracks. As y is at most 1, one more like never lowers
    any score, and for the same reason one more dislike never raises any.

    Args:
        table: The catalogue.
        rows: The candidates' rows, int64 (n,).
        taste: What the listener thinks.
        config: How quickly that is believed.
    """
    opinions = taste.opinions
    if not opinions:
        zero = np.zeros(len(rows), dtype=np.float32)
        return TasteTerms(zero, zero, zero)
    weight = np.array([opinion.weight for opinion in opinions], dtype=np.float32)  # (m,)
    liking = weight * np.array([opinion.liking for opinion in opinions], dtype=np.float32)  # (m,)
    closeness = similarity(table.features[rows], _features(opinions))  # (n, m)
    sound: NDArray[np.float32] = closeness @ liking  # (n,)
    sound /= config.similarity_damping + closeness @ weight
    artists = np.array([artist_key(opinion.artist) for opinion in opinions], dtype=np.int64)
    genres = np.array([_genre_code(table, opinion.genre) for opinion in opinions], dtype=np.int64)
    return TasteTerms(
        similarity=config.similarity_weight * sound,
        artist=config.artist_weight
        * _group_means(table.artist_keys[rows], artists, liking, weight, config.artist_damping),
        genre=config.genre_weight
        * _group_means(table.genre_codes[rows], genres, liking, weight, config.genre_damping),
    )


def nearest_liked(track: Track, taste: Taste) -> tuple[Opinion, float] | None:
    """Return the liked track that sounds most like this one, and its similarity, 0..1."""
    liked = [opinion for opinion in taste.opinions if opinion.is_vote and opinion.liking > 0]
    if not liked:
        return None
    ours = np.array([track.features], dtype=np.float32)
    closeness = similarity(ours, _features(liked))[0]  # (liked,)
    nearest = int(closeness.argmax())
    return liked[nearest], float(closeness[nearest])


def similarity(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return exp(-d² / 2) for the distance d of raw features in steps of `FEATURE_SCALES`.

    Args:
        ours: float32 (n, K).
        theirs: float32 (m, K).

    Returns:
        float32 (n, m), 0..1.
    """
    a, b = ours / FEATURE_SCALES, theirs / FEATURE_SCALES
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * (a @ b.T)  # (n, m)
    closeness: NDArray[np.float32] = np.exp(-np.maximum(squares, 0) / 2)
    return closeness


def _group_means(
    groups: NDArray[np.integer],
    opinion_groups: NDArray[np.int64],
    liking: NDArray[np.float32],
    weight: NDArray[np.float32],
    damping: float,
) -> NDArray[np.float32]:
    """Return the damped mean liking of each candidate's group, 0 for groups without opinions.

    Args:
        groups: The candidates' groups (n,).
        opinion_groups: The opinions' groups (m,).
        liking: Their likings times weights (m,).
        weight: Their weights (m,).
        damping: How many imagined neutral votes stand beside them.
    """
    known, places = np.unique(opinion_groups, return_inverse=True)  # (g,), (m,)
    means = np.bincount(places, liking) / (damping + np.bincount(places, weight))  # (g,)
    nearest = np.minimum(np.searchsorted(known, groups), len(known) - 1)  # (n,)
    return np.where(known[nearest] == groups, means[nearest], 0).astype(np.float32)


def _features(opinions: Sequence[Opinion]) -> NDArray[np.float32]:
    return np.array([opinion.features for opinion in opinions], dtype=np.float32)  # (m, K)


def blocked_songs(opinions: Iterable[Opinion]) -> NDArray[np.int64]:
    """Return the song keys of these tracks."""
    return np.array([song_key(each.title, each.artist) for each in opinions], dtype=np.int64)


def _genre_code(table: TrackTable, genre: str) -> int:
    """Return the code of a main genre, -1 where the catalogue does not know it."""
    name = main_genre(genre)
    return table.genres.index(name) if name and name in table.genres else -1
