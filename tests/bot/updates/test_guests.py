"""Whoever is taken off the list of guests is not written to by the clock either."""

from datetime import timedelta

from bot import texts
from bot.storage.records import Stores
from bot.timetable import read_slots
from recommender.services.spotify.intents import PlaylistDraft
from recommender.services.spotify.notices import CONSENT_LASTS, TOLD_BEFORE
from tests.support.spotify.spotify_chat import connect, run_job, spotify_chat
from tests.support.spotify.spotify_world import World, uris
from tests.support.telegram.chatting import ANNA, BEN, NOW, Chat, a_reading, chatting

BEN_ALONE = frozenset({str(BEN)})


async def told(chat: Chat, job: str) -> list[tuple[int, str]]:
    """Run a job; return to whom it said what."""
    before = len(chat.telegram.calls)
    await run_job(chat, job)
    return [(call.parameters["chat_id"], call.text) for call in chat.telegram.calls[before:]]


async def test_check_ins_of_who_was_taken_off_pass_silently() -> None:
    now = [NOW]

    def plan(stores: Stores) -> None:
        for user_id in (ANNA, BEN):
            stores.people.agree(user_id, NOW)
            stores.schedules.set_zone(user_id, "Europe/Berlin", NOW)
            stores.schedules.add(user_id, read_slots("14:00"), NOW)

    async with chatting(allowed_ids=BEN_ALONE, clock=lambda: now[0]) as chat:
        await chat.records.run(plan)
        now[0] += timedelta(hours=1)  # 14:00 in Berlin
        assert await told(chat, "ask") == [(BEN, texts.check_in(14))]
        assert await chat.records.run(lambda s: s.schedules.due(now[0])) == []


async def test_reminders_wait_until_they_are_admitted_again(world: World) -> None:
    async with spotify_chat(world, allowed_ids=BEN_ALONE) as chat:
        connections = chat.services.connections
        assert connections is not None
        await connect(connections, BEN, "Ben")
        world.clock.now += CONSENT_LASTS - TOLD_BEFORE
        assert [user_id for user_id, _ in await told(chat, "tell")] == [BEN]
        waiting = await chat.records.run(lambda s: s.spotify.notices.due(world.clock()))
        assert [notice.user_id for notice in waiting] == [ANNA]


async def test_playlists_that_wait_are_neither_written_nor_told_of(world: World) -> None:
    draft = PlaylistDraft("Sad", "Made today", uris(3))

    async with spotify_chat(world, allowed_ids=BEN_ALONE) as chat:
        await chat.records.run(lambda s: s.spotify.playlists.intend(ANNA, draft, world.clock()))
        assert await told(chat, "write") == []
        assert world.local.playlists() == []
        assert await chat.records.run(lambda s: s.spotify.playlists.intent(ANNA)) is not None


async def test_who_comes_back_from_spotify_by_an_old_link_is_told_nothing(world: World) -> None:
    async with spotify_chat(world, allowed_ids=BEN_ALONE) as chat:
        bot = chat.application.bot
        for user_id, messages in ((ANNA, 0), (BEN, 2)):
            before = len(chat.telegram.calls)
            await chat.connecting.arrived(bot, user_id)
            await chat.connecting.connected(bot, user_id)
            assert len(chat.telegram.calls) - before == messages


# -- their data stays theirs --


async def anna_was_a_guest(chat: Chat) -> None:
    """Let Anna have data of the time when she was admitted."""

    def live(stores: Stores) -> None:
        stores.people.agree(ANNA, NOW)
        stores.music.add_reading(ANNA, a_reading().probabilities, "haar", NOW)
        stores.schedules.set_zone(ANNA, "Europe/Berlin", NOW)

    await chat.records.run(live)


async def test_who_was_taken_off_may_see_take_and_delete_their_data() -> None:
    async with chatting(allowed_ids=BEN_ALONE) as chat:
        await anna_was_a_guest(chat)
        assert "What I keep" in (await chat.say("/privacy"))[-1].text
        assert (await chat.say("/export"))[-1].method == "sendDocument"
        assert (await chat.press("reset"))[-1].text == texts.NOTHING_TO_RESET
        asked = (await chat.say("/forget"))[-1]
        assert asked.text == texts.ASK_FORGET
        kept = await chat.press(asked.data("Keep it"))
        assert kept[-1].text == texts.KEPT
        assert (await chat.press(asked.data("Delete everything")))[-1].text == texts.FORGOTTEN
        assert not await chat.records.run(lambda s: s.holds_any(ANNA))
        for command in ("/forget", "/export", "/privacy"):
            stranger = (await chat.say(command))[-1]
            assert stranger.text == texts.STRANGER.format(user_id=ANNA)


async def test_who_was_taken_off_may_take_back_their_consent() -> None:
    async with chatting(allowed_ids=BEN_ALONE) as chat:
        await anna_was_a_guest(chat)
        assert (await chat.press("withdraw"))[-1].text == texts.WITHDRAWN
        assert not await chat.records.run(lambda s: s.people.has_consent(ANNA))


async def test_who_was_taken_off_may_do_nothing_else_and_is_told_what_is_left() -> None:
    async with chatting(allowed_ids=BEN_ALONE) as chat:
        await anna_was_a_guest(chat)
        for text in ("/mood happy", "/start", "/settings", "hello", "forget", "x /forget"):
            calls = await chat.say(text)
            assert [call.text for call in calls] == [texts.NO_LONGER_ADMITTED], text
        for data in ("mood:happy", "agree:2", "settings:overview", "right:1", "connect"):
            assert [c.text for c in (await chat.press(data))[1:]] == [texts.NO_LONGER_ADMITTED]
        assert [c.text for c in await chat.photo()] == [texts.NO_LONGER_ADMITTED]
        assert await chat.records.run(lambda s: s.music.last_playlist(ANNA)) is None
        assert chat.worker.photos == []


async def test_a_stranger_without_data_gets_the_same_line_whatever_they_ask() -> None:
    async with chatting(allowed_ids=BEN_ALONE) as chat:
        for text in ("/forget", "/export", "/privacy", "/start", "hello"):
            calls = await chat.say(text)
            assert [c.text for c in calls] == [texts.STRANGER.format(user_id=ANNA)], text
        assert (await chat.press("forget:yes"))[-1].text == texts.STRANGER.format(user_id=ANNA)


async def test_an_update_that_waits_to_be_handled_is_no_data_of_a_stranger() -> None:
    def receive(stores: Stores) -> None:
        stores.people.db.execute(
            "insert into inbox (update_id, user_id, payload, received_utc, tries)"
            " values (1, ?, '', '2026-11-20', 0)",
            [ANNA],
        )

    async with chatting(allowed_ids=BEN_ALONE) as chat:
        await chat.records.run(receive)
        assert (await chat.say("/forget"))[-1].text == texts.STRANGER.format(user_id=ANNA)
