"""Larger catalogues than anyone publishes, drawn from a real one, to see what size costs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import FEATURES, Track

_JITTER = {
    "valence": 0.02,
    "energy": 0.02,
    "tempo_bpm": 2.0,
    "acousticness": 0.02,
    "danceability": 0.02,
    "mode": 0.0,
    "loudness_db": 0.3,
    "instrumentalness": 0.01,
    "speechiness": 0.005,
}
"""Standard deviation by which a drawn track differs from the real one: too little to blur what
makes real music dense here and thin there."""

_SHARES = (
    "valence",
    "energy",
    "acousticness",
    "danceability",
    "instrumentalness",
    "speechiness",
)

_TRACKS_PER_ARTIST = 3
_DRAWN_AT_ONCE = 10_000


def enlarged(table: TrackTable, count: int, rng: np.random.Generator) -> Iterator[Track]:
    """Yield tracks that sound like a catalogue's, with ids, titles and artists of their own.

    Args:
        table: The real catalogue.
        count: How many tracks.
        rng: Where chance comes from.
    """
    for start in range(0, count, _DRAWN_AT_ONCE):
        rows = rng.integers(len(table), size=min(_DRAWN_AT_ONCE, count - start))
        features = _jittered(table.features[rows], rng)
        artists = rng.integers(max(1, count // _TRACKS_PER_ARTIST), size=len(rows))
        for number, (row, raw, artist) in enumerate(
            zip(rows.tolist(), features.tolist(), artists.tolist(), strict=True), start
        ):
            yield Track(
                id=f"{number:022d}",
                name=f"Song {number}",
                artist=f"Artist {artist}",
                album=f"Album {artist}",
                genre=table.genres[table.genre_codes[row, 0]],
                duration_ms=int(table.duration_ms[row]),
                explicit=bool(table.explicit[row]),
                valence=raw[0],
                energy=raw[1],
                tempo_bpm=raw[2],
                acousticness=raw[3],
                danceability=raw[4],
                mode=int(raw[5]),
                loudness_db=raw[6],
                instrumentalness=raw[7],
                speechiness=raw[8],
                key=int(table.keys[row]),
                invented=True,
            )


def _jittered(features: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return features moved a little, with four digits as the catalogues have, float64 (n, K)."""
    spreads = [_JITTER[feature] for feature in FEATURES]
    moved = features + rng.normal(scale=spreads, size=features.shape)
    for share in _SHARES:
        k = FEATURES.index(share)
        moved[:, k] = np.clip(moved[:, k], 0, 1)
    return moved.round(4)
