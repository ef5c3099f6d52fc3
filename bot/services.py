"""The dependencies of the handlers, built in `bot.runtime.run` and passed as one value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from bot.linking.connections import Connections
from bot.metrics import Metrics
from bot.storage.backups import Nightly
from bot.storage.records import Records
from bot.updates.guests import Guests
from bot.worker.process import Explainer
from recommender.catalogue.catalogue import TrackTable


@dataclass(frozen=True, slots=True)
class Services:
    """The outside world and the state.

    Args:
        records: The user data.
        worker: Reads photos, in another process.
        table: The catalogue, in memory.
        connections: The users' Spotify accounts; None if no Spotify app is set up.
        clock: Returns the time now, in UTC.
        rng: Randomness for the ranking's exploration.
        guests: Who may use the bot.
        nightly: The nightly backups; None if none are made.
        metrics: Counters and timers.
    """

    records: Records
    worker: Explainer
    table: TrackTable
    connections: Connections | None
    clock: Callable[[], datetime]
    rng: np.random.Generator
    guests: Guests
    nightly: Nightly | None = None
    metrics: Metrics = field(default_factory=Metrics)
