"""Reads a CSV of tracks with audio features, whichever of the usual sources it comes from.

Three spellings are known: TidyTuesday's `spotify_songs.csv` (`track_id`, `track_artist`, ...), the
Hugging Face set (`track_id`, `artists` separated by ";") and Kaggle's `tracks_features.csv`
(`id`, `artists` written as a Python list). A column may have any of its names, in any order.
"""

import ast
import csv
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple

from recommender.errors import CatalogueUnreadable

OnProgress = Callable[[int, int], None]
"""Called now and then with the bytes that are done and the bytes that there are."""

_REQUIRED = {
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
_OPTIONAL = {
    "album": ("track_album_name", "album_name", "album"),
    "genre": ("playlist_genre", "track_genre", "genre"),
    "popularity": ("track_popularity", "popularity"),
    "explicit": ("explicit",),
}
_RANGES = {
    "valence": (0.0, 1.0),
    "energy": (0.0, 1.0),
    "tempo": (1.0, 400.0),  # Spotify writes 0 where it could not analyse the recording at all
    "acousticness": (0.0, 1.0),
    "danceability": (0.0, 1.0),
    "mode": (0.0, 1.0),
    "loudness": (-100.0, 20.0),
    "duration_ms": (1.0, 86_400_000.0),
}
_TRACK_ID = re.compile(r"[0-9A-Za-z]{22}")
_ROWS_PER_PROGRESS = 2_000
_EXAMPLES = 3


class CsvTrack(NamedTuple):
    """One good row of a CSV, its numbers in range and its texts free of stray white space."""

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


@dataclass(frozen=True, slots=True)
class Skipped:
    """Rows that were left out for one reason: how many, and the lines of the first few."""

    reason: str
    count: int
    lines: tuple[int, ...]


@dataclass(slots=True)
class CsvTally:
    """What was seen in a CSV so far.

    Args:
        rows: Rows after the header, good or bad; blank lines are none.
        counts: How many rows were left out for each reason.
        lines: The lines of the first few of them.
    """

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    lines: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def skip(self, reason: str, line: int) -> None:
        """Count a row that is left out."""
        self.counts[reason] += 1
        if self.counts[reason] <= _EXAMPLES:
            self.lines[reason].append(line)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The rows that were left out, the most frequent reason first."""
        return tuple(
            Skipped(reason, count, tuple(self.lines[reason]))
            for reason, count in self.counts.most_common()
        )


class _BadRow(Exception):
    """A row that cannot be used; the text is the reason."""


def read_csv(path: Path, tally: CsvTally, on_progress: OnProgress | None) -> Iterator[CsvTrack]:
    """Yield the good rows of a CSV and count all of them in `tally`.

    Raises:
        CatalogueUnreadable: The file is absent, unreadable, no CSV, not UTF-8, lacks columns, or
            has no row that can be used. Rows may have been yielded before: keep none of them.
    """
    try:
        with path.open("rb") as file:
            total = path.stat().st_size
            _check_is_text(path, file)
            text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
            yield from _rows(path, text, tally, lambda: _report(on_progress, file.tell(), total))
            _report(on_progress, total, total)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise CatalogueUnreadable(f"{path} cannot be opened: {reason}") from error


def _rows(
    path: Path, text: TextIOWrapper, tally: CsvTally, progress: Callable[[], None]
) -> Iterator[CsvTrack]:
    reader = csv.reader(text)
    good = 0
    try:
        header = next(reader, [])
        places = _places(path, header)
        for cells in reader:
            if not any(cells):  # a blank line
                continue
            tally.rows += 1
            if tally.rows % _ROWS_PER_PROGRESS == 0:
                progress()
            try:
                if len(cells) != len(header):
                    raise _BadRow(f"not {len(header)} cells as in the header")
                track = _parse(cells, places)
            except _BadRow as reason:
                tally.skip(str(reason), reader.line_num)
                continue
            good += 1
            yield track
    except UnicodeDecodeError as error:
        raise CatalogueUnreadable(
            f"{path} is not UTF-8 text (after line {reader.line_num}); save it as UTF-8 first"
        ) from error
    except csv.Error as error:
        raise CatalogueUnreadable(
            f"{path} is not a valid CSV (line {reader.line_num}: {error})"
        ) from error
    if not tally.rows:
        raise CatalogueUnreadable(f"{path} has a header but no rows")
    if not good:
        reasons = ", ".join(f"{skipped.reason} ({skipped.count})" for skipped in tally.skipped)
        raise CatalogueUnreadable(f"{path}: none of its {tally.rows} rows can be used: {reasons}")


def _check_is_text(path: Path, file: IO[bytes]) -> None:
    """Refuse what no decoder would describe well, then go back to the start."""
    head = file.read(65_536)
    file.seek(0)
    if not head:
        raise CatalogueUnreadable(f"{path} is empty")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CatalogueUnreadable(f"{path} is UTF-16, not UTF-8; save it as UTF-8 first")
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise CatalogueUnreadable(f"{path} is compressed; unpack it first")
    if b"\0" in head:
        raise CatalogueUnreadable(f"{path} is a binary file, not a CSV")


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Map our columns to their places in the header."""
    names = [name.strip().lower() for name in header]
    if len(names) < 2:
        raise CatalogueUnreadable(f"{path} is not a CSV: its first line has no comma")
    columns = _REQUIRED | _OPTIONAL
    places = {
        ours: names.index(theirs)
        for ours, spellings in columns.items()
        for theirs in reversed(spellings)  # the first spelling that is there wins
        if theirs in names
    }
    missing = [" or ".join(_REQUIRED[ours]) for ours in _REQUIRED if ours not in places]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise CatalogueUnreadable(f"{path} lacks the {noun} {', '.join(missing)}")
    return places


def _parse(cells: list[str], places: dict[str, int]) -> CsvTrack:
    def text(column: str) -> str:
        place = places.get(column)
        # no control character may break our packed texts: `split` drops all others of that use
        return "" if place is None else " ".join(cells[place].replace("\0", " ").split())

    id_, name, artist = text("id"), text("name"), _artists(text("artist"))
    for column, value in (("id", id_), ("name", name), ("artist", artist)):
        if not value:
            raise _BadRow(f"{column} is empty")
    if name == artist == "NA":  # how R writes what is missing
        raise _BadRow("name is empty")
    if not _TRACK_ID.fullmatch(id_):
        raise _BadRow("id is not a Spotify track id")
    numbers = {column: _number(column, cells[places[column]]) for column in _RANGES}
    if numbers["mode"] not in (0.0, 1.0):
        raise _BadRow("mode is out of range")
    return CsvTrack(
        id=id_,
        name=name,
        artist=artist,
        album=text("album"),
        genre=text("genre").replace(",", " "),
        popularity=_popularity(text("popularity")),
        duration_ms=round(numbers["duration_ms"]),
        explicit=text("explicit").lower() in ("true", "1"),
        valence=numbers["valence"],
        energy=numbers["energy"],
        tempo=numbers["tempo"],
        acousticness=numbers["acousticness"],
        danceability=numbers["danceability"],
        mode=int(numbers["mode"]),
        loudness=numbers["loudness"],
    )


def _number(column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise _BadRow(f"{column} is not a number") from None
    if math.isnan(value):
        raise _BadRow(f"{column} is not a number")
    low, high = _RANGES[column]
    if not low <= value <= high:
        raise _BadRow(f"{column} is out of range")
    return value


def _popularity(cell: str) -> int | None:
    """Popularity only breaks ties, so that a row is not lost for a bad one."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return round(value) if 0 <= value <= 100 else None


def _artists(cell: str) -> str:
    """Return all artists separated by ", " from any of the three spellings."""
    names: Sequence[object] = cell.split(";")
    if cell.startswith("[") and cell.endswith("]"):
        try:
            names = ast.literal_eval(cell)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # as it warns
            names = [cell]
    return ", ".join(str(name).strip() for name in names if str(name).strip())


def _report(on_progress: OnProgress | None, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress(done, total)
