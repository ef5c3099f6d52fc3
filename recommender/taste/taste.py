"""A listener's opinions of shown tracks: votes and ratings, as input for learning.

Each showing of a track is a separate opinion, so another like can only raise the track's odds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import Track, artist_key, genre_key, song_key
from recommender.taste.posterior import Votes
from recommender.taste.traits import FEATURE_SCALES, TRAITS, place_traits, track_traits


@dataclass(frozen=True, slots=True)
class Fit:
    """The position where a track was shown, and how well the track fitted there.

    Args:
        valence: Target valence of the position, 0..1.
        energy: Target energy of the position, 0..1.
        distance: Distance of the track to the target, in tolerances.
        misfit: Misfit of its supporting features; 0 is perfect.
        popularity: Its percentile of popularity, 0..1; 0.5 if unknown.
    """

    valence: float = 0.5
    energy: float = 0.5
    distance: float = 0.0
    misfit: float = 0.0
    popularity: float = 0.5


@dataclass(frozen=True, slots=True)
class Opinion:
    """A listener's opinion of a track at the position where it was shown.

    The track may have left the catalogue since.

    Args:
        features: Raw features in the order of `FEATURES`.
        liking: From -1 (dislike) to 1 (like).
        weight: Weight relative to a vote, above 0 and at most 1.
        is_vote: Whether it is a vote on this track, not a rating of its whole playlist.
        place: Where it was shown.
    """

    track_id: str
    title: str
    artist: str
    genre: str
    features: tuple[float, ...]
    liking: float
    weight: float = 1.0
    is_vote: bool = True
    place: Fit = Fit()

    @classmethod
    def on(cls, track: Track, liking: float, place: Fit = Fit()) -> "Opinion":
        """Create a vote on a track that was shown at a place."""
        return cls(
            track_id=track.id,
            title=track.name,
            artist=track.artist,
            genre=track.genre,
            features=track.features,
            liking=liking,
            place=place,
        )


@dataclass(frozen=True, slots=True)
class Taste:
    """All of a listener's opinions, from the oldest to the newest."""

    opinions: tuple[Opinion, ...] = ()

    @property
    def liked(self) -> tuple[Opinion, ...]:
        """The likes, counting only the newest vote on each track."""
        return tuple(vote for vote in self._newest_votes() if vote.liking > 0)

    @property
    def disliked(self) -> tuple[Opinion, ...]:
        """The dislikes, likewise. Such a song is never shown again, in any version."""
        return tuple(vote for vote in self._newest_votes() if vote.liking < 0)

    def _newest_votes(self) -> Iterable[Opinion]:
        return {each.track_id: each for each in self.opinions if each.is_vote}.values()

    def votes(self) -> Votes:
        """Return the opinions as arrays."""
        opinions, places = self.opinions, [opinion.place for opinion in self.opinions]
        traits = np.empty((len(opinions), len(TRAITS)))
        if opinions:
            here = place_traits(
                [(place.valence, place.energy) for place in places],
                np.array([place.distance for place in places]),
                np.array([place.misfit for place in places]),
            )
            popularity = np.array([place.popularity for place in places])
            traits = track_traits(here, popularity, _features(opinions))
        return Votes(
            traits=traits,
            genres=np.array([genre_key(each.genre) for each in opinions], dtype=np.int64),
            artists=np.array([artist_key(each.artist) for each in opinions], dtype=np.int64),
            likes=np.array([(1 + each.liking) / 2 for each in opinions]),
            weights=np.array([each.weight for each in opinions]),
        )


def nearest_liked(tracks: Sequence[Track], taste: Taste) -> list[tuple[Opinion, float] | None]:
    """Return for each track the most similar liked one, and its similarity, 0..1."""
    liked = taste.liked
    if not (liked and tracks):
        return [None] * len(tracks)
    ours = np.array([track.features for track in tracks], dtype=np.float32)
    closeness = similarity(ours, _features(liked))  # (tracks, liked)
    return [(liked[row.argmax()], float(row.max())) for row in closeness]


def similarity(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return exp(-d² / 2) for the distance d of raw features divided by `FEATURE_SCALES`.

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


def blocked_songs(opinions: Sequence[Opinion]) -> NDArray[np.int64]:
    """Return the song keys of some opinions, int64 (n,)."""
    return np.array([song_key(each.title, each.artist) for each in opinions], dtype=np.int64)


def _features(opinions: Sequence[Opinion]) -> NDArray[np.float32]:
    return np.array([opinion.features for opinion in opinions], dtype=np.float32)  # (m, K)
