"""The catalogue in memory: one array per column, made for choosing among a million tracks.

Titles and artists lie packed in one block of bytes and become a `Track` only when asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from recommender.tracks import FEATURES, Track, main_genre

_SEPARATOR = "\x1f"
"""Stands between name, artist, album and genre in a packed text; no imported text contains it."""

_ROWS_PER_BATCH = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """All tracks as arrays of one row per track, ordered by id. K is `len(FEATURES)`.

    Args:
        ids: Spotify ids, bytes (n,), ascending.
        features: Raw features, float32 (n, K), columns contiguous.
        ranks: Percentile rank of each feature within the catalogue, float32 (n, K), 0..1.
        popularity: Percentile rank of Spotify's popularity, float32 (n,); 0.5 where unknown.
        artist_keys: `tracks.artist_key` of each track, int64 (n,).
        song_keys: `tracks.song_key` of each track, int64 (n,).
        genre_codes: Index of the main genre in `genres`, int32 (n,).
        genres: The main genres' names.
        label_codes: Index of the song category in `labels`, int32 (n,).
        labels: The song categories' names; "" for tracks that have none.
        years: When each track came out, int16 (n,); 0 where unknown.
        duration_ms: int32 (n,).
        explicit: bool (n,).
        invented: bool (n,).
        texts: Packed texts, UTF-8.
        text_ends: Where each track's text ends in `texts`, int64 (n,).
    """

    ids: NDArray[np.bytes_]
    features: NDArray[np.float32]
    ranks: NDArray[np.float32]
    popularity: NDArray[np.float32]
    artist_keys: NDArray[np.int64]
    song_keys: NDArray[np.int64]
    genre_codes: NDArray[np.int32]
    genres: tuple[str, ...]
    label_codes: NDArray[np.int32]
    labels: tuple[str, ...]
    years: NDArray[np.int16]
    duration_ms: NDArray[np.int32]
    explicit: NDArray[np.bool_]
    invented: NDArray[np.bool_]
    texts: bytes
    text_ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def track(self, row: int) -> Track:
        """Return the track in one row."""
        start = int(self.text_ends[row - 1]) if row else 0
        packed = self.texts[start : int(self.text_ends[row])].decode()
        name, artist, album, genre = packed.split(_SEPARATOR)
        # the catalogues publish six digits, and float32 holds no more than seven
        raw = [float(f"{value:.6g}") for value in self.features[row]]
        return Track(
            id=self.ids[row].decode(),
            name=name,
            artist=artist,
            album=album,
            genre=genre,
            duration_ms=int(self.duration_ms[row]),
            explicit=bool(self.explicit[row]),
            valence=raw[0],
            energy=raw[1],
            tempo_bpm=raw[2],
            acousticness=raw[3],
            danceability=raw[4],
            mode=int(raw[5]),
            loudness_db=raw[6],
            invented=bool(self.invented[row]),
        )

    def rows(self, track_ids: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of those of the ids that the catalogue has, in no particular order."""
        wanted = np.array(
            sorted({id_.encode() for id_ in track_ids if len(id_) == 22 and id_.isascii()}),
            dtype="S22",
        )
        places = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        known: NDArray[np.int64] = places[self.ids[places] == wanted]
        return known


def percentile_ranks(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each value's percentile rank among all of them, 0..1; equal values share the mean.

    The smallest of n different values gets 0.5 / n and the largest 1 - 0.5 / n, so that the mean
    is 0.5 whatever the ties.

    Args:
        values: float32 (n,), finite.
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles = (np.cumsum(counts) - counts / 2) / max(len(values), 1)  # (distinct values,)
    ranks: NDArray[np.float32] = middles.astype(np.float32)[places]
    return ranks


def is_among(
    keys: NDArray[np.int64], wanted: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which of many keys are among a few wanted ones (numpy's `isin` sorts the many).

    Args:
        keys: int64 (n,).
        wanted: Any number of keys.
    """
    few = np.sort(np.asarray(wanted, dtype=np.int64))
    if not len(few):
        return np.zeros(len(keys), dtype=np.bool_)
    found: NDArray[np.bool_] = few[np.minimum(np.searchsorted(few, keys), len(few) - 1)] == keys
    return found


def read_table(db: Database, n: int) -> TrackTable:
    """Read the `tracks` table of a catalogue.

    Args:
        db: The catalogue's database.
        n: How many tracks it has.
    """
    ids = np.empty(n, dtype="S22")
    features = np.empty((n, len(FEATURES)), dtype=np.float32, order="F")
    popularity = np.empty(n, dtype=np.float32)
    keys = np.empty((2, n), dtype=np.int64)
    genre_codes, label_codes = np.empty((2, n), dtype=np.int32)
    years = np.empty(n, dtype=np.int16)
    duration_ms = np.empty(n, dtype=np.int32)
    flags = np.empty((2, n), dtype=np.bool_)
    lengths = np.empty(n, dtype=np.int64)
    texts: list[bytes] = []
    genres: dict[str, int] = {}
    labels: dict[str, int] = {}
    cursor = db.execute(
        """
        select id, genre, duration_ms, popularity, explicit, invented, artist_key, song_key,
            label, coalesce(year, 0),
            cast(name || :s || artist || :s || album || :s || genre as blob),
            valence, energy, tempo_bpm, acousticness, danceability, mode, loudness_db
        from tracks order by id
        """,
        {"s": _SEPARATOR},
    )
    start = 0
    while rows := cursor.fetchmany(_ROWS_PER_BATCH):
        columns = list(zip(*rows, strict=True))
        here = slice(start, start + len(rows))
        ids[here] = columns[0]
        genre_codes[here] = [genres.setdefault(main_genre(g), len(genres)) for g in columns[1]]
        duration_ms[here] = columns[2]
        popularity[here] = [np.nan if value is None else value for value in columns[3]]
        flags[:, here] = columns[4:6]
        keys[:, here] = columns[6:8]
        label_codes[here] = [labels.setdefault(label, len(labels)) for label in columns[8]]
        years[here] = columns[9]
        lengths[here] = [len(packed) for packed in columns[10]]
        texts.append(b"".join(columns[10]))
        features[here] = np.array(columns[11:], dtype=np.float32).T
        start += len(rows)
    ranks = np.empty_like(features)
    for k in range(len(FEATURES)):
        ranks[:, k] = percentile_ranks(features[:, k])
    known = ~np.isnan(popularity)
    popularity[known] = percentile_ranks(popularity[known])
    popularity[~known] = 0.5
    return TrackTable(
        ids=ids,
        features=features,
        ranks=ranks,
        popularity=popularity,
        artist_keys=keys[0],
        song_keys=keys[1],
        genre_codes=genre_codes,
        genres=tuple(genres),
        label_codes=label_codes,
        labels=tuple(labels),
        years=years,
        duration_ms=duration_ms,
        explicit=flags[0],
        invented=flags[1],
        texts=b"".join(texts),
        text_ends=np.cumsum(lengths),
    )
