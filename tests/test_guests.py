"""Whoever is taken off the list of guests is not written to by the clock either."""

import asyncio
from datetime import timedelta

from bot import texts
from bot.records import Stores
from bot.timetable import read_slots
from recommender.intents import PlaylistDraft
from recommender.notices import CONSENT_LASTS, TOLD_BEFORE
from tests.chatting import ANNA, BEN, NOW, Chat, with_chat
from tests.spotify_chat import connect, run_job, with_spotify
from tests.spotify_world import World, uris

BEN_ALONE = frozenset({str(BEN)})


async def told(chat: Chat, job: str) -> list[tuple[int, str]]:
    """Run a job; return to whom it said what."""
    before = len(chat.telegram.calls)
    await run_job(chat, job)
    return [(call.parameters["chat_id"], call.text) for call in chat.telegram.calls[before:]]


def test_check_ins_of_who_was_taken_off_pass_silently() -> None:
    now = [NOW]

    def plan(stores: Stores) -> None:
        for user_id in (ANNA, BEN):
            stores.people.agree(user_id, NOW)
            stores.schedules.set_zone(user_id, "Europe/Berlin", NOW)
            stores.schedules.add(user_id, read_slots("14:00"), NOW)

    async def story(chat: Chat) -> None:
        await chat.records.run(plan)
        now[0] += timedelta(hours=1)  # 14:00 in Berlin
        assert await told(chat, "ask") == [(BEN, texts.check_in(14))]
        assert await chat.records.run(lambda s: s.schedules.due(now[0])) == []

    asyncio.run(with_chat(story, allowed_ids=BEN_ALONE, clock=lambda: now[0]))


def test_reminders_wait_until_they_are_admitted_again(world: World) -> None:
    async def story(chat: Chat) -> None:
        connections = chat.services.connections
        assert connections is not None
        await connect(connections, BEN, "Ben")
        world.clock.now += CONSENT_LASTS - TOLD_BEFORE
        assert [user_id for user_id, _ in await told(chat, "tell")] == [BEN]
        waiting = await chat.records.run(lambda s: s.spotify.notices.due(world.clock()))
        assert [notice.user_id for notice in waiting] == [ANNA]

    asyncio.run(with_spotify(world, story, allowed_ids=BEN_ALONE))


def test_playlists_that_wait_are_neither_written_nor_told_of(world: World) -> None:
    draft = PlaylistDraft("Sad", "Made today", uris(3))

    async def story(chat: Chat) -> None:
        await chat.records.run(lambda s: s.spotify.playlists.intend(ANNA, draft, world.clock()))
        assert await told(chat, "write") == []
        assert world.local.playlists() == []
        assert await chat.records.run(lambda s: s.spotify.playlists.intent(ANNA)) is not None

    asyncio.run(with_spotify(world, story, allowed_ids=BEN_ALONE))


def test_who_comes_back_from_spotify_by_an_old_link_is_told_nothing(world: World) -> None:
    async def story(chat: Chat) -> None:
        bot = chat.application.bot
        for user_id, messages in ((ANNA, 0), (BEN, 2)):
            before = len(chat.telegram.calls)
            await chat.connecting.arrived(bot, user_id)
            await chat.connecting.connected(bot, user_id)
            assert len(chat.telegram.calls) - before == messages

    asyncio.run(with_spotify(world, story, allowed_ids=BEN_ALONE))
