"""What the bot counts and times, in its own Prometheus registry.

Nothing here distinguishes one user from another.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
"""They go up to the deadline for a video and the timeout of a request to Spotify."""

NO_ANSWER = "none"


class Metrics:
    """The counters, gauges and histograms of one running bot."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.update_seconds = Histogram(
            "mirrortape_update_seconds",
            "Seconds from an update's turn to its last answer",
            ["kind"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.updates_failed = Counter(
            "mirrortape_updates_failed",
            "Updates that ended in an apology",
            registry=self.registry,
        )
        self.updates_set_aside = Counter(
            "mirrortape_updates_set_aside",
            "Updates that could not be parsed",
            registry=self.registry,
        )
        self.updates_dropped = Counter(
            "mirrortape_updates_dropped",
            "Updates over the limit for people who may not use the bot",
            registry=self.registry,
        )
        self.updates_waiting = Gauge(
            "mirrortape_updates_waiting",
            "Updates received and not yet handled",
            registry=self.registry,
        )
        self.photos_waiting = Gauge(
            "mirrortape_photos_waiting",
            "Photos waiting to be fetched and read",
            registry=self.registry,
        )
        self.last_fetch_utc: datetime | None = None
        self.jobs_due_s: dict[str, float] = {}
        """When each repeated job is due next, on the monotonic clock."""
        self._last_fetch = Gauge(
            "mirrortape_last_fetch_timestamp_seconds",
            "When Telegram last answered a request for updates",
            registry=self.registry,
        )
        self._step_seconds = Histogram(
            "mirrortape_step_seconds",
            "Seconds of each step from a photo to a playlist",
            ["step"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._steps_under_way = Gauge(
            "mirrortape_steps_under_way",
            "Steps in progress, including queued ones",
            ["step"],
            registry=self.registry,
        )
        self._spotify_answers = Counter(
            "mirrortape_spotify_answers",
            "Answers from Spotify by HTTP status",
            ["service", "status"],
            registry=self.registry,
        )
        self.votes = Counter(
            "mirrortape_votes", "Votes on tracks", ["vote"], registry=self.registry
        )
        self.ratings = Counter(
            "mirrortape_ratings", "Ratings of playlists", ["stars"], registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    def fetched(self, now: datetime) -> None:
        """Note that Telegram has answered."""
        self.last_fetch_utc = now
        self._last_fetch.set(now.timestamp())

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block, whether it succeeds or fails."""
        start = time.perf_counter()
        with self._steps_under_way.labels(name).track_inprogress():
            try:
                yield
            finally:
                self.time(name, time.perf_counter() - start)

    def time(self, step: str, seconds: float) -> None:
        """Record how long a step took."""
        self._step_seconds.labels(step).observe(seconds)

    def spotify_answered(self, service: str, status: int | None) -> None:
        """Count an answer from Spotify by status; None if there was none."""
        self._spotify_answers.labels(service, NO_ANSWER if status is None else str(status)).inc()
