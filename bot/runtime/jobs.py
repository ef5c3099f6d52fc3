"""The scheduled jobs, robust against changes of the system clock.

APScheduler plans runs by the system clock. If that is set back by three hours, every job is three
hours late. So `keep_going` checks the plan every few seconds, by the monotonic clock, and runs a
job at once if its next run is further ahead than its interval.

If the clock jumps ahead by years, as on a computer that boots in 1970, APScheduler would iterate
over every missed run and block the bot. `Every` skips them.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.triggers.interval import IntervalTrigger
from telegram.ext import Application, ContextTypes, JobQueue

from bot.chat.checkins.checkins import ask_due
from bot.chat.connect.reminders import tell_due
from bot.chat.playlist_messages import PlaylistMessages
from bot.linking.connections import Connections
from bot.playlists.learning import refit_prior
from bot.services import Services
from bot.storage.backups import Nightly

logger = logging.getLogger(__name__)

LEARNING_EVERY = timedelta(days=1)
"""How often the prior is refitted."""

TELLING_EVERY = timedelta(hours=1)
"""How often due notices about consents at Spotify are sent."""

WRITING_EVERY = timedelta(minutes=1)
"""How often pending playlists are retried, if due."""

COPYING_EVERY = timedelta(hours=1)
"""How often to check that there is a backup of today."""

ASKING_EVERY = timedelta(seconds=30)
"""How often due check-ins are sent."""

LATE_TOO = {"misfire_grace_time": None}
"""Run late jobs too: otherwise a busy second would skip a run."""

CHECKED_EVERY_S = 15.0
"""How often `keep_going` checks the plan."""

SLACK = timedelta(seconds=5)
"""How much further ahead than its interval a run may be planned."""

_AFTER_START = timedelta(minutes=1)


class Every(IntervalTrigger):  # type: ignore[misc] # APScheduler has no types
    """An interval trigger that skips the runs missed by a clock that jumped ahead."""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return when the next run is due: at most an interval from now."""
        if previous_fire_time is not None:
            previous_fire_time = max(previous_fire_time, now - self.interval)
        next_run: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        return next_run


def schedule(
    application: Application[Any, Any, Any, Any, Any, Any],
    services: Services,
    playlist_messages: PlaylistMessages,
) -> None:
    """Add the jobs to the application's job queue."""
    assert application.job_queue is not None  # a dependency of ours

    async def learn(_: ContextTypes.DEFAULT_TYPE) -> None:
        await refit_prior(services)

    async def write(_: ContextTypes.DEFAULT_TYPE) -> None:
        await playlist_messages.publish_due(application.bot)

    async def ask(_: ContextTypes.DEFAULT_TYPE) -> None:
        await ask_due(application.bot, services)

    queue, soon = application.job_queue, timedelta(seconds=1)
    due_s = services.metrics.jobs_due_s
    _repeat(queue, ask, ASKING_EVERY, soon, due_s)
    _repeat(queue, write, WRITING_EVERY, soon, due_s)
    _repeat(queue, learn, LEARNING_EVERY, _AFTER_START, due_s)
    if services.nightly is not None:
        _schedule_copying(queue, services, services.nightly)
    if services.connections is not None:
        _schedule_telling(queue, services, services.connections)


async def keep_going(
    queue: JobQueue[Any],
    every_s: float = CHECKED_EVERY_S,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Run jobs at once that a clock set back has delayed, until cancelled."""
    while True:
        await asyncio.sleep(every_s)  # by the monotonic clock
        now = clock()
        for job in queue.scheduler.get_jobs():
            interval = getattr(job.trigger, "interval", timedelta(0))
            if job.next_run_time is not None and job.next_run_time > now + interval + SLACK:
                logger.warning("the clock was set back: the job %r runs now", job.name)
                job.modify(next_run_time=now)


def _repeat(
    queue: JobQueue[Any],
    do: Callable[[ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]],
    every: timedelta,
    first: timedelta,
    due_s: dict[str, float],
) -> None:
    """Add a job that runs after each interval, first after `first`."""
    start = datetime.now(UTC) + first
    name, every_s = do.__name__, every.total_seconds()
    trigger = Every(seconds=every_s, start_date=start, timezone=UTC)
    due_s[name] = time.monotonic() + first.total_seconds()

    async def run(context: ContextTypes.DEFAULT_TYPE) -> None:
        due_s[name] = time.monotonic() + every_s
        await do(context)

    queue.run_custom(run, {"trigger": trigger, **LATE_TOO}, name=name)


def _schedule_copying(queue: JobQueue[Any], services: Services, nightly: Nightly) -> None:
    async def copy(_: ContextTypes.DEFAULT_TYPE) -> None:
        await nightly.ensure_copy(services.clock())

    _repeat(queue, copy, COPYING_EVERY, _AFTER_START, services.metrics.jobs_due_s)


def _schedule_telling(queue: JobQueue[Any], services: Services, connections: Connections) -> None:
    async def tell(context: ContextTypes.DEFAULT_TYPE) -> None:
        await tell_due(context.bot, services)

    _repeat(queue, tell, TELLING_EVERY, _AFTER_START, services.metrics.jobs_due_s)
    connections.when_ended = lambda: queue.run_once(
        tell, when=0, name="tell at once", job_kwargs=LATE_TOO
    )
