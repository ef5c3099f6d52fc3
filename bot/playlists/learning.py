"""What listeners have in common, learned from the votes of all who are not forgotten."""

import asyncio

from bot.services import Services
from recommender.taste.pool import pool


async def learn_from_everybody(services: Services) -> None:
    """Learn what listeners have in common; the next playlists start from that."""
    while not await _learn(services):
        pass  # somebody was forgotten meanwhile, so it is learned anew without them


async def _learn(services: Services) -> bool:
    """Learn once, and return whether it was kept."""
    forgotten, tastes = await services.records.run(
        lambda stores: (stores.music.forgotten, stores.music.tastes())
    )
    prior = await asyncio.to_thread(pool, [taste.votes() for taste in tastes])
    now = services.clock()
    return await services.records.run(
        lambda stores: stores.music.keep_prior(prior, now, forgotten)
    )
