"""What the bot does by itself, by the clock."""

from datetime import timedelta
from typing import Any

from telegram.ext import Application, ContextTypes, JobQueue

from bot.chat.checkins.checkins import ask_due
from bot.chat.connect.reminders import tell_due
from bot.chat.playlist.handlers import Playlists
from bot.linking.connections import Connections
from bot.playlists.learning import learn_from_everybody
from bot.services import Services
from bot.storage.backups import Nightly

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

_AFTER_START = timedelta(minutes=1)


def schedule(
    application: Application[Any, Any, Any, Any, Any, Any],
    services: Services,
    playlists: Playlists,
) -> None:
    """Have the jobs done while the application runs."""
    assert application.job_queue is not None  # it is a dependency of ours

    async def learn(_: ContextTypes.DEFAULT_TYPE) -> None:
        await learn_from_everybody(services)

    async def write(_: ContextTypes.DEFAULT_TYPE) -> None:
        await playlists.write_waiting(application.bot)

    async def ask(_: ContextTypes.DEFAULT_TYPE) -> None:
        await ask_due(application.bot, services)

    queue, soon = application.job_queue, timedelta(seconds=1)
    queue.run_repeating(ask, ASKING_EVERY, first=soon, job_kwargs=LATE_TOO)
    queue.run_repeating(write, WRITING_EVERY, first=soon, job_kwargs=LATE_TOO)
    queue.run_repeating(learn, LEARNING_EVERY, first=_AFTER_START, job_kwargs=LATE_TOO)
    if services.nightly is not None:
        _schedule_copying(queue, services, services.nightly)
    if services.connections is not None:
        _schedule_telling(queue, services, services.connections)


def _schedule_copying(queue: JobQueue[Any], services: Services, nightly: Nightly) -> None:
    async def copy(_: ContextTypes.DEFAULT_TYPE) -> None:
        await nightly.ensure_copy(services.clock())

    queue.run_repeating(copy, COPYING_EVERY, first=_AFTER_START, job_kwargs=LATE_TOO)


def _schedule_telling(queue: JobQueue[Any], services: Services, connections: Connections) -> None:
    async def tell(context: ContextTypes.DEFAULT_TYPE) -> None:
        await tell_due(context.bot, services)

    queue.run_repeating(tell, TELLING_EVERY, first=_AFTER_START, job_kwargs=LATE_TOO)
    connections.when_ended = lambda: queue.run_once(
        tell, when=0, name="tell at once", job_kwargs=LATE_TOO
    )
