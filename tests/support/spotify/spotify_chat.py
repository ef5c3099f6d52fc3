"""A chat whose bot writes to the local Spotify over real HTTP."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bot.linking.connections import Connections
from bot.storage.records import Records
from tests.support.spotify.spotify_world import World, agree
from tests.support.telegram.chatting import ANNA, Chat, with_chat


async def with_spotify(
    world: World, story: Callable[[Chat], Coroutine[Any, Any, None]], **how: Any
) -> None:
    """Tell a story to a bot with a Spotify app, to which Anna has connected her account.

    What is waited out takes no time but moves the world's clock.
    """
    made: list[Connections] = []

    async def sleep(wait_s: float) -> None:
        world.clock.advance(seconds=wait_s)

    def connect_by(records: Records) -> Connections:
        made.append(Connections(records, world.client, world.clock, sleep=sleep))
        return made[0]

    async def connected(chat: Chat) -> None:
        await connect(made[0], ANNA)
        await story(chat)

    await with_chat(connected, connect_by=connect_by, clock=world.clock, **how)


async def connect(connections: Connections, user_id: int, name: str = "Robin") -> None:
    """Agree on the consent page in a user's name."""
    back = await asyncio.to_thread(agree, await connections.oauth.begin(user_id), name)
    assert await connections.oauth.finish(back) == user_id


async def run_job(chat: Chat, name: str) -> None:
    """Run one of the bot's jobs now."""
    assert chat.application.job_queue is not None
    (job,) = chat.application.job_queue.get_jobs_by_name(name)
    await job.run(chat.application)
