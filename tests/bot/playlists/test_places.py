"""What a message says of its playlist's place in Spotify: right at once, and after faults."""

import asyncio
import itertools
from typing import Any

import pytest

from bot import texts
from bot.chat import playlist_view
from bot.linking.connections import Connections
from bot.updates import inbox
from recommender.listeners.published import Publication, State
from recommender.listeners.saved import SavedPlaylist
from tests.support.spotify.spotify_chat import connect, run_job, spotify_chat
from tests.support.spotify.spotify_world import World
from tests.support.telegram.chatting import ANNA, Chat, text_update
from tests.support.telegram.failing import Failing
from tests.support.telegram.fake_telegram import Call
from tests.support.telegram.updates import all_handled


async def keep_playlists(chat: Chat, world: World) -> None:
    now = world.clock()
    await chat.records.run(lambda s: s.music.preferences.change(ANNA, now, keeps_playlists=True))


async def made(chat: Chat, world: World, mood: str = "sad") -> Call:
    """Have a playlist made, and return the message that shows it."""
    world.clock.advance(minutes=1)
    before = len(chat.telegram.calls)
    await chat.say(f"/mood {mood}")
    calls = chat.telegram.calls[before:]
    status = next(n for n, c in enumerate(calls) if c.method == "sendMessage")
    return next(c for c in calls[status:] if c.method == "editMessageText")


def number(shown: Call) -> int:
    return int(shown.parameters["message_id"])


def looks(chat: Chat, shown: Call) -> tuple[str, list[str]]:
    """Return what a message says by now, and what its buttons for Spotify say."""
    text, labels = "", []
    for call in chat.telegram.calls:
        if call.parameters.get("message_id") == number(shown) and call.method.startswith("edit"):
            labels = [button["text"] for button in call.buttons]
            text = text if call.method == "editMessageReplyMarkup" else call.text
    known = {playlist_view.OPEN_IN_SPOTIFY, playlist_view.SAVE, playlist_view.SAVE_AS_NEW}
    return text, [label for label in labels if label in known]


async def vote(chat: Chat, shown: Call) -> list[Call]:
    """Like the first track, under the message that shows it, which Telegram no longer sends."""
    return await chat.press(shown.data("👍 1"), message_id=number(shown))


async def playlists_of(chat: Chat) -> list[SavedPlaylist]:
    def look_up(stores: Any) -> list[SavedPlaylist]:
        ids = [row["id"] for row in stores.people.db.query("select id from playlists order by id")]
        return [stores.music.playlist(each, ANNA) for each in ids]

    return await chat.records.run(look_up)


def uris(saved: SavedPlaylist) -> tuple[str, ...]:
    return tuple(f"spotify:track:{track.track_id}" for track in saved.tracks)


async def disconnect(chat: Chat) -> Connections:
    connections = chat.services.connections
    assert isinstance(connections, Connections)
    await connections.disconnect(ANNA)
    return connections


async def come_back(chat: Chat, connections: Connections) -> list[Call]:
    """Connect the account again; return what is said."""
    await connect(connections, ANNA)
    before = len(chat.telegram.calls)
    await chat.connecting.connected(chat.application.bot, ANNA)
    return chat.telegram.calls[before:]


# -- old messages --


async def test_a_vote_under_an_old_message_leaves_the_way_to_spotify(world: World) -> None:
    async with spotify_chat(world) as chat:
        shown = await made(chat, world)
        await vote(chat, shown)
        assert looks(chat, shown)[1] == [playlist_view.OPEN_IN_SPOTIFY]


async def test_a_message_whose_playlist_was_replaced_says_so_at_once(world: World) -> None:
    async with spotify_chat(world) as chat:
        old = await made(chat, world)
        new = await made(chat, world, "happy")
        text, labels = looks(chat, old)
        assert texts.NO_LONGER_THERE in text
        assert labels == [playlist_view.SAVE_AS_NEW]
        assert world.local.playlists()[0].id not in text
        assert looks(chat, new)[1] == [playlist_view.OPEN_IN_SPOTIFY]
        await vote(chat, old)
        assert looks(chat, old) == (text, labels)


async def test_what_was_replaced_can_be_saved_beside_what_took_its_place(world: World) -> None:
    async with spotify_chat(world) as chat:
        old = await made(chat, world)
        new = await made(chat, world, "happy")
        world.clock.advance(minutes=1)
        await chat.press(
            old.data("Get as a file").replace("files", "save"), message_id=number(old)
        )
        first, second = await playlists_of(chat)
        written = {world.written(each.id) for each in world.local.playlists()}
        assert written == {uris(first), uris(second)}
        for shown in (old, new):
            assert looks(chat, shown)[1] == [playlist_view.OPEN_IN_SPOTIFY]
        assert texts.NO_LONGER_THERE not in looks(chat, old)[0]


async def test_a_playlist_that_its_listener_deleted_is_not_said_to_be_there(world: World) -> None:
    async with spotify_chat(world) as chat:
        old = await made(chat, world)
        world.local.delete_playlist(world.local.playlists()[0].id)
        world.clock.advance(hours=1)
        await made(chat, world, "happy")
        assert looks(chat, old)[1] == [playlist_view.SAVE_AS_NEW]


async def test_a_message_of_before_the_update_is_put_right_when_it_is_touched(
    world: World,
) -> None:
    async with spotify_chat(world) as chat:
        old = await made(chat, world)
        await made(chat, world, "happy")
        before = looks(chat, old)
        await chat.records.run(
            lambda s: s.people.db.execute("update shown_messages set told = null, url = null")
        )
        chat.telegram.calls.clear()
        await vote(chat, old)
        assert looks(chat, old) == before


# -- connecting --


async def test_save_then_connect_turns_save_into_the_way_there(world: World) -> None:
    async with spotify_chat(world) as chat:
        connections = await disconnect(chat)
        shown = await made(chat, world)
        save = shown.data(playlist_view.SAVE)
        *_, offer = await chat.press(save, message_id=number(shown))
        assert offer.buttons[0]["text"] == "Connect Spotify"
        await come_back(chat, connections)
        assert looks(chat, shown)[1] == [playlist_view.OPEN_IN_SPOTIFY]
        await chat.press(save, message_id=number(shown))  # pressed again before it changed
        assert len(world.local.playlists()) == 1


@pytest.mark.parametrize("keeps", [False, True])
async def test_connecting_again_writes_nothing_where_nothing_waits(
    world: World, *, keeps: bool
) -> None:
    async with spotify_chat(world) as chat:
        if keeps:
            await keep_playlists(chat, world)
        await made(chat, world)
        world.clock.advance(hours=1)
        world.local.delete_playlist(world.local.playlists()[0].id)  # they had enough of it
        connections = await disconnect(chat)
        said = await come_back(chat, connections)
        assert len(said) == 1
        await run_job(chat, "write")
        assert world.local.playlists() == []


async def test_connecting_writes_what_waits_even_if_it_is_not_the_last_playlist(
    world: World,
) -> None:
    async with spotify_chat(world) as chat:
        first = await made(chat, world)
        connections = await disconnect(chat)
        await made(chat, world, "happy")
        await chat.press(first.data("Get as a file").replace("files", "save"), ANNA, number(first))
        said = await come_back(chat, connections)
        _, happy = await playlists_of(chat)
        (playlist,) = world.local.playlists()
        assert world.written(playlist.id) == uris(happy)
        assert any("Your playlist is in Spotify now" in call.text for call in said)


# -- promises --


async def test_each_promise_is_kept_or_taken_back_where_it_stands(world: World) -> None:
    async with spotify_chat(world) as chat:
        world.local.fail_next("POST", "/me/playlists", status=429, retry_after=7200)
        shown = [await made(chat, world, mood) for mood in ("sad", "happy", "angry")]
        for old in shown[:2]:
            text, labels = looks(chat, old)
            assert texts.PASSED_OVER in text
            assert "tell you" not in text
            assert labels == [playlist_view.SAVE]
        assert "I keep the playlist, save it then, and tell you" in looks(chat, shown[2])[0]
        world.clock.advance(hours=3)
        await run_job(chat, "write")
        text, labels = looks(chat, shown[2])
        assert "tell you" not in text
        assert labels == [playlist_view.OPEN_IN_SPOTIFY]
        for old in shown[:2]:
            assert looks(chat, old)[1] == [playlist_view.SAVE]
        assert len(world.local.playlists()) == 1


async def test_a_promise_that_a_crash_cut_off_from_its_keeping_is_told_all_the_same(
    world: World,
) -> None:
    async with spotify_chat(world) as chat:
        world.local.fail_next("POST", "/me/playlists", status=429, retry_after=7200)
        shown = await made(chat, world)
        world.clock.advance(hours=3)
        connections = chat.services.connections
        assert isinstance(connections, Connections)
        assert await connections.writer.resume()  # written; then the bot dies before it tells
        before = len(chat.telegram.calls)
        await run_job(chat, "write")
        said = [c.text for c in chat.telegram.calls[before:] if c.method == "sendMessage"]
        assert len(said) == 1
        assert "Your playlist is in Spotify now" in said[0]
        _, labels = looks(chat, shown)
        assert labels == [playlist_view.OPEN_IN_SPOTIFY]
        before = len(chat.telegram.calls)
        await run_job(chat, "write")
        assert len(chat.telegram.calls) == before


async def test_the_time_of_a_promise_is_told_by_the_listeners_clock(world: World) -> None:
    async with spotify_chat(world) as chat:
        now = world.clock()
        await chat.records.run(lambda s: s.schedules.set_zone(ANNA, "Asia/Kolkata", now))
        world.local.fail_next("POST", "/me/playlists", status=429, retry_after=7200)
        shown = await made(chat, world)
        assert "until about 20 November, 19:31. I keep" in looks(chat, shown)[0]


# -- faults --


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PAUSES_S", (0.02,))
    monkeypatch.setattr("bot.runtime.serving.GRACE_S", 0.1)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_at_whatever_step_it_fails_a_kept_playlist_stays_and_one_new_one_is_made(
    world: World, after: bool
) -> None:
    """A mode button under an older playlist, which starts a new one: that is decided once."""
    at = itertools.count()
    has_failed = True
    while has_failed:
        step = next(at)
        world = World(world.server)

        async with spotify_chat(world) as chat:
            await keep_playlists(chat, world)
            old = await made(chat, world)
            await made(chat, world, "happy")
            world.clock.advance(minutes=1)
            failing = Failing(chat, step, RuntimeError("a fault"), after=after)
            chat.telegram.updates = [press(old)]
            async with chat.running():
                await all_handled(chat, 1)
                world.clock.advance(minutes=3)  # until it shows whether a playlist was made
                await run_job(chat, "write")
            has_failed = failing.failed.is_set()
            kept = [uris(each) for each in await playlists_of(chat)]
            assert len(kept) == 3, step
            written = {world.written(each.id) for each in world.local.playlists()}
            assert written == set(kept), step
            assert await chat.records.run(lambda s: s.spotify.playlists.intent(ANNA)) is None
            states = [
                await chat.records.run(lambda s, n=n: s.music.publications.of(n))
                for n in (1, 2, 3)
            ]
            assert [each.state for each in states] == [State.PUBLISHED] * 3, step
            assert looks(chat, old)[1] == [playlist_view.OPEN_IN_SPOTIFY]
            assert await chat.records.run(lambda s: s.people.shown.wrong(ANNA)) == []

    assert step > 15


def press(shown: Call) -> dict[str, Any]:
    """Return the update of the pressed button that makes a playlist a calm one."""
    user = {"id": ANNA, "is_bot": False, "first_name": "A"}
    chat = {"id": ANNA, "type": "private", "first_name": "A"}
    message = {"message_id": number(shown), "date": 1_700_000_000, "chat": chat, "text": "…"}
    data = shown.data("Calm")
    query = {"id": "1", "chat_instance": "1", "data": data, "from": user, "message": message}
    return {"update_id": 500, "callback_query": query}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_at_whatever_step_it_fails_old_messages_say_what_became_of_their_playlists(
    world: World, after: bool
) -> None:
    at = itertools.count()
    has_failed = True
    while has_failed:
        step = next(at)
        world = World(world.server)

        async with spotify_chat(world) as chat:
            old = await made(chat, world)
            world.clock.advance(minutes=1)
            failing = Failing(chat, step, RuntimeError("a fault"), after=after)
            chat.telegram.updates = [text_update(500, "/mood happy", ANNA)]
            async with chat.running():
                await all_handled(chat, 1)
                world.clock.advance(minutes=3)  # until it shows whether a playlist was made
                await run_job(chat, "write")
            has_failed = failing.failed.is_set()
            assert looks(chat, old)[1] == [playlist_view.SAVE_AS_NEW], step
            _, happy = await playlists_of(chat)
            (playlist,) = world.local.playlists()
            assert world.written(playlist.id) == uris(happy), step
            place = await chat.records.run(lambda s, n=happy.id: s.music.publications.of(n))
            assert place == Publication(State.PUBLISHED, place.url)
            assert await chat.records.run(lambda s: s.people.shown.wrong(ANNA)) == []

    assert step > 10


async def test_a_newer_playlist_that_comes_while_one_is_written_is_not_lost(world: World) -> None:
    """What is stored while another is being written waits for its turn, and is written next."""
    async with spotify_chat(world) as chat:
        await keep_playlists(chat, world)
        connections = chat.services.connections
        assert isinstance(connections, Connections)
        world.local.fail_next("POST", "/me/playlists", status=429, retry_after=60)
        await made(chat, world)
        world.clock.advance(minutes=2)
        asked, going_on = asyncio.Event(), asyncio.Event()
        run = chat.records.run

        async def held(work: Any) -> Any:
            if "finish" in getattr(work, "__qualname__", "") and not asked.is_set():
                asked.set()
                await going_on.wait()
            return await run(work)

        chat.records.run = held  # type: ignore[method-assign] # one call waits
        writing = asyncio.create_task(connections.writer.resume())
        await asyncio.wait_for(asked.wait(), 5)
        newer = asyncio.create_task(chat.say("/mood happy"))
        while len(await playlists_of(chat)) < 2:
            await asyncio.sleep(0.01)
        going_on.set()
        await writing
        await newer
        first, second = await playlists_of(chat)
        written = {world.written(each.id) for each in world.local.playlists()}
        assert written == {uris(first), uris(second)}


async def test_what_is_not_known_at_all_stands_nowhere(world: World) -> None:
    async with spotify_chat(world) as chat:
        assert await chat.records.run(lambda s: s.music.publications.of(77)) == Publication(
            State.UNWRITTEN
        )


async def test_a_message_rewritten_while_its_user_is_forgotten_brings_nothing_back(
    world: World,
) -> None:
    async with spotify_chat(world) as chat:
        shown = await made(chat, world)
        await made(chat, world, "happy")

        async def forget(call: Call) -> None:
            if call.method == "editMessageText":
                await chat.records.run(lambda s: s.forget(ANNA, world.clock()))

        chat.telegram.before = forget
        await chat.press(
            shown.data("Get as a file").replace("files", "save"), message_id=number(shown)
        )
        rows = await chat.records.run(
            lambda s: {each.name: len(each.rows) for each in s.about(ANNA)}
        )
        assert rows["shown_messages"] == 0
