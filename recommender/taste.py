"""What a listener thinks of tracks they were shown, and what that says about other tracks.

Today's method is a damped average, simple enough to explain each track by it. It sits behind
`TasteTerms`: a better method replaces `taste_terms` and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.table import TrackTable
from recommender.tracks import artist_key, main_genre, song_key

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
        nearest_liked: Index in the opinions of the most similar liked track, int64 (n,); -1
            where nothing was liked.
        nearness: Similarity of that one, 0..1.
    """

    similarity: NDArray[np.float32]
    artist: NDArray[np.float32]
    genre: NDArray[np.float32]
    nearest_liked: NDArray[np.int64]
    nearness: NDArray[np.float32]

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
    liking = np.array([opinion.liking for opinion in opinions], dtype=np.float32)  # (m,)
    weight = np.array([opinion.weight for opinion in opinions], dtype=np.float32)  # (m,)
    is_vote = np.array([opinion.is_vote for opinion in opinions], dtype=np.bool_)  # (m,)
    if not opinions:
        zero = np.zeros(len(rows), dtype=np.float32)
        return TasteTerms(zero, zero, zero, np.full(len(rows), -1), zero)

    def damped_mean(closeness: NDArray[np.float32], damping: float) -> NDArray[np.float32]:
        mean: NDArray[np.float32] = (closeness @ (weight * liking)) / (
            damping + closeness @ weight
        )
        return mean

    closeness = similarity(
        table.features[rows],
        np.array([opinion.features for opinion in opinions], dtype=np.float32),
    )  # (n, m)
    artists = np.array([artist_key(opinion.artist) for opinion in opinions], dtype=np.int64)
    genres = np.array([_genre_code(table, opinion.genre) for opinion in opinions], dtype=np.int32)
    same_artist = (table.artist_keys[rows][:, None] == artists).astype(np.float32)
    same_genre = (table.genre_codes[rows][:, None] == genres).astype(np.float32)
    of_liked = np.where((liking > 0) & is_vote, closeness, -1.0)  # (n, m)
    nearest = of_liked.argmax(axis=1)
    nearness = of_liked[np.arange(len(rows)), nearest]
    return TasteTerms(
        similarity=config.similarity_weight * damped_mean(closeness, config.similarity_damping),
        artist=config.artist_weight * damped_mean(same_artist, config.artist_damping),
        genre=config.genre_weight * damped_mean(same_genre, config.genre_damping),
        nearest_liked=np.where(nearness >= 0, nearest, -1),
        nearness=np.maximum(nearness, 0).astype(np.float32),
    )


def blocked_songs(opinions: Iterable[Opinion]) -> NDArray[np.int64]:
    """Return the song keys of these tracks."""
    return np.array([song_key(each.title, each.artist) for each in opinions], dtype=np.int64)


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


def _genre_code(table: TrackTable, genre: str) -> int:
    """Return the code of a main genre, -1 where the catalogue does not know it."""
    name = main_genre(genre)
    return table.genres.index(name) if name and name in table.genres else -1
