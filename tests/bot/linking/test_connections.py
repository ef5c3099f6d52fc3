"""Connecting, and one right playlist in the end whatever fails on the way."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import unescape
from typing import Any

import pytest

from bot.linking.connections import Connections
from bot.linking.playlist_writer import LIBRARY_LAG
from bot.storage.records import Records, Stores
from recommender.errors import (
    AuthorizationDenied,
    AuthorizationFailed,
    AuthorizationStale,
    ConnectionExpired,
    NotConnected,
    QuotaExceeded,
    RateLimited,
    SpotifyRefused,
    SpotifyUnreachable,
)
from recommender.services.spotify.intents import PlaylistDraft
from recommender.services.spotify.web_api import SpotifyClient
from recommender.storage.sealing import Seal
from tests.support.spotify.spotify_world import (
    Server,
    World,
    agree,
    cancel,
    make_cipher,
    records,
    uris,
)

USER = 7
SAD = PlaylistDraft("Sad, then better", "Made today & <kept>", uris(20))
HAPPY = PlaylistDraft("Happy", "Made tomorrow", uris(150, start=50))


@pytest.fixture
def stores() -> Iterator[Records]:
    with records() as stores:
        yield stores


@pytest.fixture
def connections(world: World, stores: Records) -> Connections:
    return Connections(stores, world.client, world.clock)


async def connect(connections: Connections, user_id: int = USER, name: str = "Robin") -> None:
    url = await connections.oauth.begin(user_id)
    assert await connections.oauth.finish(await asyncio.to_thread(agree, url, name)) == user_id


def assert_one_playlist(world: World, draft: PlaylistDraft) -> None:
    (playlist,) = world.local.playlists()
    assert world.written(playlist.id) == draft.uris
    assert playlist.name == draft.name
    assert unescape(playlist.description) == draft.description
    assert not playlist.public


# -- the whole way --


async def test_from_consent_to_a_playlist_that_lives_on(
    world: World, connections: Connections
) -> None:
    assert not await connections.is_connected(USER)
    await connect(connections)
    assert await connections.is_connected(USER)

    world.forget_calls()
    first = await connections.writer.write(USER, SAD)
    assert first.created
    assert first.url == f"{world.app.accounts_url}/playlist/{first.id}"
    path = f"/playlists/{first.id}"
    assert world.local.calls == [
        ("POST", "/me/playlists"),
        ("PUT", f"{path}/items"),
        ("GET", path),
        ("PUT", path),
    ]
    assert_one_playlist(world, SAD)

    world.forget_calls()
    second = await connections.writer.write(USER, HAPPY)
    assert (second.id, second.created, second.name) == (first.id, False, "Happy")
    assert world.local.calls == [
        ("GET", "/me/playlists"),
        ("PUT", f"{path}/items"),
        ("POST", f"{path}/items"),
        ("GET", path),
        ("GET", f"{path}/items"),
        ("GET", f"{path}/items"),
        ("PUT", path),
    ]
    assert_one_playlist(world, HAPPY)

    world.forget_calls()
    await connections.writer.write(USER, HAPPY)
    assert ("PUT", path) not in world.local.calls  # the same texts are not sent again

    world.clock.advance(minutes=30)
    world.local.delete_playlist(first.id)
    third = await connections.writer.write(USER, SAD)
    assert third.created
    assert third.id != first.id
    assert_one_playlist(world, SAD)


@pytest.mark.parametrize("is_young", [True, False])
async def test_a_playlist_that_vanished_is_made_anew(
    world: World, connections: Connections, is_young: bool
) -> None:
    await connect(connections)
    first = await connections.writer.write(USER, SAD)
    if not is_young:
        world.clock.advance(seconds=LIBRARY_LAG.total_seconds() + 1)
    world.local.erase_playlist(first.id)
    assert (await connections.writer.write(USER, HAPPY)).created
    assert_one_playlist(world, HAPPY)


async def test_a_playlist_that_vanishes_while_it_is_written_is_made_anew(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    first = await connections.writer.write(USER, SAD)
    world.clock.advance(hours=1)
    world.local.fail_next("PUT", f"{first.id}/items", status=404)
    second = await connections.writer.write(USER, HAPPY)
    assert second.created
    assert second.id != first.id
    assert world.written(second.id) == HAPPY.uris


async def test_a_playlist_too_new_for_the_list_is_not_made_twice(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    first = await connections.writer.write(USER, SAD)
    world.local.delete_playlist(first.id)  # not listed, yet it answers to its id
    second = await connections.writer.write(USER, HAPPY)
    assert (second.id, second.created) == (first.id, False)


async def test_two_users_have_each_their_own_playlist(
    world: World, connections: Connections
) -> None:
    await connect(connections, 7, "Robin")
    await connect(connections, 8, "Alex")
    robin, alex = await asyncio.gather(
        connections.writer.write(7, SAD), connections.writer.write(8, HAPPY)
    )
    assert world.written(robin.id) == SAD.uris
    assert world.written(alex.id) == HAPPY.uris
    assert world.playlist(robin.id).owner.display_name == "Robin"
    assert world.playlist(alex.id).owner.display_name == "Alex"


async def test_playlists_of_one_user_are_written_one_after_the_other(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    drafts = [PlaylistDraft(f"n{i}", "d", uris(120, start=200 * i)) for i in range(4)]
    written = await asyncio.gather(*(connections.writer.write(USER, draft) for draft in drafts))
    assert len({playlist.id for playlist in written}) == 1
    assert [playlist.created for playlist in written] == [True, False, False, False]
    assert_one_playlist(world, drafts[-1])


def test_the_event_loop_goes_on_while_spotify_is_slow(world: World, stores: Records) -> None:
    ticks = 0

    async def story() -> None:
        nonlocal ticks
        connections = Connections(stores, world.client, world.clock)
        await connect(connections)
        writing = asyncio.create_task(connections.writer.write(USER, SAD))
        while not writing.done():
            await asyncio.sleep(0)
            ticks += 1
        await writing

    asyncio.run(story())
    assert ticks > 20


# -- connecting --


async def test_a_draft_waits_for_the_connection(world: World, connections: Connections) -> None:
    with pytest.raises(NotConnected):
        await connections.writer.write(USER, SAD)
    with pytest.raises(NotConnected):
        await connections.writer.write(USER, HAPPY)
    assert await connections.writer.resume() == {}
    await connect(connections)
    written = await connections.writer.write_pending(USER)
    assert written is not None
    assert written.created
    assert_one_playlist(world, HAPPY)
    assert await connections.writer.write_pending(USER) is None


async def test_saying_no_connects_nothing(world: World, connections: Connections) -> None:
    url = await connections.oauth.begin(USER)
    back = await asyncio.to_thread(cancel, url)
    with pytest.raises(AuthorizationDenied):
        await connections.oauth.finish(back)
    assert not await connections.is_connected(USER)
    with pytest.raises(AuthorizationStale):
        await connections.oauth.finish(back)


@pytest.mark.parametrize("query", [{}, {"state": ""}, {"state": "made up", "code": "x"}])
def test_an_unknown_way_back_connects_nothing(
    world: World, connections: Connections, query: dict[str, str]
) -> None:
    with pytest.raises(AuthorizationStale):
        asyncio.run(connections.oauth.finish(query))
    assert world.local.calls == []


async def test_a_way_back_works_once_and_not_for_long(
    world: World, connections: Connections
) -> None:
    back = await asyncio.to_thread(agree, await connections.oauth.begin(USER))
    await connections.oauth.finish(back)
    with pytest.raises(AuthorizationStale):
        await connections.oauth.finish(back)
    late = await asyncio.to_thread(agree, await connections.oauth.begin(USER))
    world.clock.advance(minutes=11)
    with pytest.raises(AuthorizationStale):
        await connections.oauth.finish(late)


async def test_a_code_that_spotify_does_not_know_is_stale(
    world: World, connections: Connections
) -> None:
    back = await asyncio.to_thread(agree, await connections.oauth.begin(USER))
    with pytest.raises(AuthorizationStale):
        await connections.oauth.finish(back | {"code": "forged"})


async def test_another_failure_at_spotify_connects_nothing(connections: Connections) -> None:
    back = await asyncio.to_thread(agree, await connections.oauth.begin(USER))
    with pytest.raises(AuthorizationFailed):
        await connections.oauth.finish({"state": back["state"], "error": "server_error"})


async def test_an_account_that_the_app_may_not_serve_is_not_connected(
    world: World, connections: Connections
) -> None:
    world.local.fail_next("GET", "/me", status=403)
    with pytest.raises(SpotifyRefused):
        await connect(connections)
    assert not await connections.is_connected(USER)


async def test_who_disconnects_and_returns_finds_the_same_playlist(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    first = await connections.writer.write(USER, SAD)
    await connections.disconnect(USER)
    assert not await connections.is_connected(USER)
    with pytest.raises(NotConnected):
        await connections.writer.write(USER, HAPPY)
    await connect(connections)
    assert (await connections.writer.write(USER, HAPPY)).id == first.id
    await connect(connections, name="Alex")
    assert (await connections.writer.write(USER, SAD)).id != first.id


# -- tokens --


async def test_an_access_token_is_refreshed_in_time_and_stored_before_use(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    world.clock.advance(minutes=59, seconds=30)
    world.forget_calls()
    world.local.fail_next("POST", "/me/playlists", status=500)
    with pytest.raises(SpotifyUnreachable):
        await connections.writer.write(USER, SAD)
    assert world.local.calls == [("POST", "/api/token"), ("POST", "/me/playlists")]
    world.clock.advance(minutes=1)
    world.forget_calls()
    await connections.writer.write_pending(USER)
    assert ("POST", "/api/token") not in world.local.calls
    assert_one_playlist(world, SAD)


async def test_an_access_token_refused_before_its_time_is_refreshed_once(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    world.local.expire_access_tokens()
    world.forget_calls()
    await connections.writer.write(USER, SAD)
    assert world.local.calls[:3] == [
        ("POST", "/me/playlists"),
        ("POST", "/api/token"),
        ("POST", "/me/playlists"),
    ]
    assert_one_playlist(world, SAD)


@pytest.mark.parametrize("how", ["revoked", "six months", "401 for ever"])
async def test_a_dead_connection_is_dropped_and_the_draft_survives_it(
    world: World, connections: Connections, how: str
) -> None:
    await connect(connections)
    if how == "revoked":
        world.local.revoke()
    elif how == "six months":
        world.clock.advance(days=183)
    else:
        world.local.fail_next("POST", "/me/playlists", status=401, times=2)
    with pytest.raises(ConnectionExpired):
        await connections.writer.write(USER, SAD)
    assert not await connections.is_connected(USER)
    with pytest.raises(NotConnected):
        await connections.writer.write_pending(USER)
    await connect(connections)
    await connections.writer.write_pending(USER)
    assert_one_playlist(world, SAD)


# -- patience --


async def test_a_short_wait_is_honoured_without_asking_again(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    world.local.fail_next("PUT", "/items", status=429, retry_after=7)
    with pytest.raises(RateLimited) as first:
        await connections.writer.write(USER, SAD)
    assert first.value.retry_after_s == 7
    world.clock.advance(seconds=3)
    world.forget_calls()
    with pytest.raises(RateLimited) as second:
        await connections.writer.write_pending(USER)
    assert second.value.retry_after_s == 4
    assert world.local.calls == []
    world.clock.advance(seconds=4)
    await connections.writer.write_pending(USER)
    assert_one_playlist(world, SAD)


async def test_a_spent_quota_is_everybodys_who_shares_the_app_and_outlives_the_program(
    world: World, stores: Records, connections: Connections
) -> None:
    await connect(connections, 7, "Robin")
    await connect(connections, 8, "Alex")
    await connections.oauth.use_app(9, "0123456789abcdef" * 2)
    await connect(connections, 9, "Kim")
    world.local.fail_next(
        "POST", "/me/playlists", status=429, retry_after=9000, reason="QUOTA_EXCEEDED"
    )
    with pytest.raises(QuotaExceeded):
        await connections.writer.write(7, SAD)
    restarted = Connections(stores, world.client, world.clock)
    world.forget_calls()
    with pytest.raises(QuotaExceeded) as later:
        await restarted.writer.write(8, SAD)
    assert later.value.retry_after_s == 9000
    assert await restarted.writer.resume() == {}
    assert world.local.calls == []
    assert (await restarted.writer.write(9, SAD)).created  # by an app of their own
    world.clock.advance(seconds=9000)
    assert set(await restarted.writer.resume()) == {7, 8}
    assert len(world.local.playlists()) == 3


async def test_spotify_saying_no_for_good_is_told(world: World, connections: Connections) -> None:
    await connect(connections)
    world.local.fail_next("POST", "/me/playlists", status=403)
    with pytest.raises(SpotifyRefused):
        await connections.writer.write(USER, SAD)
    assert await connections.is_connected(USER)


# -- killed at every step --


class Killed(BaseException):
    """The program ends here."""


class Doom:
    """Counts steps and ends the program at one of them, before or after it is done."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at = at
        self.after = after
        self.steps = 0

    def step(self, work: Callable[[], Any]) -> Any:
        mine = self.steps
        self.steps += 1
        if mine == self.at and not self.after:
            raise Killed
        result = work()
        if mine == self.at:
            raise Killed
        return result


class DoomedClient(SpotifyClient):
    """The adapter; each of its requests is a step."""

    def __init__(self, client: SpotifyClient, doom: Doom) -> None:
        super().__init__(client._app)
        self._doom = doom

    def refresh(self, *args: Any) -> Any:
        return self._doom.step(lambda: super(DoomedClient, self).refresh(*args))

    def playlists(self, *args: Any) -> Any:
        return self._doom.step(lambda: super(DoomedClient, self).playlists(*args))

    def create_playlist(self, *args: Any) -> Any:
        return self._doom.step(lambda: super(DoomedClient, self).create_playlist(*args))

    def replace_items(self, *args: Any) -> Any:
        return self._doom.step(lambda: super(DoomedClient, self).replace_items(*args))

    def contents(self, *args: Any) -> Any:
        return self._doom.step(lambda: super(DoomedClient, self).contents(*args))

    def change_details(self, *args: Any) -> Any:
        return self._doom.step(lambda: super(DoomedClient, self).change_details(*args))


class DoomedRecords:
    """The user data; each piece of work on them is a step."""

    def __init__(self, stores: Records, doom: Doom) -> None:
        self._stores = stores
        self._doom = doom

    async def run(self, work: Callable[[Any], Any]) -> Any:
        return await self._stores.run(lambda stores: self._doom.step(lambda: work(stores)))

    async def once(self, what: str, work: Callable[[Any], int]) -> int:
        return await self.run(work)


SITUATIONS = ["first playlist", "second playlist", "deleted playlist", "draft that waited"]


async def doomed_story(world: World, stores: Records, situation: str, doom: Doom) -> None:
    """Write a playlist, perhaps die on the way, and start again."""
    healthy = Connections(stores, world.client, world.clock)
    await connect(healthy)
    if situation in ("second playlist", "deleted playlist"):
        first = await healthy.writer.write(USER, SAD)
        world.clock.advance(minutes=30)
        if situation == "deleted playlist":
            world.local.delete_playlist(first.id)
    if situation == "draft that waited":
        world.local.fail_next("POST", "/me/playlists", status=502, after=True)
        with pytest.raises(SpotifyUnreachable):
            await healthy.writer.write(USER, SAD)
    with suppress(Killed):
        await doomed(world, stores, doom).writer.write(USER, HAPPY)
    with suppress(Killed):  # and once more on the way back
        await doomed(world, stores, Doom(doom.at, after=doom.after)).writer.resume()
    resumed = Connections(stores, world.client, world.clock)
    await resumed.writer.resume()
    for _ in range(2):  # what may have been made is waited for before it is made again
        world.clock.advance(minutes=3)
        await resumed.writer.resume()
    if doom.at == 0 and not doom.after:  # killed before anything was stored: the caller repeats
        await resumed.writer.write(USER, HAPPY)


def doomed(world: World, stores: Records, doom: Doom) -> Connections:
    return Connections(DoomedRecords(stores, doom), DoomedClient(world.client, doom), world.clock)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_killed_at_any_step_one_right_playlist_stands_in_the_end(
    server: Server, situation: str, after: bool
) -> None:
    at = 0
    while True:
        world, doom = World(server), Doom(at, after=after)
        with records() as stores:
            asyncio.run(doomed_story(world, stores, situation, doom))
            assert_one_playlist(world, HAPPY)
            assert asyncio.run(stores.run(lambda s: s.spotify.playlists.intent(USER))) is None
        if doom.steps <= at:  # the way ended before the step at which to die
            break
        at += 1
    assert at > 8


async def test_an_answer_lost_after_the_playlist_was_made_makes_no_second_one(
    world: World, connections: Connections
) -> None:
    await connect(connections)
    for _ in range(3):
        world.local.fail_next("POST", "/me/playlists", status=502, after=True)
        with suppress(SpotifyUnreachable):
            await connections.writer.write(USER, SAD)
    await connections.writer.write(USER, HAPPY)
    assert_one_playlist(world, HAPPY)


@pytest.mark.parametrize("lag_s", [0, 3, 30])
async def test_a_playlist_that_was_made_but_is_listed_late_is_not_made_again(
    world: World, connections: Connections, lag_s: int
) -> None:
    await connect(connections)
    world.local.list_late(lag_s)
    world.local.fail_next("POST", "/me/playlists", status=502, after=True)
    for draft in (SAD, HAPPY, HAPPY):  # somebody who does not want to wait
        with suppress(SpotifyUnreachable):
            await connections.writer.write(USER, draft)
        world.clock.advance(seconds=2)
    world.clock.advance(minutes=5)
    await connections.writer.resume()
    assert_one_playlist(world, HAPPY)


@pytest.mark.parametrize("status", [400, 403, 429])
async def test_what_was_refused_is_made_at_the_next_try(
    world: World, connections: Connections, status: int
) -> None:
    await connect(connections)
    world.local.fail_next("POST", "/me/playlists", status=status, retry_after=6)
    with pytest.raises((SpotifyRefused, RateLimited)):
        await connections.writer.write(USER, SAD)
    world.clock.advance(seconds=7)
    assert (await connections.writer.write(USER, HAPPY)).created
    assert_one_playlist(world, HAPPY)


async def test_a_changed_key_asks_for_a_new_connection_and_destroys_nothing(world: World) -> None:
    with records() as stores:
        connections = Connections(stores, world.client, world.clock)
        await connect(connections)

        def swap_key(opened: Stores, seal: Seal) -> Seal:
            opened.spotify._seal, old = seal, opened.spotify._seal
            return old

        right = await stores.run(lambda opened: swap_key(opened, Seal(make_cipher())))
        with pytest.raises(ConnectionExpired):
            await connections.writer.write(USER, SAD)
        await stores.run(lambda opened: swap_key(opened, right))
        await connections.writer.write_pending(USER)
        assert_one_playlist(world, SAD)
