"""A consent that ends is told once, in time, with a button; and once when it has ended."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from bot import texts
from bot.linking.connections import Connections
from bot.storage.records import Records
from recommender.errors import ConnectionExpired, NotConnected
from recommender.services.spotify.intents import PlaylistDraft
from recommender.services.spotify.notices import CONSENT_LASTS, TOLD_BEFORE
from tests.support.spotify.spotify_world import Server, World, agree, uris
from tests.support.telegram.chatting import ANNA, BEN, Chat, with_chat
from tests.support.telegram.fake_telegram import Call

DRAFT = PlaylistDraft("Sad", "Made today", uris(3))
ENDED = texts.CONSENT["ended"]


class Scene:
    """A chat with the bot, whose clock is Spotify's too."""

    def __init__(self, chat: Chat, world: World, connections: Connections) -> None:
        self.chat, self.world, self.connections = chat, world, connections

    async def connect(self, user_id: int = ANNA) -> None:
        url = await self.connections.oauth.begin(user_id)
        await self.connections.oauth.finish(await asyncio.to_thread(agree, url, f"User {user_id}"))

    async def told(self) -> list[Call]:
        """Run the job that tells, and return what has been told unasked until now."""
        queue = self.chat.application.job_queue
        assert queue is not None
        (job,) = queue.get_jobs_by_name("tell")
        await job.run(self.chat.application)
        return [call for call in self.chat.telegram.calls if call.method == "sendMessage"]


Story = Callable[[Scene], Coroutine[Any, Any, None]]


def teller(world: World) -> Callable[[Story], None]:
    """Return what tells a story to a bot in this world."""

    def run(story: Story) -> None:
        made: list[Connections] = []

        def connect_by(stores: Records) -> Connections:
            made.append(Connections(stores, world.client, world.clock))
            return made[0]

        async def told(chat: Chat) -> None:
            await story(Scene(chat, world, made[0]))

        asyncio.run(with_chat(told, connect_by=connect_by, clock=world.clock))

    return run


@pytest.fixture
def tell(server: Server) -> Callable[[Story], None]:
    return teller(World(server))


def test_two_weeks_before_the_end_a_reminder_comes_once(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect()
        scene.world.clock.now += CONSENT_LASTS - TOLD_BEFORE - timedelta(seconds=1)
        assert await scene.told() == []
        scene.world.clock.advance(seconds=1)
        (reminder,) = await scene.told()
        assert reminder.parameters["chat_id"] == ANNA
        assert reminder.text == texts.CONSENT["ending"].format(day="21 May")
        for _ in range(14):
            scene.world.clock.advance(days=1)
            assert len(await scene.told()) == 1

    tell(story)


def test_the_button_of_a_reminder_leads_to_a_link_that_works(
    tell: Callable[[Story], None],
) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect()
        scene.world.clock.now += CONSENT_LASTS - TOLD_BEFORE
        (reminder,) = await scene.told()
        scene.world.clock.advance(days=3)  # longer than any link to Spotify lives
        *_, offer = await scene.chat.press(reminder.data("Connect again"))
        url = offer.buttons[0]["url"]
        assert await scene.connections.oauth.finish(await asyncio.to_thread(agree, url)) == ANNA
        scene.world.clock.advance(days=30)
        before = len(await scene.told())
        assert (await scene.connections.writer.write(ANNA, DRAFT)).created
        scene.world.clock.now += CONSENT_LASTS - timedelta(days=33)
        assert len(await scene.told()) == before + 1  # of the new consent

    tell(story)


def test_who_disconnected_or_is_too_late_gets_no_reminder(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect(ANNA)
        await scene.connect(BEN)
        await scene.connections.disconnect(ANNA)
        scene.world.clock.now += CONSENT_LASTS
        assert await scene.told() == []

    tell(story)


def test_an_ended_consent_is_told_at_once_and_once(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect()
        await scene.chat.application.job_queue.start()
        scene.world.local.revoke()
        scene.world.clock.advance(hours=2)
        with pytest.raises(ConnectionExpired):
            await scene.connections.writer.write(ANNA, DRAFT)
        for _ in range(100):
            if scene.chat.telegram.calls:
                break
            await asyncio.sleep(0.02)
        (message,) = scene.chat.telegram.calls
        assert message.text == ENDED
        assert message.data("Connect again") == "connect"
        for _ in range(3):
            with pytest.raises(NotConnected):
                await scene.connections.writer.write_pending(ANNA)
            assert len(await scene.told()) == 1
        await scene.chat.application.job_queue.stop()

    tell(story)


def test_a_user_with_many_failures_at_once_gets_one_message(
    tell: Callable[[Story], None],
) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect()
        scene.world.local.revoke()
        scene.world.clock.advance(hours=2)
        writing = [scene.connections.writer.write(ANNA, DRAFT) for _ in range(10)]
        await asyncio.gather(*writing, return_exceptions=True)
        await asyncio.gather(*(scene.told() for _ in range(5)))
        assert [call.text for call in await scene.told()] == [ENDED]

    tell(story)


def test_tokens_that_cannot_be_read_are_told_once_too(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect(ANNA)
        await scene.connect(BEN)
        await scene.chat.records.run(
            lambda s: s.music.db.execute(
                "update spotify_accounts set tokens_encrypted ="
                " (select tokens_encrypted from spotify_accounts where user_id = ?)"
                " where user_id = ?",
                [BEN, ANNA],
            )
        )
        for _ in range(3):
            with pytest.raises(ConnectionExpired):
                await scene.connections.writer.write(ANNA, DRAFT)
            assert [call.text for call in await scene.told()] == [ENDED]
        assert scene.world.local.playlists() == []

    tell(story)


def test_who_blocked_the_bot_is_left_alone(
    tell: Callable[[Story], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect()
        scene.world.clock.now += CONSENT_LASTS - TOLD_BEFORE
        scene.chat.telegram.blocked_by.add(ANNA)
        assert await scene.told() == []
        scene.chat.telegram.blocked_by.clear()
        scene.world.clock.advance(days=1)
        assert await scene.told() == []

    tell(story)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_what_telegram_could_not_deliver_is_told_later(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        await scene.connect()
        scene.world.clock.now += CONSENT_LASTS - TOLD_BEFORE
        scene.chat.telegram.is_down = True
        assert await scene.told() == []
        scene.chat.telegram.is_down = False
        assert len(await scene.told()) == 1
        assert len(await scene.told()) == 1

    tell(story)


def test_forgetting_deletes_the_notices_too(tell: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        for user_id in (ANNA, BEN):
            await scene.connect(user_id)
        scene.world.clock.now += CONSENT_LASTS - TOLD_BEFORE
        assert len(await scene.told()) == 2
        await scene.chat.press("forget:yes")
        rows = await scene.chat.records.run(
            lambda s: list(s.music.db.query("select user_id from spotify_notices"))
        )
        assert rows == [{"user_id": BEN}]

    tell(story)
