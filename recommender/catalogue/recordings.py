"""Recognises tracks that are the same recording under different ids or artist names.

Spotify has many songs several times: on the album, the single and the compilation, and under other
names of the same artist ("Conga" by Miami Sound Machine and by Gloria Estefan). Names alone do not
reveal such pairs, so tracks with the same title also count as one recording if

- one artist's name starts with the other's: "Tom Petty", "Tom Petty and the Heartbreakers"; or
- their lengths differ by at most two seconds and their tempos by at most one percent.

This sometimes takes a cover for the original, which does no harm: nobody misses the second
"Heaven" in a playlist.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import plain, plain_title

SAME_MS = 2_000
"""Maximum difference in length of the same recording."""

SAME_TEMPO = 0.01
"""Maximum relative difference in tempo."""


def recording_keys(
    names: Sequence[tuple[str, str]],
    song_keys: NDArray[np.int64],
    duration_ms: NDArray[np.int32],
    tempo_bpm: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Return a key for each track; all tracks of the same recording share it.

    Args:
        names: Title and artists of each of n tracks.
        song_keys: `tracks.song_key` of each, int64 (n,); the same song is the same recording.
        duration_ms: int32 (n,).
        tempo_bpm: float32 (n,).
    """
    by_title = defaultdict[str, list[int]](list)
    for row, (title, _) in enumerate(names):
        by_title[plain(plain_title(title)) or title].append(row)
    merged: dict[int, int] = {}  # union-find: each song key to a parent of the same recording
    for rows in by_title.values():
        if len(rows) > 1 and len({int(song_keys[row]) for row in rows}) > 1:
            artists = [plain(names[row][1].partition(", ")[0]) for row in rows]
            for one, other in [
                *_alike_by_name(rows, artists),
                *_alike_by_sound(rows, duration_ms, tempo_bpm),
            ]:
                first, second = sorted(
                    (_root(merged, int(song_keys[one])), _root(merged, int(song_keys[other])))
                )
                if first != second:
                    merged[second] = first
    if not merged:
        return song_keys
    old = np.array(sorted(merged), dtype=np.int64)
    new = np.array([_root(merged, int(key)) for key in old], dtype=np.int64)
    places = np.minimum(np.searchsorted(old, song_keys), len(old) - 1)
    return np.where(old[places] == song_keys, new[places], song_keys)


def _alike_by_name(rows: Sequence[int], artists: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of tracks where one artist's name starts with the other's, word by word."""
    beginnings: list[tuple[str, int]] = []  # a stack; each starts with the one before
    for artist, row in sorted(zip(artists, rows, strict=True)):
        while beginnings and not f"{artist} ".startswith(f"{beginnings[-1][0]} "):
            beginnings.pop()
        if beginnings and beginnings[-1][0]:
            yield beginnings[-1][1], row
        beginnings.append((artist, row))


def _alike_by_sound(
    rows: Sequence[int], duration_ms: NDArray[np.int32], tempo_bpm: NDArray[np.float32]
) -> Iterator[tuple[int, int]]:
    """Yield pairs of tracks with the same length and tempo."""
    by_length = sorted(rows, key=lambda row: int(duration_ms[row]))
    start = 0
    for place, row in enumerate(by_length):
        while duration_ms[row] - duration_ms[by_length[start]] > SAME_MS:
            start += 1
        for other in by_length[start:place]:
            if abs(tempo_bpm[row] - tempo_bpm[other]) <= SAME_TEMPO * tempo_bpm[row]:
                yield other, row


def _root(merged: dict[int, int], key: int) -> int:
    while key in merged:
        key = merged[key]
    return key
