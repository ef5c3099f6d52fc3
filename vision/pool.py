"""Work on many pictures, spread over the processors."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

Part = TypeVar("Part")
Result = TypeVar("Result")


def processors() -> int:
    """Return how many processors this process may use."""
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def map_parts(
    work: Callable[[Part], Result], parts: Sequence[Part], workers: int
) -> Iterator[Result]:
    """Yield what the work on each part gives, in their order.

    Args:
        work: A function of a module, so that other processes can import it.
        parts: What it is done on.
        workers: Processes; with one, or for one part, this process does it all.
    """
    if min(workers, len(parts)) <= 1:
        yield from map(work, parts)
        return
    # Fork is not safe in a process that has started a network's threads.
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin) as pool:
        results: Iterable[Result] = pool.map(work, parts)
        yield from results


def _begin() -> None:
    cv2.setNumThreads(1)  # the processes already fill the processors
