"""A chat whose bot writes to the local Spotify over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bot.linking.connections import Connections
from bot.storage.records import Records
from tests.support.spotify.spotify_world import World, agree
from tests.support.telegram.chatting import ANNA, Chat, chatting


@asynccontextmanager
async def spotify_chat(world: World, **how: Any) -> AsyncIterator[Chat]:
    """Run a bot with a Spotify app, to which Anna has connected her account.

    Waiting takes no time but moves the world's clock.
    """
    made: list[Connections] = []

    async def sleep(wait_s: float) -> None:
        world.clock.advance(seconds=wait_s)

    def connect_by(records: Records) -> Connections:
        made.append(Connections(records, world.client, world.clock, sleep=sleep))
        return made[0]

    async with chatting(connect_by=connect_by, clock=world.clock, **how) as chat:
        await connect(made[0], ANNA)
        yield chat


async def connect(connections: Connections, user_id: int, name: str = "Robin") -> None:
    """Agree on the consent page in a user's name."""
    back = await asyncio.to_thread(agree, await connections.oauth.begin(user_id), name)
    assert await connections.oauth.finish(back) == user_id


async def run_job(chat: Chat, name: str) -> None:
    """Run one of the bot's jobs now."""
    assert chat.application.job_queue is not None
    (job,) = chat.application.job_queue.get_jobs_by_name(name)
    await job.run(chat.application)
