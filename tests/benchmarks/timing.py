"""Times search and ranking against the size of the catalogue, and our search against others.

`python -m tests.benchmarks.timing CATALOGUE.csv` makes catalogues of ten thousand to 1.2 million
tracks that sound like those of the CSV, in a temporary folder (half a gigabyte), measures each in
processes of its own, and prints the table, the line that it follows, and the searches side by
side.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.table import TrackTable
from recommender.errors import CatalogueError
from recommender.mood.targets import EMOTIONS, MODES
from tests.benchmarks.enlarging import enlarged
from tests.benchmarks.measuring import LENGTH, ROUNDS, Measured
from tests.benchmarks.searches import Side, agree, side_by_side

SIZES = (10_000, 28_000, 100_000, 300_000, 1_200_000)
SMALLEST, LARGEST = 1_000, 10_000_000
"""Tracks that a catalogue to be measured may have."""

_PROCESSES = 3
"""The one with the smallest p95 counts, since others may use the computer."""


def measured(path: Path) -> Measured:
    """Return what a fresh process takes for a catalogue that nothing has in memory.

    Args:
        path: A `catalogue.db`.
    """
    found = []
    for _ in range(_PROCESSES):
        for file in path.parent.iterdir():
            _forget(file)
        answer = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.measuring", str(path)],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # as the bot has it
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        found.append(Measured(**json.loads(answer)))
    return min(found, key=lambda each: each.p95_ms)


def fitted(sizes: Sequence[int], times_ms: Sequence[float]) -> tuple[float, float]:
    """Return c and k of the line ms = c · tracks^k that comes nearest to the logarithms.

    Args:
        sizes: Tracks, at least two different numbers.
        times_ms: Milliseconds at each.
    """
    k, log_c = np.polyfit(np.log(sizes), np.log(times_ms), 1)
    return float(np.exp(log_c)), float(k)


def _forget(file: Path) -> None:
    """Ask the system to drop a file from its cache, where it takes such wishes."""
    if sys.platform == "linux":
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # what is not yet written cannot be dropped
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _grown(table: TrackTable, size: int, folder: Path) -> Path:
    """Make a catalogue of a size from a real one and return its path."""
    sys.stderr.write(f"making {size:,} tracks\n")
    path = folder / f"{size}" / "catalogue.db"
    catalogue = Catalogue(path)
    catalogue.replace_invented(enlarged(table, size, np.random.default_rng(size)))
    catalogue.close()
    return path


def _print_sizes(rows: Sequence[Measured]) -> None:
    playlists = ROUNDS * len(EMOTIONS) * len(MODES)
    _print(f"Search and ranking of {LENGTH} tracks: {playlists} playlists, each emotion and mode")
    _print("    tracks   open ms  first ms    p50 ms    p95 ms   p95 busy  opened MB   peak MB")
    for row in rows:
        memory = [f"{mb:10.0f}" if mb else f"{'-':>10}" for mb in (row.opened_mb, row.peak_mb)]
        times = (row.open_ms, row.first_ms, row.p50_ms, row.p95_ms, row.busy_p95_ms)
        _print(f"{row.tracks:10,}" + "".join(f"{ms:10.1f}" for ms in times) + "".join(memory))
    sizes = [row.tracks for row in rows]
    if len(set(sizes)) > 1:
        for name, column in (
            ("p50", [row.p50_ms for row in rows]),
            ("p95", [row.p95_ms for row in rows]),
            ("p95 busy", [row.busy_p95_ms for row in rows]),
        ):
            c, k = fitted(sizes, column)
            _print(f"{name} = {c:.2g} ms · tracks^{k:.2f}")


def _print_sides(tracks: int, sides: Sequence[Side]) -> None:
    _print(f"\nCandidates of one playlist of {LENGTH} among {tracks:,} tracks, a tenth banned:")
    _print(f"{'':32}{'build ms':>10}{'search ms':>11}{'times ours':>12}")
    ours = sides[0].build_ms + sides[0].search_ms
    for side in sides:
        ratio = (side.build_ms + side.search_ms) / ours
        _print(f"{side.name:32}{side.build_ms:10.1f}{side.search_ms:11.1f}{ratio:12.1f}")
    if agree(sides):
        _print("All three find candidates at the same distances.")
    else:
        _print("They do not find candidates at the same distances!")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _size(text: str) -> int:
    if not text.isdecimal() or not SMALLEST <= int(text) <= LARGEST:
        raise argparse.ArgumentTypeError(f"{text} is not between {SMALLEST:,} and {LARGEST:,}")
    return int(text)


def main() -> None:
    """Time search and ranking on catalogues of several sizes."""
    parser = argparse.ArgumentParser(description=main.__doc__, usage=argparse.SUPPRESS)
    parser.add_argument("csv", type=Path, help="what `mirrortape catalogue import` takes")
    parser.add_argument("--sizes", type=_size, nargs="+", default=SIZES, help="numbers of tracks")
    arguments = parser.parse_args()
    catalogue = Catalogue(None)
    try:
        catalogue.import_csv(arguments.csv)
        with tempfile.TemporaryDirectory() as folder:
            _time(catalogue.load(), arguments.sizes, Path(folder))
    except (CatalogueError, OSError) as error:
        parser.error(str(error))


def _time(table: TrackTable, sizes: Sequence[int], folder: Path) -> None:
    paths = [_grown(table, size, folder) for size in sizes]
    _print_sizes([measured(path) for path in paths])
    for path in dict.fromkeys((paths[0], paths[-1])):
        catalogue = Catalogue(path)
        table = catalogue.load()
        catalogue.close()
        _print_sides(len(table), side_by_side(table))


if __name__ == "__main__":
    main()
