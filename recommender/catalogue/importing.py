"""Reads a CSV of tracks with audio features from one of three common sources.

These are TidyTuesday's `spotify_songs.csv` (`track_id`, `track_artist`, ...), the Hugging Face
data set (`track_id`, `artists` separated by ";") and Kaggle's `tracks_features.csv` (`id`,
`artists` as a Python list). Each column may have any of its names; the order does not matter.
"""

import ast
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from recommender.catalogue.csv_rows import BadRow, Cells, CsvTally, OnProgress, read_rows

REQUIRED = {
    "id": ("track_id", "id"),
    "name": ("track_name", "name"),
    "artist": ("track_artist", "artists", "artist"),
    "valence": ("valence",),
    "energy": ("energy",),
    "tempo": ("tempo",),
    "acousticness": ("acousticness",),
    "danceability": ("danceability",),
    "mode": ("mode",),
    "loudness": ("loudness",),
    "duration_ms": ("duration_ms",),
}
"""The required columns, with their names in files."""

OPTIONAL = {
    "album": ("track_album_name", "album_name", "album"),
    "genre": ("playlist_genre", "track_genre", "genre"),
    "popularity": ("track_popularity", "popularity"),
    "explicit": ("explicit",),
    "subgenre": ("playlist_subgenre", "subgenre"),
    "instrumentalness": ("instrumentalness",),
    "speechiness": ("speechiness",),
    "key": ("key",),
    "year": ("track_album_release_date", "release_date", "year", "album_release_date"),
}
"""The columns that are read if present."""

FEATURE_COLUMNS = (
    "valence",
    "energy",
    "tempo",
    "acousticness",
    "danceability",
    "mode",
    "loudness",
    "instrumentalness",
    "speechiness",
)
"""The columns of `tracks.FEATURES`, in its order."""

_RANGES = {
    "valence": (0.0, 1.0),
    "energy": (0.0, 1.0),
    "tempo": (1.0, 400.0),  # Spotify writes 0 if its analysis failed
    "acousticness": (0.0, 1.0),
    "danceability": (0.0, 1.0),
    "mode": (0.0, 1.0),
    "loudness": (-100.0, 20.0),
    "duration_ms": (1.0, 86_400_000.0),
    "instrumentalness": (0.0, 1.0),
    "speechiness": (0.0, 1.0),
    "key": (0.0, 11.0),
}
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
"""The values of `explicit`; anything else means unknown."""

_TRACK_ID = re.compile(r"[0-9A-Za-z]{22}")
_YEAR = re.compile(r"(?:18|19|2[0-9])[0-9]{2}(?![0-9])")


class CsvTrack(NamedTuple):
    """One valid row of a CSV, with numbers in range and normalised white space."""

    id: str
    name: str
    artist: str
    album: str
    genre: str
    popularity: int | None
    duration_ms: int
    explicit: bool
    valence: float
    energy: float
    tempo: float
    acousticness: float
    danceability: float
    mode: int
    loudness: float
    instrumentalness: float | None
    speechiness: float | None
    key: int | None
    year: int | None
    explicit_known: bool


def read_csv(path: Path, tally: CsvTally, on_progress: OnProgress | None) -> Iterator[CsvTrack]:
    """Yield the valid rows of a CSV and count all rows in `tally`.

    Raises:
        CatalogueUnreadable: As for `read_rows`.
    """
    return read_rows(path, REQUIRED, OPTIONAL, _parse, tally, on_progress)


def is_track_id(text: str) -> bool:
    """Return whether a text looks like a Spotify track id."""
    return _TRACK_ID.fullmatch(text) is not None


def number(cells: Cells, column: str) -> float:
    """Return the number in an existing column.

    Raises:
        BadRow: It is not a number, or out of range.
    """
    try:
        value = float(cells.raw(column))
    except ValueError:
        raise BadRow(f"{column} is not a number") from None
    if math.isnan(value):
        raise BadRow(f"{column} is not a number")
    low, high = _RANGES[column]
    if not low <= value <= high or (column == "mode" and value not in (low, high)):
        raise BadRow(f"{column} is out of range")
    return value


def optional_number(cells: Cells, column: str) -> float | None:
    """Return the number in a column, or None if it is missing or invalid."""
    try:
        return number(cells, column) if column in cells else None
    except BadRow:
        return None


def artists(cells: Cells) -> str:
    """Return all artists separated by ", ", from any of the three formats."""
    cell = cells.text("artist")
    names: Sequence[object] = cell.split(";")
    if cell.startswith("[") and cell.endswith("]"):
        try:
            names = ast.literal_eval(cell)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # as it warns
            names = [cell]
    return ", ".join(str(name).strip() for name in names if str(name).strip())


def _parse(cells: Cells) -> CsvTrack:
    id_, name, artist = cells.text("id"), cells.text("name"), artists(cells)
    for column, value in (("id", id_), ("name", name), ("artist", artist)):
        if not value:
            raise BadRow(f"{column} is empty")
    if name == artist == "NA":  # R's missing value
        raise BadRow("name is empty")
    if not is_track_id(id_):
        raise BadRow("id is not a Spotify track id")
    numbers = {column: number(cells, column) for column in _RANGES if column in REQUIRED}
    key = optional_number(cells, "key")
    return CsvTrack(
        id=id_,
        name=name,
        artist=artist,
        album=cells.text("album"),
        genre=_genres(cells),
        popularity=_popularity(cells.text("popularity")),
        duration_ms=round(numbers["duration_ms"]),
        explicit=(explicit := cells.text("explicit").lower()) in _YES,
        valence=numbers["valence"],
        energy=numbers["energy"],
        tempo=numbers["tempo"],
        acousticness=numbers["acousticness"],
        danceability=numbers["danceability"],
        mode=int(numbers["mode"]),
        loudness=numbers["loudness"],
        instrumentalness=optional_number(cells, "instrumentalness"),
        speechiness=optional_number(cells, "speechiness"),
        key=None if key is None else int(key),
        year=_year(cells.text("year")),
        explicit_known=explicit in _YES + _NO,
    )


def _genres(cells: Cells) -> str:
    """Return the row's genre and subgenre, separated by ", "."""
    genres = (cells.text(column).replace(",", " ") for column in ("genre", "subgenre"))
    return ", ".join(dict.fromkeys(genre for genre in genres if genre))


def _popularity(cell: str) -> int | None:
    """Return the popularity, or None if invalid: it is optional, so the row stays valid."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return round(value) if 0 <= value <= 100 else None


def _year(cell: str) -> int | None:
    """Return the year at the start of a date, or None: it is optional too."""
    year = _YEAR.match(cell)
    return int(year[0]) if year else None
