"""The catalogue in memory, one array per column, fast for a million tracks.

Titles and artists are packed into one byte array; a `Track` is only created on request.
"""

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.grid import Grid
from recommender.catalogue.tracks import Track

SEPARATOR = "\x1f"
"""Separates name, artist, album and genres in a packed text; no imported text contains it."""

GENRES_PER_TRACK = 4
"""The genre of the track's artist, and up to three of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """All tracks as arrays with one row per track, sorted by grid cell. K is `len(FEATURES)`.

    Args:
        grid: The grid index over valence and energy.
        ids: Spotify ids, bytes (n,).
        sorted_ids: The ids in ascending order, bytes (n,), for binary search.
        rows_by_id: The row of each of `sorted_ids`, int64 (n,).
        features: Raw features, float32 (n, K).
        popularity: Percentile rank of Spotify's popularity, float32 (n,); 0.5 where unknown.
        artist_keys: `tracks.artist_key` of each track, int64 (n,).
        song_keys: `tracks.song_key` of each track, int64 (n,).
        recording_keys: `recordings.recording_keys` of each track, int64 (n,).
        title_keys: Key of each track's title without versions, int64 (n,); covers share it, and a
            playlist has each title only once.
        genre_codes: Indices into `genres`, int16 (n, `GENRES_PER_TRACK`): the genre of most of the
            artist's tracks first, then the track's own; 0 fills the rest.
        genres: The genres' names; the first is "", for none.
        label_codes: Index of the song category in `labels`, int32 (n,).
        labels: The song categories' names; "" for none.
        years: Release year of each track, int16 (n,); 0 where unknown.
        duration_ms: int32 (n,).
        keys: Pitch class of the key, 0 (C) to 11 (B), int8 (n,); -1 where unknown.
        kinds: Bits of `kinds.Kind`, uint8 (n,).
        explicit: Whether each track is known to be explicit, bool (n,).
        explicit_known: Whether the catalogue says if the track is explicit, bool (n,).
        invented: bool (n,).
        texts: Packed texts, UTF-8, uint8 (total bytes,).
        text_ends: End of each track's text in `texts`, int64 (n,).
        mapping: The memory-mapped file with the arrays; None if they are in memory.
    """

    grid: Grid
    ids: NDArray[np.bytes_]
    sorted_ids: NDArray[np.bytes_]
    rows_by_id: NDArray[np.int64]
    features: NDArray[np.float32]
    popularity: NDArray[np.float32]
    artist_keys: NDArray[np.int64]
    song_keys: NDArray[np.int64]
    recording_keys: NDArray[np.int64]
    title_keys: NDArray[np.int64]
    genre_codes: NDArray[np.int16]
    genres: tuple[str, ...]
    label_codes: NDArray[np.int32]
    labels: tuple[str, ...]
    years: NDArray[np.int16]
    duration_ms: NDArray[np.int32]
    keys: NDArray[np.int8]
    kinds: NDArray[np.uint8]
    explicit: NDArray[np.bool_]
    explicit_known: NDArray[np.bool_]
    invented: NDArray[np.bool_]
    texts: NDArray[np.uint8]
    text_ends: NDArray[np.int64]
    mapping: mmap.mmap | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def track(self, row: int) -> Track:
        """Return the track in one row."""
        start = int(self.text_ends[row - 1]) if row else 0
        packed = self.texts[start : int(self.text_ends[row])].tobytes().decode()
        name, artist, album, genre = packed.split(SEPARATOR)
        # catalogues publish six digits, and float32 holds about seven
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
            instrumentalness=raw[7],
            speechiness=raw[8],
            key=int(self.keys[row]),
            invented=bool(self.invented[row]),
        )

    def rows(self, track_ids: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of the known ids, in no particular order."""
        wanted = np.array(
            sorted({id_.encode() for id_ in track_ids if len(id_) == 22 and id_.isascii()}),
            dtype="S22",
        )
        places = np.searchsorted(self.sorted_ids, wanted)
        places = places[self.sorted_ids[np.minimum(places, len(self) - 1)] == wanted]
        known: NDArray[np.int64] = self.rows_by_id[places]
        return known

    def seconds(self, track_ids: Iterable[str]) -> dict[str, int]:
        """Return the length in seconds of each known track, by id."""
        rows = self.rows(track_ids)
        lengths = (self.duration_ms[rows] + 500) // 1000
        return dict(zip((id_.decode() for id_ in self.ids[rows]), lengths.tolist(), strict=True))

    def release(self) -> None:
        """Release the pages of a memory-mapped file that were read.

        They stay in the system's page cache while there is room, so reading them again is cheap,
        but they no longer count as our memory.
        """
        if self.mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapping.madvise(mmap.MADV_DONTNEED)


def is_among(
    keys: NDArray[np.int64], wanted: Sequence[int] | NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which keys are among a few wanted ones; faster here than numpy's `isin`.

    Args:
        keys: int64 (n,), usually many.
        wanted: int64, usually few.
    """
    few = np.sort(np.asarray(wanted, dtype=np.int64))
    if not len(few):
        return np.zeros(len(keys), dtype=np.bool_)
    found: NDArray[np.bool_] = few[np.minimum(np.searchsorted(few, keys), len(few) - 1)] == keys
    return found
