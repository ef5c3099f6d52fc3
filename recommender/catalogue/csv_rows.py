"""Reads and validates the rows of a CSV; skips and counts invalid rows.

The caller defines the columns and the row parser: `importing` for tracks, `labelled` for songs
with categories.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TypeVar

from recommender.errors import CatalogueUnreadable

OnProgress = Callable[[int, int], None]
"""Called regularly with the amount done and the total, in bytes or tracks."""

Spellings = Mapping[str, Sequence[str]]
"""Our name for each column, and its names in files, the preferred one first."""

_ROWS_PER_PROGRESS = 2_000
_EXAMPLES = 3

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Rows skipped for one reason: how many, and the lines of the first few."""

    reason: str
    count: int
    lines: tuple[int, ...]


@dataclass(slots=True)
class CsvTally:
    """Counts of the rows read so far.

    Args:
        rows: Rows after the header, valid or not, without blank lines.
        counts: Skipped rows by reason.
        lines: The lines of the first few skipped rows, by reason.
    """

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    lines: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def skip(self, reason: str, line: int) -> None:
        """Count a skipped row."""
        self.counts[reason] += 1
        if self.counts[reason] <= _EXAMPLES:
            self.lines[reason].append(line)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The skipped rows, the most frequent reason first."""
        return tuple(
            Skipped(reason, count, tuple(self.lines[reason]))
            for reason, count in self.counts.most_common()
        )


class BadRow(Exception):
    """A row is invalid; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one row, by our column names."""

    cells: Sequence[str]
    places: Mapping[str, int]

    def __contains__(self, column: str) -> bool:
        return column in self.places

    def raw(self, column: str) -> str:
        """Return the unchanged cell of an existing column."""
        return self.cells[self.places[column]]

    def text(self, column: str) -> str:
        """Return a cell with normalised white space; empty if the file lacks the column."""
        if column not in self.places:
            return ""
        # packed texts use a separator that `split` removes; NUL is not white space
        return " ".join(self.raw(column).replace("\0", " ").split())


def read_rows(
    path: Path,
    required: Spellings,
    optional: Spellings,
    parse: Callable[[Cells], Row],
    tally: CsvTally,
    on_progress: OnProgress | None,
) -> Iterator[Row]:
    """Yield the valid rows of a CSV and count all rows in `tally`.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        required: Required columns.
        optional: Columns that are read if present.
        parse: Turns cells into a row, or raises `BadRow`.
        tally: Counts the rows.
        on_progress: Called regularly with the bytes read and the total bytes.

    Raises:
        CatalogueUnreadable: The file is missing, unreadable, not a CSV, not UTF-8, lacks columns,
            or has no valid row. Discard rows that were yielded before.
    """
    try:
        with path.open("rb") as file:
            total = path.stat().st_size

            def progress() -> None:
                if on_progress is not None:
                    on_progress(file.tell(), total)

            _check_is_text(path, file)
            text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
            yield from _rows(path, text, required, optional, parse, tally, progress)
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise CatalogueUnreadable(f"{path} cannot be opened: {reason}") from error


def _rows(
    path: Path,
    text: TextIOWrapper,
    required: Spellings,
    optional: Spellings,
    parse: Callable[[Cells], Row],
    tally: CsvTally,
    progress: Callable[[], None],
) -> Iterator[Row]:
    reader = csv.reader(text)
    good = 0
    try:
        header = next(reader, [])
        places = _places(path, header, required, optional)
        for cells in reader:
            if not any(cells):  # a blank line
                continue
            tally.rows += 1
            if tally.rows % _ROWS_PER_PROGRESS == 0:
                progress()
            try:
                if len(cells) != len(header):
                    raise BadRow(f"not {len(header)} cells as in the header")
                row = parse(Cells(cells, places))
            except BadRow as reason:
                tally.skip(str(reason), reader.line_num)
                continue
            good += 1
            yield row
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
    progress()


def _check_is_text(path: Path, file: IO[bytes]) -> None:
    """Reject common non-text files with a helpful message; rewind the file."""
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


def _places(
    path: Path, header: Sequence[str], required: Spellings, optional: Spellings
) -> dict[str, int]:
    """Map our column names to their positions in the header."""
    names = [name.strip().lower() for name in header]
    if len(names) < 2:
        raise CatalogueUnreadable(f"{path} is not a CSV: its first line has no comma")
    places = {
        ours: names.index(theirs)
        for ours, spellings in (*required.items(), *optional.items())
        for theirs in reversed(spellings)  # the first spelling present wins
        if theirs in names
    }
    missing = [" or ".join(required[ours]) for ours in required if ours not in places]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise CatalogueUnreadable(f"{path} lacks the {noun} {', '.join(missing)}")
    return places
