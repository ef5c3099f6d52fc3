"""Measures one catalogue in a process of its own, so that nothing is warm but what must be.

`python -m tests.benchmarks.measuring CATALOGUE.db` opens the catalogue, makes playlists of 50
tracks for every emotion and mode, five times over, and prints what that took as one line of JSON.
It uses two cores at most.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.table import TrackTable
from recommender.mood.targets import EMOTIONS, MODES
from recommender.recommend import Recommendation, recommend
from recommender.taste.taste import Opinion, Taste

LENGTH = 50
ROUNDS = 5
"""How often each emotion and mode has its turn."""

_PLAYLISTS_REMEMBERED = 14
_VOTES_REMEMBERED = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process took.

    Args:
        tracks: In the catalogue.
        open_ms: To open the catalogue and load its tracks.
        first_ms: Search and ranking of the first playlist.
        p50_ms: Search and ranking, the median of all playlists.
        p95_ms: The same, 95 of 100 playlists are at least as quick.
        busy_p95_ms: The same of the processor's time alone: without waiting for a disk, or for a
            processor that others use.
        opened_mb: Resident memory of the whole process once the catalogue is open; None where
            the system does not tell.
        peak_mb: The most that it was during the playlists.
    """

    tracks: int
    open_ms: float
    first_ms: float
    p50_ms: float
    p95_ms: float
    busy_p95_ms: float
    opened_mb: float | None
    peak_mb: float | None


def measure(path: Path) -> Measured:
    """Open a catalogue and make playlists from it.

    Args:
        path: A `catalogue.db`.
    """
    began = time.perf_counter()
    catalogue = Catalogue(path)
    table = catalogue.load()
    open_ms = (time.perf_counter() - began) * 1000
    opened_mb = _memory_mb("VmRSS")
    catalogue.close()
    times, busy = _times(table)
    return Measured(
        tracks=len(table),
        open_ms=open_ms,
        first_ms=times[0],
        p50_ms=float(np.quantile(times, 0.5)),
        p95_ms=float(np.quantile(times, 0.95)),
        busy_p95_ms=float(np.quantile(busy, 0.95)),
        opened_mb=opened_mb,
        peak_mb=_memory_mb("VmHWM"),
    )


class _Clock:
    """Tells the time, and remembers what the processor had done for us whenever it was asked."""

    def __init__(self) -> None:
        self.busy: list[float] = []

    def __call__(self) -> float:
        """Return seconds."""
        self.busy.append(time.process_time())
        return time.perf_counter()


def _times(table: TrackTable) -> tuple[list[float], list[float]]:
    """Return milliseconds of search and ranking for a listener who votes and wants no repeats.

    First the time that passed, then the processor's, one of each for each playlist.
    """
    clock = _Clock()
    rng = np.random.default_rng(0)
    shown: list[Recommendation] = []
    votes: list[Opinion] = []
    for _, emotion, mode in product(range(ROUNDS), EMOTIONS, MODES):
        lately = shown[-_PLAYLISTS_REMEMBERED:]
        playlist = recommend(
            table,
            probabilities={emotion: 1.0},
            mode=mode,
            length=LENGTH,
            taste=Taste(tuple(votes[-_VOTES_REMEMBERED:])),
            recent={pick.track.id for each in lately for pick in each.picks},
            rng=rng,
            clock=clock,
        )
        shown.append(playlist)
        liked, disliked = playlist.picks[:2]
        votes.append(Opinion.on(liked.track, 1.0, liked.place))
        votes.append(Opinion.on(disliked.track, -1.0, disliked.place))
    busy = np.diff(np.reshape(clock.busy, (-1, 2))) * 1000  # at the beginning and at the end
    return [playlist.ms for playlist in shown], busy.ravel().tolist()


def _memory_mb(field: str) -> float | None:
    """Return a line of the process's status in megabytes; only Linux has one."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    values = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(values[field].split()[0]) * 1024 / 1e6


def main() -> None:
    """Measure a catalogue and print the result as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("catalogue", type=Path, help="a catalogue.db")
    path = parser.parse_args().catalogue
    if not path.is_file():
        parser.error(f"{path} is no file")
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    sys.stdout.write(json.dumps(asdict(measure(path))) + "\n")


if __name__ == "__main__":
    main()
