"""Runs work on many pictures in parallel processes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

Part = TypeVar("Part")
Result = TypeVar("Result")


def processors() -> int:
    """Return the number of processors this process may use."""
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def map_parts(
    work: Callable[[Part], Result], parts: Sequence[Part], workers: int
) -> Iterator[Result]:
    """Yield the result of `work` for each part, in order.

    Args:
        work: A module-level function, so that other processes can import it.
        parts: Its arguments.
        workers: The number of processes; with one, or for a single part, none is started.
    """
    if min(workers, len(parts)) <= 1:
        yield from map(work, parts)
        return
    # Forking is unsafe in a process with the threads of a network.
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin) as pool:
        results: Iterable[Result] = pool.map(work, parts)
        yield from results


def _begin() -> None:
    cv2.setNumThreads(1)  # the processes already fill the processors
