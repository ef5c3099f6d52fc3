"""Summary statistics of a catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import FEATURES


@dataclass(frozen=True, slots=True)
class Spread:
    """The minimum, median and maximum raw value of a feature."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class CatalogueStats:
    """The statistics of a catalogue.

    Args:
        tracks: Number of tracks.
        invented: Number of invented tracks.
        artists: Number of distinct first artists.
        explicit_share: Share of explicit tracks, 0..1.
        explicit_known_share: Share of tracks of which the catalogue says whether they are
            explicit, 0..1.
        genres: Tracks per genre of their artist, the most frequent first; "" where unknown.
        labels: Tracks per song category, the most frequent first; "" for none.
        features: Spread of each of `FEATURES`.
    """

    tracks: int
    invented: int
    artists: int
    explicit_share: float
    explicit_known_share: float
    genres: dict[str, int]
    labels: dict[str, int]
    features: dict[str, Spread]


EMPTY = CatalogueStats(0, 0, 0, 0.0, 0.0, {}, {}, {})
"""The statistics of an empty catalogue."""


def summarise(table: TrackTable) -> CatalogueStats:
    """Summarise a catalogue with at least one track."""
    spreads = np.quantile(table.features, [0, 0.5, 1], axis=0)  # (3, K)
    return CatalogueStats(
        tracks=len(table),
        invented=int(table.invented.sum()),
        artists=len(np.unique(table.artist_keys)),
        explicit_share=float(table.explicit.mean()),
        explicit_known_share=float(table.explicit_known.mean()),
        genres=_counts(table.genre_codes[:, 0], table.genres),
        labels=_counts(table.label_codes, table.labels),
        features={
            feature: Spread(*(round(float(value), 4) for value in spreads[:, k]))
            for k, feature in enumerate(FEATURES)
        },
    )


def _counts(codes: NDArray[np.integer], names: Sequence[str]) -> dict[str, int]:
    """Count each name, the most frequent first; `codes` are indices into `names`, int32 (n,)."""
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    return {names[code]: int(counts[code]) for code in order if counts[code]}
