"""Reads a CSV of songs labelled with categories.

The category, valence and energy are required; the other audio features are used if present. A song
in several rows (of several playlists, say) counts once, with its most frequent category.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.csv_rows import BadRow, Cells, CsvTally, OnProgress, Skipped, read_rows
from recommender.catalogue.importing import (
    FEATURE_COLUMNS,
    OPTIONAL,
    REQUIRED,
    artists,
    is_track_id,
    number,
)
from recommender.catalogue.tracks import FEATURES, artist_key

_LABEL = {"label": ("label", "labels", "mood", "emotion", "category")}
_NEEDED = _LABEL | {column: REQUIRED[column] for column in ("valence", "energy")}
_USED = {
    column: (REQUIRED | OPTIONAL)[column] for column in ("id", "artist", *FEATURE_COLUMNS[2:])
}


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSongs:
    """N songs, each in one of C categories.

    Args:
        source: Name of the file.
        features: The K of `tracks.FEATURES` that the file has.
        values: Their raw values, float32 (N, K).
        categories: Names of the categories, as first spelled, in alphabetical order.
        codes: Index of each song's category, int64 (N,).
        artist_keys: Each song's `tracks.artist_key`, int64 (N,); None if the file has no artists.
        own: The category of each track id in the file.
        rows: Rows in the file, without the header.
        repeats: Valid rows that repeated a song.
        disputed: Songs whose rows have different categories.
        skipped: Invalid rows, by reason.
    """

    source: str
    features: tuple[str, ...]
    values: NDArray[np.float32]
    categories: tuple[str, ...]
    codes: NDArray[np.int64]
    artist_keys: NDArray[np.int64] | None
    own: dict[str, str]
    rows: int
    repeats: int
    disputed: int
    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        return len(self.codes)


class _Song(NamedTuple):
    """One valid row. `id` is empty if not a track id, `artist` if the file has no artists."""

    id: str
    artist: str
    category: str
    columns: tuple[str, ...]
    values: tuple[float, ...]


def read_labelled(path: Path, on_progress: OnProgress | None = None) -> LabelledSongs:
    """Read labelled songs from a CSV.

    Args:
        path: The file. Columns are named as in `importing`; the category's column is `label`,
            `labels`, `mood`, `emotion` or `category`. The case of a category does not matter.
        on_progress: Called regularly with the bytes read and the total bytes.

    Raises:
        CatalogueUnreadable: The file cannot be used; the message says why.
    """
    tally = CsvTally()
    rows = list(read_rows(path, _NEEDED, _USED, _parse, tally, on_progress))
    first: dict[str, _Song] = {}
    named: defaultdict[str, Counter[str]] = defaultdict(Counter)
    spelling: dict[str, str] = {}
    for place, row in enumerate(rows):
        song = row.id or str(place)
        first.setdefault(song, row)
        named[song][row.category.casefold()] += 1
        spelling.setdefault(row.category.casefold(), row.category)
    chosen = {song: counts.most_common(1)[0][0] for song, counts in named.items()}
    folded = sorted(set(chosen.values()))
    code = {category: place for place, category in enumerate(folded)}
    songs = list(first.values())
    columns = songs[0].columns
    keys = [artist_key(song.artist) for song in songs if song.artist]
    return LabelledSongs(
        source=path.name,
        features=tuple(f for f, c in zip(FEATURES, FEATURE_COLUMNS, strict=True) if c in columns),
        values=np.array([song.values for song in songs], dtype=np.float32),
        categories=tuple(spelling[category] for category in folded),
        codes=np.array([code[category] for category in chosen.values()], dtype=np.int64),
        artist_keys=np.array(keys, dtype=np.int64) if keys else None,
        own={song.id: spelling[chosen[song.id]] for song in songs if song.id},
        rows=tally.rows,
        repeats=len(rows) - len(songs),
        disputed=sum(len(counts) > 1 for counts in named.values()),
        skipped=tally.skipped,
    )


def _parse(cells: Cells) -> _Song:
    category = cells.text("label")
    if category in ("", "NA"):  # R's missing value
        raise BadRow("label is empty")
    artist = artists(cells)
    if "artist" in cells and not artist:
        raise BadRow("artist is empty")
    columns = tuple(column for column in FEATURE_COLUMNS if column in cells)
    return _Song(
        id=id_ if is_track_id(id_ := cells.text("id")) else "",
        artist=artist,
        category=category,
        columns=columns,
        values=tuple(number(cells, column) for column in columns),
    )
