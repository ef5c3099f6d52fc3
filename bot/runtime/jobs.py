"""The jobs that the bot runs by itself, and what keeps them going when the clock is set back.

APScheduler plans each run by the computer's clock. If that clock is set back by three hours, the
next run of every job is three hours too late. So `keep_going` looks at the plan every few seconds,
by a clock that nobody sets, and runs at once what is planned further ahead than its interval.

If the clock is set ahead by years, as on a computer that starts in 1970, APScheduler would count
every run that it missed and hold up the bot meanwhile. `Every` skips them.
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
"""How often everybody's votes are looked at together."""

TELLING_EVERY = timedelta(hours=1)
"""How often is looked for users whose consent at Spotify ends soon, or who could not be told."""

WRITING_EVERY = timedelta(minutes=1)
"""How often it is looked whether a playlist that could not be written is due."""

COPYING_EVERY = timedelta(hours=1)
"""How often it is looked whether there is a copy of today's user data."""

ASKING_EVERY = timedelta(seconds=30)
"""How often it is looked whether a check-in is due."""

LATE_TOO = {"misfire_grace_time": None}
"""Has a job done that comes late: else a busy second would put it off by a minute or a day."""

CHECKED_EVERY_S = 15.0
"""How often `keep_going` looks at the plan."""

SLACK = timedelta(seconds=5)
"""How much further ahead than its interval a job may be planned without being brought forward."""

_AFTER_START = timedelta(minutes=1)


class Every(IntervalTrigger):  # type: ignore[misc] # APScheduler has no types
    """Plans a run after each interval, but none of those that a clock set ahead has skipped."""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return when the next run is due: within an interval from now, or now."""
        if previous_fire_time is not None:
            previous_fire_time = max(previous_fire_time, now - self.interval)
        next_run: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        return next_run


def schedule(
    application: Application[Any, Any, Any, Any, Any, Any],
    services: Services,
    playlist_messages: PlaylistMessages,
) -> None:
    """Have the jobs done while the application runs."""
    assert application.job_queue is not None  # it is a dependency of ours

    async def learn(_: ContextTypes.DEFAULT_TYPE) -> None:
        await refit_prior(services)

    async def write(_: ContextTypes.DEFAULT_TYPE) -> None:
        await playlist_messages.publish_due(application.bot)

    async def ask(_: ContextTypes.DEFAULT_TYPE) -> None:
        services.metrics.last_job_s = time.monotonic()
        await ask_due(application.bot, services)

    queue, soon = application.job_queue, timedelta(seconds=1)
    _repeat(queue, ask, ASKING_EVERY, soon)
    _repeat(queue, write, WRITING_EVERY, soon)
    _repeat(queue, learn, LEARNING_EVERY, _AFTER_START)
    if services.nightly is not None:
        _schedule_copying(queue, services, services.nightly)
    if services.connections is not None:
        _schedule_telling(queue, services, services.connections)


async def keep_going(
    queue: JobQueue[Any],
    every_s: float = CHECKED_EVERY_S,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Run jobs at once that a clock set back has put off, until this is cancelled."""
    while True:
        await asyncio.sleep(every_s)  # asyncio goes by a clock that nobody sets
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
) -> None:
    """Have something done after each interval, for the first time a while from now."""
    start = datetime.now(UTC) + first
    trigger = Every(seconds=every.total_seconds(), start_date=start, timezone=UTC)
    queue.run_custom(do, {"trigger": trigger, **LATE_TOO})


def _schedule_copying(queue: JobQueue[Any], services: Services, nightly: Nightly) -> None:
    async def copy(_: ContextTypes.DEFAULT_TYPE) -> None:
        await nightly.ensure_copy(services.clock())

    _repeat(queue, copy, COPYING_EVERY, _AFTER_START)


def _schedule_telling(queue: JobQueue[Any], services: Services, connections: Connections) -> None:
    async def tell(context: ContextTypes.DEFAULT_TYPE) -> None:
        await tell_due(context.bot, services)

    _repeat(queue, tell, TELLING_EVERY, _AFTER_START)
    connections.when_ended = lambda: queue.run_once(
        tell, when=0, name="tell at once", job_kwargs=LATE_TOO
    )
