"""Run work on many pictures in several processes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def processors() -> int:
    """Return the number of CPUs that this process may use."""
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def map_chunks(
    work: Callable[[Chunk], Result], chunks: Sequence[Chunk], workers: int
) -> Iterator[Result]:
    """Yield the result of `work` for each chunk, in order.

    Args:
        work: A module-level function, so that other processes can import it.
        chunks: The inputs, one per call.
        workers: Number of processes. With one worker or one chunk, this process does the work.
    """
    if min(workers, len(chunks)) <= 1:
        yield from map(work, chunks)
        return
    # Forking is unsafe once this process has started the network's threads.
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker) as pool:
        results: Iterable[Result] = pool.map(work, chunks)
        yield from results


def _start_worker() -> None:
    cv2.setNumThreads(1)  # the worker processes already use all CPUs
