"""Each way in which Spotify fails: what its user reads, what others notice, and how it ends."""

import asyncio
import re
import statistics
import time
from html import unescape

import pytest

from bot.chat import playlist_view
from bot.linking.connections import Connections
from bot.sandbox.spotify.faults import SWITCHES
from recommender.services.spotify.web_api import SpotifyClient
from tests.support.spotify.spotify_chat import connect, run_job, spotify_chat
from tests.support.spotify.spotify_world import Server, World
from tests.support.telegram.chatting import ANNA, BEN, Chat, with_chat

IN_SPOTIFY = "In Spotify"
"""Stands for a playlist that is written in spite of the fault."""

HEARD = {
    "seconds": IN_SPOTIFY,
    "minutes": r"no more changes until about 20 November, 12:02 UTC. I keep the playlist",
    "hour": r"no more changes until about 20 November, 13:00 UTC. I keep the playlist",
    "quota": r"no more changes until about 20 November, 14:00 UTC. I keep the playlist",
    "expired": IN_SPOTIFY,
    "revoked": r"no longer lets me in. Please connect again; then I save this playlist there",
    "unlisted": r"Ask the bot's owner to add you under User Management",
    "premium": r"its owner has no Premium any more",
    "forbidden": r"Spotify refused to save the playlist",
    "gone": r"Spotify lost the playlist while I saved it. I keep it and try again",
    "error": r"I can't reach Spotify right now. I keep the playlist, try again, and tell you",
    "lost": r"I can't reach Spotify right now. I keep the playlist",
    "slow": r"I can't reach Spotify right now. I keep the playlist",
    "nonsense": r"I can't reach Spotify right now. I keep the playlist",
    "silent": r"no longer plays 3 tracks that I had chosen, so I replaced them",
}
"""What the user reads above their tracks, which they get in any case."""


@pytest.fixture
def world(server: Server) -> World:
    """A world whose bot waits for an answer no longer than a test can."""
    world = World(server)
    world.client = SpotifyClient(world.app, timeout_s=(2.0, 2.0))
    return world


def test_every_switch_is_looked_at() -> None:
    assert HEARD.keys() == SWITCHES.keys()


@pytest.mark.timed
@pytest.mark.parametrize("switch", SWITCHES)
async def test_a_fault_is_told_holds_up_nobody_else_and_ends_in_one_right_playlist(
    world: World, switch: str
) -> None:
    async with spotify_chat(world) as chat:
        world.local.turn(switch)
        asked = asyncio.create_task(chat.say("/mood sad"))
        waits = []
        while not asked.done():
            start = time.perf_counter()
            await chat.say("/help", BEN)
            waits.append(time.perf_counter() - start)
            await asyncio.sleep(0.01)
        await asked
        assert statistics.median(waits) < 0.1, sorted(waits)[-5:]

        shown = [c for c in chat.telegram.calls if c.method == "editMessageText"][-1]
        labels = [button["text"] for button in shown.buttons]
        assert shown.text.count("(invented)") == 20
        if HEARD[switch] == IN_SPOTIFY or switch == "silent":
            assert playlist_view.OPEN_IN_SPOTIFY in labels
        else:
            assert "Save to my Spotify" in labels
        if HEARD[switch] != IN_SPOTIFY:
            assert re.search(HEARD[switch], unescape(shown.text))

        world.local.turn("")
        world.clock.advance(hours=3)
        if switch == "revoked":
            await chat.press("connect")
            connections = chat.services.connections
            assert connections is not None
            await connect(connections, ANNA)
        await run_job(chat, "write")
        saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
        assert saved is not None
        (playlist,) = world.local.playlists()
        assert world.written(playlist.id) == tuple(
            f"spotify:track:{track.track_id}" for track in saved.tracks
        )
        assert await chat.records.run(lambda s: s.spotify.playlists.intent(ANNA)) is None


def test_many_who_wait_for_spotify_keep_nobody_from_other_music(world: World) -> None:
    """The threads that choose tracks are few; none of them may wait for Spotify."""

    async def story(chat: Chat) -> None:
        connections = chat.services.connections
        assert isinstance(connections, Connections)
        waiting = range(100, 112)
        for user_id in waiting:
            await connect(connections, user_id, f"Listener {user_id}")
        world.local.turn("slow")
        world.forget_calls()
        asked = [asyncio.create_task(chat.say("/mood sad", user_id)) for user_id in waiting]
        while len(world.local.calls) < len(waiting):
            await asyncio.sleep(0.01)
        await chat.say("/mood happy", BEN)  # who is not connected
        assert not any(task.done() for task in asked)
        await asyncio.gather(*asked)

    made: list[Connections] = []

    def connect_by(records):
        patient = SpotifyClient(world.app, timeout_s=(5.0, 5.0))
        made.append(Connections(records, patient, world.clock))
        return made[0]

    asyncio.run(with_chat(story, connect_by=connect_by, clock=world.clock))
