"""How slow this machine is at the moment, so that goals in milliseconds hold anywhere."""

from time import process_time

import numpy as np

USUAL_S = 0.0012
"""Processor time that the work below takes where and when the goals were set."""

_NUMBERS = np.random.default_rng(0).random(20_000)


def slowness() -> float:
    """Return how many times as long as usual some fixed work takes now; never less than 1."""
    began = process_time()
    for _ in range(3):
        np.sort(_NUMBERS)
        sum(number * number for number in range(4000))
    return max((process_time() - began) / USUAL_S, 1.0)
