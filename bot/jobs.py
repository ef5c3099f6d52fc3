"""What the bot does by itself, by the clock."""

import asyncio
from datetime import timedelta
from typing import Any

from telegram.ext import Application, ContextTypes

from bot.services import Services
from recommender.pool import pool

LEARNING_EVERY = timedelta(days=1)
"""How often everybody's votes are looked at together."""

_AFTER_START = timedelta(minutes=1)


def schedule(application: Application[Any, Any, Any, Any, Any, Any], services: Services) -> None:
    """Have the jobs done while the application runs."""
    assert application.job_queue is not None  # it is a dependency of ours

    async def learn(_: ContextTypes.DEFAULT_TYPE) -> None:
        await learn_from_everybody(services)

    application.job_queue.run_repeating(learn, LEARNING_EVERY, first=_AFTER_START)


async def learn_from_everybody(services: Services) -> None:
    """Learn what listeners have in common; the next playlists start from that."""
    tastes = await services.records.run(lambda stores: stores.music.tastes())
    prior = await asyncio.to_thread(pool, [taste.votes() for taste in tastes])
    now = services.clock()
    await services.records.run(lambda stores: stores.music.keep_prior(prior, now))
