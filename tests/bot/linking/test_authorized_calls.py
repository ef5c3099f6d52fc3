"""One refresh at a time for each user, however many ask, stop asking, or connect anew."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest

from bot.linking.authorized_calls import AuthorizedCalls
from bot.linking.user_locks import UserLocks
from bot.storage.records import Records
from recommender.errors import ConnectionExpired, NotConnected
from recommender.services.spotify.tokens import Profile, Tokens
from recommender.services.spotify.web_api import SpotifyClient
from recommender.storage.database import DiskFull
from tests.support.spotify.spotify_world import Server, World, records

USER, OTHER = 7, 8
REFRESH = ("POST", "/api/token")


class SlowClient(SpotifyClient):
    """The adapter; a refresh waits until it may be answered."""

    def __init__(self, client: SpotifyClient) -> None:
        super().__init__(client._app)
        self.begun, self.may_end = threading.Event(), threading.Event()

    def refresh(self, tokens: Tokens, now: datetime) -> Tokens:
        fresh = super().refresh(tokens, now)
        self.begun.set()
        assert self.may_end.wait(timeout=10)
        return fresh


class Scene:
    """Two connected users and somebody who asks for them."""

    def __init__(self, world: World, stores: Records) -> None:
        self.world, self.stores, self.locks = world, stores, UserLocks()
        self.client = SlowClient(world.client)
        self.client.may_end.set()
        self.ended: list[None] = []
        self.calls = AuthorizedCalls(
            stores, self.client, self.locks, world.clock, lambda: self.ended.append(None)
        )

    async def connect(self, user_id: int, name: str) -> Tokens:
        tokens = await asyncio.to_thread(self.world.tokens, name)
        profile = Profile(name, name)
        await self.stores.run(lambda s: s.spotify.connect(user_id, profile, tokens))
        return tokens

    async def ask(self, user_id: int = USER) -> str:
        profile = await self.calls.call(user_id, self.client.profile)
        return profile.display_name

    async def stored(self, user_id: int = USER) -> Tokens | None:
        return await self.stores.run(lambda s: s.spotify.tokens(user_id))

    def refreshes(self) -> int:
        return self.world.local.calls.count(REFRESH)


Story = Callable[[Scene], Coroutine[Any, Any, None]]


@pytest.fixture
def tell(server: Server) -> Iterator[Callable[[Story], None]]:
    """Tell a story about two users who have connected; nothing counts before that."""

    async def told(story: Story, scene: Scene) -> None:
        await scene.connect(USER, "Robin")
        await scene.connect(OTHER, "Alex")
        scene.world.forget_calls()
        await story(scene)

    with records() as stores:
        yield lambda story: asyncio.run(told(story, Scene(World(server), stores)))


@pytest.mark.parametrize("how", ["known to be spent", "refused before its time"])
def test_twenty_at_once_with_a_spent_token_refresh_it_once(
    tell: Callable[[Story], None], how: str
) -> None:
    async def story(scene: Scene) -> None:
        if how == "known to be spent":
            scene.world.clock.advance(hours=2)
        else:
            scene.world.local.expire_access_tokens()
        names = await asyncio.gather(*(scene.ask() for _ in range(20)))
        assert names == ["Robin"] * 20
        assert scene.refreshes() == 1
        assert await scene.ask(OTHER) == "Alex"
        assert scene.refreshes() == 2

    tell(story)


def test_new_tokens_are_stored_before_they_are_used(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        scene.world.clock.advance(hours=2)
        seen = []

        def question(access_token: str) -> None:
            seen.append(access_token)

        store = scene.stores.run

        async def run_and_look(work: Any) -> Any:
            assert seen == []
            return await store(work)

        scene.stores.run = run_and_look
        await scene.calls.call(USER, question)
        scene.stores.run = store
        stored = await scene.stored()
        assert stored is not None
        assert seen == [stored.access_token]
        assert stored.refresh_token in scene.world.local._state.refresh_tokens

    tell(story)


def test_new_tokens_that_cannot_be_stored_are_not_lost(tell: Callable[[Story], None]) -> None:
    """Those that bought them buy nothing any more."""

    async def story(scene: Scene) -> None:
        scene.world.clock.advance(hours=2)
        old, store = await scene.stored(), scene.stores.run

        async def is_full(work: Any) -> Any:
            if "replace_tokens" in work.__code__.co_names:
                raise DiskFull("the disk is full")
            return await store(work)

        scene.stores.run = is_full
        with pytest.raises(DiskFull):
            await scene.ask()
        scene.stores.run = store
        assert await scene.stored() == old
        assert await scene.ask() == "Robin"
        assert await scene.stored() != old
        assert scene.refreshes() == 1

    tell(story)


def test_whoever_stops_waiting_does_not_lose_the_new_tokens(
    tell: Callable[[Story], None],
) -> None:
    async def story(scene: Scene) -> None:
        scene.world.clock.advance(hours=2)
        scene.client.may_end.clear()
        impatient = asyncio.create_task(scene.ask())
        await asyncio.to_thread(scene.client.begun.wait, 10)
        impatient.cancel()
        with suppress(asyncio.CancelledError):
            await impatient
        patient = asyncio.create_task(scene.ask())
        await asyncio.sleep(0.05)
        scene.client.may_end.set()
        assert await patient == "Robin"
        assert scene.refreshes() == 1

    tell(story)


def test_an_ended_consent_is_told_to_one_of_twenty(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        scene.world.clock.advance(days=183)
        outcomes = await asyncio.gather(*(scene.ask() for _ in range(20)), return_exceptions=True)
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds.count(ConnectionExpired) == 1
        assert kinds.count(NotConnected) == 19
        assert len(scene.ended) == 1
        assert scene.refreshes() == 1
        assert await scene.stored() is None

    tell(story)


@pytest.mark.parametrize("is_over", [False, True], ids=["refreshed", "ended"])
def test_a_refresh_leaves_a_connection_alone_that_was_made_meanwhile(
    tell: Callable[[Story], None], is_over: bool
) -> None:
    async def story(scene: Scene) -> None:
        if is_over:
            scene.world.clock.advance(days=183)
        else:
            scene.world.clock.advance(hours=2)
        scene.client.may_end.clear()
        asked = asyncio.create_task(scene.ask())
        if is_over:  # Spotify refuses at once: the answer is overtaken on our side
            anew = await scene.connect(USER, "Alex")
            with suppress(ConnectionExpired):
                await asked
        else:
            await asyncio.to_thread(scene.client.begun.wait, 10)
            anew = await scene.connect(USER, "Alex")
            scene.client.may_end.set()
            assert await asked == "Alex"
        assert await scene.stored() == anew

    tell(story)


def test_whoever_disconnects_while_a_refresh_is_under_way_stays_disconnected(
    tell: Callable[[Story], None],
) -> None:
    async def story(scene: Scene) -> None:
        scene.world.clock.advance(hours=2)
        scene.client.may_end.clear()
        asked = asyncio.create_task(scene.ask())
        await asyncio.to_thread(scene.client.begun.wait, 10)
        await scene.stores.run(lambda s: s.spotify.drop_tokens(USER))
        scene.client.may_end.set()
        with pytest.raises(NotConnected):
            await asked
        assert await scene.stored() is None

    tell(story)
