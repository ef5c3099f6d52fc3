"""Connecting in the chat, by each way back: who may, who must not, and what each mistake hears."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from telegram.error import NetworkError

from bot import texts
from bot.chat import playlist_view
from bot.linking.connections import Connections
from bot.sending import delivery
from bot.storage.records import Stores
from bot.web.callback_page import callback_routes
from recommender.services.spotify.authorizations import MAX_TRIES, PendingAuthorization
from recommender.services.spotify.intents import PlaylistDraft
from tests.support.spotify.spotify_world import REDIRECT_URI, Server, World, agree, cancel, uris
from tests.support.telegram.chatting import ANNA, BEN, Chat, with_chat
from tests.support.telegram.fake_telegram import Call, Failing

OWN_APP = "0123456789abcdef" * 2
GROUP = {"id": -100, "type": "supergroup", "title": "Friends"}
EXCHANGE = ("POST", "/api/token")


@dataclass
class Scene:
    """A chat with the bot, the page to which Spotify sends people back, and a local Spotify."""

    chat: Chat
    world: World
    connections: Connections

    def __post_init__(self) -> None:
        bot, connecting = self.chat.application.bot, self.chat.connecting
        routes = callback_routes(
            self.connections,
            partial(connecting.connected, bot),
            partial(connecting.arrived, bot),
        )
        self.site = httpx.AsyncClient(
            transport=httpx.ASGITransport(Starlette(routes=routes)), base_url="http://bot"
        )

    async def begin(self, user_id: int = ANNA) -> str:
        """Send /connect and return where the button leads."""
        offer = (await self.chat.say("/connect", user_id))[-1]
        return str(offer.buttons[0]["url"])

    async def come_back(self, user_id: int = ANNA, name: str = "Robin") -> dict[str, str]:
        """Begin, agree, and return the parameters with which Spotify sends the browser back."""
        return await asyncio.to_thread(agree, await self.begin(user_id), name)

    async def visit(self, query: dict[str, str]) -> httpx.Response:
        """Follow Spotify's way back in a browser that can open our page."""
        return await self.site.get("/callback", params=query)

    async def digits(self, query: dict[str, str]) -> str:
        """Follow the way back and return the digits that the page shows."""
        shown = re.search(r'class="digits">(\d{3} \d{3})<', (await self.visit(query)).text)
        assert shown is not None
        return shown[1]

    async def linked(self) -> dict[int, str]:
        """Return the name of the account of each user that has one connected."""

        def look_up(stores: Stores) -> dict[int, str]:
            rows = stores.people.db.query(
                "select user_id, display_name from spotify_accounts"
                " where tokens_encrypted is not null"
            )
            return {row["user_id"]: row["display_name"] for row in rows}

        return await self.chat.records.run(look_up)

    @property
    def exchanges(self) -> int:
        """How often an authorization code was offered to Spotify."""
        return self.world.local.calls.count(EXCHANGE)


Story = Callable[[Scene], Coroutine[Any, Any, None]]


def play(world: World, story: Story, *, shows_digits: bool = False) -> None:
    """Tell a story to a bot whose page shows digits, or connects whoever can open it."""
    made: list[Connections] = []

    def connect_by(records: Any) -> Connections:
        made.append(Connections(records, world.client, world.clock, shows_digits=shows_digits))
        return made[0]

    async def told(chat: Chat) -> None:
        scene = Scene(chat, world, made[0])
        async with scene.site:
            await story(scene)

    asyncio.run(with_chat(told, connect_by=connect_by))


def address(query: dict[str, str]) -> str:
    return f"{REDIRECT_URI}?{urlencode(query)}"


def said(calls: list[Call]) -> str:
    """Return everything that was said, for a look at its words."""
    return "\n".join(call.text for call in calls)


# -- by each way --


def test_on_this_computer_the_page_alone_connects(world: World) -> None:
    async def story(scene: Scene) -> None:
        page = await scene.visit(await scene.come_back())
        assert "Spotify is connected" in page.text
        assert "connected as <b>Robin</b>" in scene.chat.telegram.calls[-1].text
        assert await scene.linked() == {ANNA: "Robin"}

    play(world, story)


def test_a_phone_is_told_what_to_copy_and_connects_by_pasting_it(world: World) -> None:
    async def story(scene: Scene) -> None:
        (offer,) = await scene.chat.say("/connect")
        assert f"<code>{REDIRECT_URI}?code=</code>" in offer.text
        assert "address bar" in offer.text
        back = await asyncio.to_thread(agree, offer.buttons[0]["url"], "Robin")
        wrapped = f"Is it this?\n<{address(back)[16:90]}\n{address(back)[90:]}>\nThanks!"
        assert "connected as <b>Robin</b>" in said(await scene.chat.say(wrapped))
        assert await scene.linked() == {ANNA: "Robin"}
        assert scene.exchanges == 1

    play(world, story)


def test_on_a_public_address_six_digits_connect_and_nothing_before_them(world: World) -> None:
    async def story(scene: Scene) -> None:
        (offer,) = await scene.chat.say("/connect")
        assert "six digits" in offer.text
        back = await asyncio.to_thread(agree, offer.buttons[0]["url"], "Robin")
        digits = await scene.digits(back)
        assert scene.chat.telegram.calls[-1].text == texts.TYPE_DIGITS
        assert scene.exchanges == 0
        assert await scene.linked() == {}
        assert "connected as <b>Robin</b>" in said(await scene.chat.say(digits))
        assert scene.exchanges == 1
        assert await scene.linked() == {ANNA: "Robin"}

    play(world, story, shows_digits=True)


def test_what_waited_is_written_once_the_digits_are_typed(world: World) -> None:
    async def story(scene: Scene) -> None:
        await scene.chat.say("/mood sad")
        digits = await scene.digits(await scene.come_back())
        assert "Your playlist is in Spotify now" in said(await scene.chat.say(digits))
        (playlist,) = scene.world.local.playlists()
        assert len(playlist.items) == 20

    play(world, story, shows_digits=True)


@pytest.mark.parametrize("shows_digits", [False, True], ids=["page", "digits"])
def test_a_telegram_that_fails_does_not_keep_who_comes_back_in_the_dark(
    world: World, monkeypatch: pytest.MonkeyPatch, *, shows_digits: bool
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.02)

    async def story(scene: Scene) -> None:
        await scene.chat.say("/mood sad")
        back, before = await scene.come_back(), len(scene.chat.telegram.calls)
        scene.chat.telegram.before = Failing(ANNA, *[NetworkError("Bad Gateway")] * 3)
        await scene.visit(back)
        told = scene.chat.telegram.calls[before:]
        if shows_digits:
            assert [call.text for call in told] == [texts.TYPE_DIGITS]
            return
        greeting, shown, written = told
        assert "connected as <b>Robin</b>" in greeting.text
        assert playlist_view.OPEN_IN_SPOTIFY in [button["text"] for button in shown.buttons]
        assert "Your playlist is in Spotify now" in written.text

    play(world, story, shows_digits=shows_digits)


@pytest.mark.parametrize("written", ["/connect {}", "{}"])
def test_what_is_pasted_after_the_command_counts_too(world: World, written: str) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        await scene.chat.say(written.format(address(back)))
        assert await scene.linked() == {ANNA: "Robin"}

    play(world, story)


# -- whose it is --


@pytest.mark.parametrize("shows_digits", [False, True], ids=["pasted", "digits"])
def test_the_attackers_link_in_the_victims_browser_connects_nothing(
    world: World, shows_digits: bool
) -> None:
    async def story(scene: Scene) -> None:
        attacker, victim = BEN, ANNA
        back = await scene.come_back(attacker, "The victim's account")
        if shows_digits:
            assert (await scene.chat.say(await scene.digits(back), victim))[0].text == (
                texts.NOT_A_PHOTO["text"]
            )
        else:
            (told,) = await scene.chat.say(address(back), victim)
            assert "belongs to another chat" in told.text
        await scene.chat.say(address(back), victim)
        assert await scene.linked() == {}
        assert scene.exchanges == 0

    play(world, story, shows_digits=shows_digits)


@pytest.mark.parametrize("shows_digits", [False, True], ids=["pasted", "digits"])
def test_the_victims_link_in_the_attackers_browser_connects_nothing(
    world: World, shows_digits: bool
) -> None:
    async def story(scene: Scene) -> None:
        attacker, victim = BEN, ANNA
        back = await scene.come_back(victim, "The attacker's account")
        if shows_digits:
            await scene.chat.say(await scene.digits(back), attacker)
        await scene.chat.say(address(back), attacker)
        assert await scene.linked() == {}
        assert scene.exchanges == 0
        own = await scene.come_back(victim, "The victim's account")
        await scene.chat.say(await scene.digits(own) if shows_digits else address(own), victim)
        assert await scene.linked() == {victim: "The victim's account"}

    play(world, story, shows_digits=shows_digits)


@pytest.mark.parametrize("shows_digits", [False, True], ids=["pasted", "digits"])
def test_of_all_mixtures_of_link_browser_and_chat_only_the_right_one_connects(
    world: World, shows_digits: bool
) -> None:
    """Whoever's browser it ends in pastes or types what it shows into their own chat."""
    people = (ANNA, BEN, 3)

    async def story(scene: Scene) -> None:
        for began, browser in product(people, people):
            back = await scene.come_back(began, f"Account {browser}")
            shown = await scene.digits(back) if shows_digits else address(back)
            await scene.chat.say(shown, browser)
            assert await scene.linked() == (
                {began: f"Account {began}"} if began == browser else {}
            )
            for person in people:
                await scene.connections.disconnect(person)
        assert scene.exchanges == len(people)

    play(world, story, shows_digits=shows_digits)


@pytest.mark.parametrize("shows_digits", [False, True], ids=["pasted", "digits"])
def test_another_chat_of_the_same_user_connects_nothing(world: World, shows_digits: bool) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        shown = await scene.digits(back) if shows_digits else address(back)
        assert await scene.chat.message({"text": shown}, chat=GROUP) == []
        assert await scene.linked() == {}
        await scene.chat.say(shown)
        assert await scene.linked() == {ANNA: "Robin"}

    play(world, story, shows_digits=shows_digits)


def test_a_foreign_address_does_not_use_up_its_owners_link(world: World) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back(ANNA)
        await scene.chat.say(address(back), BEN)
        await scene.chat.say(address(back), ANNA)
        assert await scene.linked() == {ANNA: "Robin"}

    play(world, story)


# -- states --


def without_state(back: dict[str, str], world: World) -> dict[str, str]:
    return {"code": back["code"]}


def tampered(back: dict[str, str], world: World) -> dict[str, str]:
    swapped = "A" if back["state"][0] != "A" else "B"
    return back | {"state": swapped + back["state"][1:]}


def longer(back: dict[str, str], world: World) -> dict[str, str]:
    return back | {"state": back["state"] + "x"}


def shorter(back: dict[str, str], world: World) -> dict[str, str]:
    return back | {"state": back["state"][:-1]}


def expired(back: dict[str, str], world: World) -> dict[str, str]:
    world.clock.advance(minutes=10, seconds=1)
    return back


@pytest.mark.parametrize("how", [without_state, tampered, longer, shorter, expired])
@pytest.mark.parametrize("by", ["page", "page with digits", "pasted"])
def test_a_state_that_is_not_right_connects_nothing_and_asks_spotify_nothing(
    world: World, by: str, how: Callable[[dict[str, str], World], dict[str, str]]
) -> None:
    async def story(scene: Scene) -> None:
        back = how(await scene.come_back(), world)
        if by == "pasted":
            (told,) = await scene.chat.say(address(back))
            assert "used already" in told.text or "cut off" in told.text
        else:
            page = await scene.visit(back)
            assert page.status_code == 410
            assert 'class="digits"' not in page.text
        assert await scene.linked() == {}
        assert scene.exchanges == 0

    play(world, story, shows_digits=by == "page with digits")


@pytest.mark.parametrize("shows_digits", [False, True])
def test_a_state_works_once_in_whatever_order_it_is_replayed(
    world: World, shows_digits: bool
) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        first = await scene.visit(back)
        assert first.status_code == 200
        assert (await scene.visit(back)).status_code == 410
        await scene.chat.say(address(back))
        await scene.chat.say(address(back), BEN)
        assert scene.exchanges == (0 if shows_digits else 1)
        assert await scene.linked() == ({} if shows_digits else {ANNA: "Robin"})

    play(world, story, shows_digits=shows_digits)


@pytest.mark.parametrize("by", ["page", "page with digits", "pasted"])
def test_saying_no_is_fine_and_connects_nothing(world: World, by: str) -> None:
    async def story(scene: Scene) -> None:
        back = await asyncio.to_thread(cancel, await scene.begin())
        assert back["error"] == "access_denied"
        if by == "pasted":
            (told,) = await scene.chat.say(address(back))
            assert "You said no" in told.text
        else:
            assert "You said no" in (await scene.visit(back)).text
        assert await scene.linked() == {}
        assert scene.exchanges == 0

    play(world, story, shows_digits=by == "page with digits")


@pytest.mark.parametrize("by", ["page", "digits", "pasted"])
def test_a_wrong_verifier_connects_nothing(world: World, by: str) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()

        def change_the_verifier(stores: Stores) -> None:
            stores.spotify.authorizations.drop(ANNA)
            forged = PendingAuthorization(ANNA, "x" * 43)
            stores.spotify.authorizations.begin(forged, back["state"], world.clock())

        await scene.chat.records.run(change_the_verifier)
        if by == "page":
            assert (await scene.visit(back)).status_code == 410
        else:
            shown = await scene.digits(back) if by == "digits" else address(back)
            assert "Nothing was connected" in said(await scene.chat.say(shown))
        assert scene.exchanges == 1
        assert await scene.linked() == {}

    play(world, story, shows_digits=by == "digits")


@pytest.mark.parametrize("by", ["page", "digits", "pasted"])
def test_of_fifty_at_once_exactly_one_is_exchanged(world: World, by: str) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        if by == "pasted":
            await asyncio.gather(*(scene.chat.say(address(back)) for _ in range(50)))
        else:
            pages = await asyncio.gather(*(scene.visit(back) for _ in range(50)))
            assert sorted(page.status_code for page in pages) == [200] + 49 * [410]
        if by == "digits":
            assert scene.exchanges == 0
            (page,) = [page for page in pages if page.status_code == 200]
            digits = re.findall(r'class="digits">([\d ]+)<', page.text)[0]
            await asyncio.gather(*(scene.chat.say(digits) for _ in range(50)))
        assert scene.exchanges == 1
        assert await scene.linked() == {ANNA: "Robin"}
        greetings = [call for call in scene.chat.telegram.calls if "connected as" in call.text]
        assert len(greetings) == 1

    play(world, story, shows_digits=by == "digits")


def test_who_is_forgotten_while_spotify_answers_is_not_connected_afterwards(world: World) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        await asyncio.gather(scene.visit(back), scene.chat.press("forget:yes"))
        assert await scene.linked() == {}
        rows = await scene.chat.records.run(
            lambda s: [table.count for table in s.people.db.tables if "spotify" in table.name]
        )
        assert sum(rows) == 0

    play(world, story)


@pytest.mark.parametrize("shows_digits", [False, True], ids=["pasted", "digits"])
def test_disconnecting_ends_what_is_under_way(world: World, shows_digits: bool) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        shown = await scene.digits(back) if shows_digits else address(back)
        (told,) = await scene.chat.say("/disconnect")
        assert told.text == texts.NOT_CONNECTED
        await scene.chat.say(shown)
        assert await scene.linked() == {}
        assert scene.exchanges == 0

    play(world, story, shows_digits=shows_digits)


# -- digits --


def test_wrong_digits_say_how_many_tries_are_left_and_the_fifth_ends_it(world: World) -> None:
    async def story(scene: Scene) -> None:
        digits = await scene.digits(await scene.come_back())
        wrong = "000 000" if digits != "000 000" else "111 111"
        for left in ("4 more tries", "3 more tries", "2 more tries", "one more try"):
            (told,) = await scene.chat.say(wrong)
            assert left in told.text
        (told,) = await scene.chat.say(wrong)
        assert "/connect starts over" in told.text
        (told,) = await scene.chat.say(digits)
        assert told.text == texts.NOT_A_PHOTO["text"]
        assert scene.exchanges == 0

    assert MAX_TRIES == 5
    play(world, story, shows_digits=True)


def test_digits_too_late_say_so(world: World) -> None:
    async def story(scene: Scene) -> None:
        digits = await scene.digits(await scene.come_back())
        world.clock.advance(minutes=5, seconds=1)
        assert said(await scene.chat.say(digits)) == texts.DIGITS_TOO_OLD
        assert said(await scene.chat.say(digits)) == texts.NOT_A_PHOTO["text"]
        assert scene.exchanges == 0

    play(world, story, shows_digits=True)


def test_six_digits_are_a_message_like_any_other_where_none_are_awaited(world: World) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin()
        for text in ("123456", "123 456"):
            (told,) = await scene.chat.say(text)
            assert told.text == texts.NOT_A_PHOTO["text"]

    play(world, story, shows_digits=True)


def test_other_messages_do_not_cost_a_try(world: World) -> None:
    async def story(scene: Scene) -> None:
        digits = await scene.digits(await scene.come_back())
        for text in ("hello", "12345", "my code is 123456", "https://example.org/"):
            (told,) = await scene.chat.say(text)
            assert told.text == texts.NOT_A_PHOTO["text"]
        assert len(await scene.chat.say("/help")) == 1
        await scene.chat.say(digits)
        assert await scene.linked() == {ANNA: "Robin"}

    play(world, story, shows_digits=True)


# -- what each wrong paste hears --


def test_each_wrong_paste_gets_a_line_of_its_own(world: World) -> None:
    async def story(scene: Scene) -> None:
        say = scene.chat.say
        url = await scene.begin()
        back = await asyncio.to_thread(agree, url)
        other_site = await say(url)
        assert urlsplit(url).netloc in said(other_site)
        assert f"{REDIRECT_URI}?code=" in said(other_site)
        cut_off = await say(address({"code": back["code"]}))
        somebody_elses = await say(address(back), BEN)
        world.clock.advance(minutes=11)
        too_old = await say(address(back))
        no = await asyncio.to_thread(cancel, await scene.begin())
        denied = await say(address(no))
        failed = await asyncio.to_thread(cancel, await scene.begin())
        failed = await say(address(failed | {"error": "server_error"}))
        heard = [other_site, cut_off, somebody_elses, too_old, denied, failed]
        assert all(len(calls) == 1 for calls in heard)
        assert len({said(calls) for calls in heard}) == len(heard)
        assert await scene.linked() == {}

    play(world, story)


def test_an_address_pasted_twice_says_that_all_is_well(world: World) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        await scene.chat.say(address(back))
        assert said(await scene.chat.say(address(back))) == texts.ADDRESS_USED
        assert scene.exchanges == 1

    play(world, story)


def test_an_address_is_nothing_special_for_who_is_not_connecting(world: World) -> None:
    async def story(scene: Scene) -> None:
        (told,) = await scene.chat.say("Look: https://open.spotify.com/playlist/abc")
        assert told.text == texts.NOT_A_PHOTO["text"]

    play(world, story)


def test_the_site_of_a_pasted_address_is_no_markup(world: World) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin()
        (told,) = await scene.chat.say("http://a&b.example/x")
        assert "a&amp;b.example" in told.text

    play(world, story)


def test_the_site_of_a_pasted_address_may_be_as_long_as_a_message(world: World) -> None:
    async def story(scene: Scene) -> None:
        await scene.begin()
        (answer,) = await scene.chat.say(f"https://{'a' * 4080}/")
        assert len(answer.text) < 1000

    play(world, story)


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "User Management"), (500, "Wait a little"), (429, "Wait a little")],
)
@pytest.mark.parametrize("shows_digits", [False, True], ids=["pasted", "digits"])
def test_spotify_failing_is_told_in_the_chat(
    world: World, shows_digits: bool, status: int, words: str
) -> None:
    async def story(scene: Scene) -> None:
        back = await scene.come_back()
        shown = await scene.digits(back) if shows_digits else address(back)
        world.local.fail_next("GET", "/me", status=status)
        (told,) = await scene.chat.say(shown)
        assert words in told.text
        if status == 403:
            assert "/connect CLIENT_ID" in told.text
        assert await scene.linked() == {}

    play(world, story, shows_digits=shows_digits)


# -- an app of their own --


def test_an_app_of_their_own_serves_a_user_from_consent_to_refresh(world: World) -> None:
    async def story(scene: Scene) -> None:
        noted, offer = await scene.chat.say(f"/connect {OWN_APP.upper()}")
        assert OWN_APP in noted.text
        assert REDIRECT_URI in noted.text
        assert "/connect default" in noted.text
        url = offer.buttons[0]["url"]
        assert client_of(url) == OWN_APP
        back = await asyncio.to_thread(agree, url)
        await scene.chat.say(address(back))
        tokens = await scene.chat.records.run(lambda s: s.spotify.tokens(ANNA))
        assert tokens is not None
        assert tokens.client_id == OWN_APP
        world.clock.advance(hours=2)
        await scene.connections.writer.write(ANNA, PlaylistDraft("name", "words", uris(3)))
        assert scene.exchanges == 2  # the code, and a refresh by the same app
        assert client_of(await scene.begin(BEN)) == world.app.client_id

    play(world, story)


def test_an_app_stays_until_the_user_goes_back_to_the_owners(world: World) -> None:
    async def story(scene: Scene) -> None:
        under_way = await scene.come_back()  # by the owner's app
        await scene.chat.say(f"/connect {OWN_APP}")
        await scene.chat.say(address(under_way))  # is finished by the app that it began with
        assert await scene.linked() == {ANNA: "Robin"}
        await scene.chat.say("/disconnect")
        (offer,) = await scene.chat.say("/connect")
        assert client_of(offer.buttons[0]["url"]) == OWN_APP
        assert OWN_APP in offer.text
        noted, offer = await scene.chat.say("/connect default")
        assert noted.text == texts.OWNERS_APP
        assert client_of(offer.buttons[0]["url"]) == world.app.client_id
        assert OWN_APP not in offer.text

    play(world, story)


def test_the_secret_of_the_owners_app_is_not_shown_for_another_app(server: Server) -> None:
    world = World(server, client_secret="the owner's")

    async def story(scene: Scene) -> None:
        *_, offer = await scene.chat.say(f"/connect {OWN_APP}")
        back = await asyncio.to_thread(agree, offer.buttons[0]["url"])
        await scene.chat.say(address(back))
        assert await scene.linked() == {ANNA: "Robin"}

    play(world, story)


@pytest.mark.parametrize("words", ["abc", OWN_APP + "0", OWN_APP[:-1] + "g", "client id", "12345"])
def test_what_is_no_client_id_is_told_and_changes_nothing(world: World, words: str) -> None:
    async def story(scene: Scene) -> None:
        (told,) = await scene.chat.say(f"/connect {words}")
        assert told.text == texts.BAD_CLIENT_ID
        assert client_of(await scene.begin()) == world.app.client_id

    play(world, story)


def test_an_own_app_that_refuses_gets_words_of_its_own(world: World) -> None:
    async def story(scene: Scene) -> None:
        *_, offer = await scene.chat.say(f"/connect {OWN_APP}")
        back = await asyncio.to_thread(agree, offer.buttons[0]["url"])
        world.local.fail_next("GET", "/me", status=403)
        (told,) = await scene.chat.say(address(back))
        assert "by your app" in told.text
        assert "/connect default" in told.text

    play(world, story)


async def test_nothing_can_be_connected_where_the_owner_has_no_app(chat: Chat) -> None:
    for text in ("/connect", f"/connect {OWN_APP}"):
        (told,) = await chat.say(text)
        assert told.text == texts.CONNECT_UNAVAILABLE
    (told,) = await chat.say("123456")
    assert told.text == texts.NOT_A_PHOTO["text"]


def client_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["client_id"][0]
