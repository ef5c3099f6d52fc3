"""Playlists in the users' own Spotify: what does not play is replaced, what cannot be waits."""

import asyncio
import re
from html import unescape
from typing import Any

import pytest
from telegram.error import NetworkError, RetryAfter

from bot.chat import playlist_messages, playlist_view
from bot.sandbox.spotify.state import SILENT
from bot.sending import delivery
from recommender.listeners.saved import SavedPlaylist
from recommender.services.spotify.contents import Contents
from tests.support.spotify.spotify_chat import run_job, spotify_chat
from tests.support.spotify.spotify_world import World
from tests.support.telegram.chatting import ANNA, Chat
from tests.support.telegram.fake_telegram import Call, Failing


async def settle(chat: Chat, world: World, **settings: Any) -> None:
    now = world.clock()
    await chat.records.run(lambda s: s.music.preferences.change(ANNA, now, **settings))


async def last_saved(chat: Chat) -> SavedPlaylist:
    saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
    assert saved is not None
    return saved


def titles(playlist: Call) -> list[str]:
    found = re.findall(r"^\d+\. (?:<a [^>]*>)?(.*?)(?:</a>)? · ", playlist.text, re.MULTILINE)
    return [unescape(title) for title in found]


async def assert_all_agree(chat: Chat, world: World, shown: Call) -> None:
    """Check that the chat, our store and Spotify name the same tracks."""
    saved, (playlist, *_) = await last_saved(chat), world.local.playlists()
    assert world.written(playlist.id) == tuple(f"spotify:track:{t.track_id}" for t in saved.tracks)
    assert titles(shown) == [track.title for track in saved.tracks]
    assert [track.position for track in saved.tracks] == list(range(len(saved.tracks)))


def silence_next(world: World, count: int, how: str) -> list[str]:
    """Let the first `count` tracks of whatever is written next be silent; return them then."""
    silenced: list[str] = []
    set_items = world.local._state.set_items

    def silencing(playlist: Any, items: Any) -> None:
        if not silenced:
            silenced.extend(item.uri for item in items[:count])
            for uri in silenced:
                world.local.silence(uri, how)
        set_items(playlist, items)

    world.local._state.set_items = silencing
    return silenced


# -- what does not play --


@pytest.mark.parametrize("how", SILENT)
async def test_tracks_that_do_not_play_are_replaced_and_never_come_again(
    world: World, how: str
) -> None:
    async with spotify_chat(world) as chat:
        silenced = silence_next(world, 3, how)
        _, shown, *_ = await chat.say("/mood sad")
        saved = await last_saved(chat)
        assert len(saved.tracks) == 20
        assert "Spotify no longer plays 3 tracks that I had chosen, so I replaced" in shown.text
        await assert_all_agree(chat, world, shown)
        gone = {uri.removeprefix("spotify:track:") for uri in silenced}
        assert not gone & {track.track_id for track in saved.tracks}
        assert await chat.records.run(lambda s: s.music.gone.all()) == gone
        artists = [track.artist for track in saved.tracks]
        assert max(map(artists.count, artists)) <= 2
        for _ in range(5):
            _, shown, *_ = await chat.say("/mood sad")
            assert "no longer plays" not in shown.text
            assert not gone & {track.track_id for track in (await last_saved(chat)).tracks}


async def test_every_stand_in_that_does_not_play_either_is_replaced_too(world: World) -> None:
    async with spotify_chat(world) as chat:
        state, rounds = world.local._state, 0
        set_items = state.set_items

        def silencing(playlist: Any, items: Any) -> None:
            nonlocal rounds
            rounds += 1
            if rounds <= 3:
                world.local.silence(items[4].uri)
            set_items(playlist, items)

        state.set_items = silencing
        _, shown, *_ = await chat.say("/mood happy")
        assert len(state.silent) == 3
        assert "no longer plays 3 tracks" in shown.text
        await assert_all_agree(chat, world, shown)
        assert len(titles(shown)) == 20


async def test_where_nothing_else_fits_the_playlist_is_shorter_and_says_so(world: World) -> None:
    async with spotify_chat(world) as chat:
        names = "dream pop, indie folk, soul, synthwave, garage rock, bossa nova, disco, hip hop"
        await settle(chat, world, banned_genres=(*names.split(", "), "post-metal"), length=50)
        await chat.say("/mood happy")
        kept = {track.track_id for track in (await last_saved(chat)).tracks}
        known = {id_.decode() for id_ in chat.services.table.ids}
        now = world.clock()
        await chat.records.run(lambda s: s.music.gone.add(known - kept, now))
        silence_next(world, 2, "null")
        _, shown, *_ = await chat.say("/mood happy")
        assert "plays 2 tracks that I had chosen, and I could replace only 0." in shown.text
        assert len(titles(shown)) == 48
        await assert_all_agree(chat, world, shown)


async def test_a_version_that_somebody_else_made_tells_nothing(world: World) -> None:
    async with spotify_chat(world) as chat:
        another = Contents("another version", ())
        world.client.contents = lambda *_: another
        _, shown, *_ = await chat.say("/mood sad")
        assert "no longer plays" not in shown.text
        assert await chat.records.run(lambda s: s.music.gone.all()) == frozenset()
        await assert_all_agree(chat, world, shown)


# -- one living playlist, or a new one each time --


async def test_by_default_one_playlist_is_updated(world: World) -> None:
    async with spotify_chat(world) as chat:
        await chat.say("/mood sad")
        _, shown, *_ = await chat.say("/mood happy")
        (playlist,) = world.local.playlists()
        assert playlist.name == "Mirrortape: happy · match"
        assert "20 November 2026, feeling happy" in playlist.description
        assert not playlist.public
        await assert_all_agree(chat, world, shown)


async def test_who_keeps_playlists_gets_a_new_one_each_time(world: World) -> None:
    async with spotify_chat(world) as chat:
        await settle(chat, world, keeps_playlists=True)
        await chat.say("/mood sad")
        world.clock.advance(minutes=1)
        _, happy = await chat.say("/mood happy")
        names = [playlist.name for playlist in world.local.playlists()]
        assert names == ["Mirrortape: happy · match", "Mirrortape: sad · match"]
        world.clock.advance(minutes=1)
        shown_in = happy.parameters["message_id"]
        *_, calm = await chat.press(happy.data("Calm"), message_id=shown_in)  # rewrites its own
        names = [playlist.name for playlist in world.local.playlists()]
        assert names == ["Mirrortape: happy · calm", "Mirrortape: sad · match"]
        await assert_all_agree(chat, world, calm)
        world.clock.advance(minutes=1)
        world.local.delete_playlist(world.local.playlists()[0].id)
        _, again = await chat.say("/playlist")
        assert len(world.local.playlists()) == 2
        await assert_all_agree(chat, world, again)
        assert all(len(playlist.items) == 20 for playlist in world.local.playlists())


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_new_playlist_that_was_begun_is_completed_not_left_half_done(
    world: World, method: str
) -> None:
    async with spotify_chat(world) as chat:
        await settle(chat, world, keeps_playlists=True)
        await chat.say("/mood sad")
        world.local.fail_next(method, "", status=502, after=True)
        await chat.say("/mood happy")
        world.clock.advance(minutes=1)
        _, shown, *_ = await chat.say("/mood fear")
        playlists = world.local.playlists()
        assert [playlist.name for playlist in playlists] == [
            "Mirrortape: fear · match",
            "Mirrortape: sad · match",
        ]
        await assert_all_agree(chat, world, shown)


# -- what waits --


async def test_what_could_not_be_written_is_written_later_and_told(world: World) -> None:
    async with spotify_chat(world) as chat:
        world.local.fail_next("POST", "/me/playlists", status=429, retry_after=7200)
        _, shown, *_ = await chat.say("/mood sad")
        assert "until about 20 November, 14:00 UTC. I keep the playlist" in shown.text
        world.clock.advance(minutes=119)
        world.forget_calls()
        before = len(chat.telegram.calls)
        await run_job(chat, "write")
        assert world.local.calls == []
        assert chat.telegram.calls[before:] == []
        world.clock.advance(minutes=1)
        await run_job(chat, "write")
        shown_again, told = chat.telegram.calls[before:]
        (playlist,) = world.local.playlists()
        assert shown_again.method == "editMessageText"
        assert shown_again.parameters["message_id"] == shown.parameters["message_id"]
        assert playlist_view.OPEN_IN_SPOTIFY in [button["text"] for button in shown_again.buttons]
        assert "Your playlist is in Spotify now" in told.text
        assert playlist.id in told.buttons[0]["url"]
        await assert_all_agree(chat, world, shown_again)
        await run_job(chat, "write")
        assert len(chat.telegram.calls) == before + 2  # once


async def let_one_wait(chat: Chat, world: World) -> None:
    """Have a playlist wait for Spotify, until it may be written."""
    world.local.fail_next("POST", "/me/playlists", status=429, retry_after=7200)
    await chat.say("/mood sad")
    world.clock.advance(minutes=120)


async def test_a_telegram_that_fails_hears_later_what_was_written_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.02)

    async with spotify_chat(world) as chat:
        await let_one_wait(chat, world)
        before = len(chat.telegram.calls)
        chat.telegram.before = Failing(ANNA, NetworkError("Bad Gateway"), RetryAfter(1))
        await run_job(chat, "write")
        _, told = chat.telegram.calls[before:]
        assert "Your playlist is in Spotify now" in told.text


async def test_a_telegram_that_is_gone_does_not_keep_others_from_their_playlists(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playlist_messages, "NEWS_TIMEOUT_S", 0.1)

    async with spotify_chat(world) as chat:
        await let_one_wait(chat, world)
        chat.telegram.before = Failing(ANNA, RetryAfter(3600))
        async with asyncio.timeout(10):
            await run_job(chat, "write")
        assert len(world.local.playlists()) == 1


async def test_what_waits_is_shown_where_its_playlist_was_sent_anew(world: World) -> None:
    async with spotify_chat(world) as chat:
        world.local.fail_next("POST", "/me/playlists", status=429, retry_after=7200)
        chat.telegram.deleted.add(1)  # the status message, while the tracks are chosen
        _, sent_anew = await chat.say("/mood sad")
        assert "I keep the playlist" in sent_anew.text
        world.clock.advance(minutes=120)
        before = len(chat.telegram.calls)
        await run_job(chat, "write")
        shown_again, _ = chat.telegram.calls[before:]
        assert shown_again.method == "editMessageText"
        await chat.react(shown_again.parameters["message_id"], "❤")
        assert (await last_saved(chat)).stars == 5


async def test_tracks_that_fell_silent_meanwhile_are_replaced_by_the_job_too(world: World) -> None:
    async with spotify_chat(world) as chat:
        world.local.fail_next("POST", "/me/playlists", status=500)
        await chat.say("/mood sad")
        for track in (await last_saved(chat)).tracks[:4]:
            world.local.silence(f"spotify:track:{track.track_id}")
        world.clock.advance(minutes=2)
        before = len(chat.telegram.calls)
        await run_job(chat, "write")
        shown, _ = chat.telegram.calls[before:]
        assert "no longer plays 4 tracks" in shown.text
        assert len(titles(shown)) == 20
        await assert_all_agree(chat, world, shown)


async def test_what_is_refused_again_and_again_is_asked_for_less_and_less(world: World) -> None:
    async with spotify_chat(world) as chat:
        world.local.fail_next("POST", "/me/playlists", status=500, times=10_000)
        await chat.say("/mood sad")
        world.forget_calls()
        for _ in range(24 * 60):
            world.clock.advance(minutes=1)
            await run_job(chat, "write")
        tries = [call for call in world.local.calls if call == ("POST", "/me/playlists")]
        assert 10 <= len(tries) <= 14


async def test_a_short_wait_is_waited_out_once(world: World) -> None:
    async with spotify_chat(world) as chat:
        world.local.fail_next("PUT", "/items", status=429, retry_after=3)
        _, shown, *_ = await chat.say("/mood sad")
        assert playlist_view.OPEN_IN_SPOTIFY in [button["text"] for button in shown.buttons]
        await assert_all_agree(chat, world, shown)
        world.clock.advance(minutes=1)
        world.local.fail_next("PUT", "/items", status=429, retry_after=3, times=2)
        world.forget_calls()
        _, shown, *_ = await chat.say("/mood happy")
        assert "Spotify is busy. I keep the playlist" in shown.text
        assert [call[0] for call in world.local.calls].count("PUT") == 2
