"""How slow this machine is now, so that limits in milliseconds hold on any machine."""

from time import process_time

import numpy as np

USUAL_S = 0.0012
"""Processor time of the work below on the machine on which the limits were set."""

_NUMBERS = np.random.default_rng(0).random(20_000)


def slowness() -> float:
    """Return how many times longer than usual a fixed piece of work takes now; at least 1."""
    began = process_time()
    for _ in range(3):
        np.sort(_NUMBERS)
        sum(number * number for number in range(4000))
    return max((process_time() - began) / USUAL_S, 1.0)
