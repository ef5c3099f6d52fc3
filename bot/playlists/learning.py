"""Refits the prior that all users share from everybody's votes."""

import asyncio

from bot.services import Services
from recommender.taste.pool import pool


async def refit_prior(services: Services) -> None:
    """Fit the prior to all votes and store it for the next playlists."""
    while not await _refit(services):
        pass  # a user was deleted meanwhile: fit again without their votes


async def _refit(services: Services) -> bool:
    """Fit once; return whether the result was stored."""
    forgotten, tastes = await services.records.run(
        lambda stores: (stores.music.forgotten, stores.music.tastes())
    )
    prior = await asyncio.to_thread(pool, [taste.votes() for taste in tastes])
    now = services.clock()
    return await services.records.run(
        lambda stores: stores.music.keep_prior(prior, now, forgotten)
    )
