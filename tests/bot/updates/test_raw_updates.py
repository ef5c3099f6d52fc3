"""Whatever Telegram sends is stored, survives a kill, and stops nothing when its turn comes."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from telegram import Update

from bot import texts
from bot.sending import delivery
from bot.storage.inbox_table import ASIDE_FOR, MOST_ASIDE, NewUpdate, SetAside
from bot.updates import inbox
from bot.updates.inbox import MAX_PER_STRANGER, Inbox
from bot.updates.polling import poll
from bot.updates.raw_updates import Sender, new_update, number_of, sender_of
from bot.worker import albums
from tests.support.telegram.chatting import ANNA, JPEG, NOW, Chat, chatting, text_update, with_chat
from tests.support.telegram.deliveries import Telegram
from tests.support.telegram.messages import said
from tests.support.telegram.random_updates import Updates
from tests.support.telegram.telegram_contract import Contract
from tests.support.telegram.updates import rows, settled

GUESTS = (1, 2, 3, 4, 5)
STRANGER = 666
INACCESSIBLE = {"chat": {"id": STRANGER, "type": "private"}, "message_id": 3, "date": 0}
"""What Telegram sends in the place of a message that was deleted."""


def a_message(update_id: int, content: dict[str, Any], user_id: int = ANNA) -> dict[str, Any]:
    """Return an update with a message that holds something."""
    update = text_update(update_id, "x", user_id)
    del update["message"]["text"], update["message"]["entities"]
    update["message"] |= content
    return update


ODD: dict[str, dict[str, Any]] = {
    "a pinned message that is gone": {"pinned_message": INACCESSIBLE},
    "a reply to a message of 1970": {"text": "hello", "reply_to_message": INACCESSIBLE},
    "a poll's message that is gone": {
        "poll_option_added": {
            "option_persistent_id": "1",
            "option_text": "yes",
            "poll_message": INACCESSIBLE,
        }
    },
    "no buttons": {"text": "hello", "reply_markup": {"inline_keyboard": []}},
    "no date": {"date": None},
    "a kind of content that is not known yet": {"hologram": {"date": 0}},
}
"""Messages that are valid and were not understood once."""

BROKEN: dict[str, Any] = {
    "no object": 5,
    "a list": [1],
    "a photo that is none": {"photo": 5},
    "a sticker that is none": {"sticker": 5},
    "a date that no calendar has": {"date": 2**60},
    "entities that are none": {"text": "hello", "entities": [{"type": 1}]},
}
"""What python-telegram-bot cannot parse."""


def broken(update_id: int, name: str, user_id: int = ANNA) -> dict[str, Any]:
    """Return an update that cannot be parsed; most of them name their sender."""
    content = BROKEN[name]
    if isinstance(content, dict):
        return a_message(update_id, content, user_id)
    return {"update_id": update_id, "message": content}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait."""
    monkeypatch.setattr(inbox, "PAUSES_S", (0.01,))
    monkeypatch.setattr(albums, "SETTLE_S", 0.01)
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.01)


class Killed:
    """A bot that receives updates and is killed before it handles them, then starts again.

    Args:
        folder: Where its data is.
    """

    def __init__(self, folder: Path) -> None:
        self._database = folder / "mirrortape.db"
        self._cipher = MultiFernet([Fernet(Fernet.generate_key())])
        self._last = 2**40
        self.failed = 0.0
        self.set_aside = 0.0

    def go_through(self, updates: Sequence[dict[str, Any]]) -> list[str]:
        """Have updates received, half by each way, then handled; return what the bot says."""
        heard: list[str] = []

        async def receive(chat: Chat) -> None:
            half = len(updates) // 2
            services, chat.telegram.updates = chat.services, list(updates[:half])
            bot, metrics = chat.application.bot, services.metrics
            not_open = Inbox(
                chat.application, chat.records, services.clock, metrics, services.guests
            )
            polling = asyncio.create_task(poll(bot, not_open, services.clock, metrics))
            webhook = Telegram(chat)
            for update in updates[half:]:
                assert (await webhook.post(update)).status_code == 200
            dropped = metrics.updates_dropped._value
            await until(lambda: stored(chat, len(updates) - int(dropped.get())))
            assert not polling.done()
            polling.cancel()

        async def handle(chat: Chat) -> None:
            chat.telegram.files = AnyFile()
            async with chat.running() as fetching:
                await until(lambda: stored(chat, 0))
                assert not fetching.done()
                self._last += 1
                chat.telegram.updates = [text_update(self._last, "/help", ANNA)]
                await until(lambda: answered(chat))
            heard.extend(said(chat))
            metrics = chat.services.metrics
            self.failed += metrics.updates_failed._value.get()
            self.set_aside += metrics.updates_set_aside._value.get()

        self._live(receive)
        self._live(handle)
        return heard

    def _live(self, story: Callable[[Chat], Coroutine[Any, Any, None]]) -> None:
        guests = frozenset(map(str, GUESTS))
        asyncio.run(
            with_chat(story, allowed_ids=guests, database=self._database, cipher=self._cipher)
        )


class AnyFile(dict[str, bytes]):
    """Files of any name."""

    def __missing__(self, name: str) -> bytes:
        return JPEG


async def stored(chat: Chat, count: int) -> bool:
    return await chat.records.run(lambda s: s.people.inbox.waiting()) == count


async def answered(chat: Chat) -> bool:
    return texts.HELP in said(chat)


async def until(is_so: Callable[[], Coroutine[Any, Any, bool]], patience_s: float = 120) -> None:
    async with asyncio.timeout(patience_s):
        while not await is_so():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("user_id", [ANNA, STRANGER])
def test_valid_updates_that_are_odd_stop_nothing(tmp_path: Path, user_id: int) -> None:
    killed = Killed(tmp_path)
    updates = [a_message(n, content, user_id) for n, content in enumerate(ODD.values(), 1)]
    killed.go_through(updates)
    assert (killed.failed, killed.set_aside) == (0, 0)


@pytest.mark.parametrize("user_id", [ANNA, STRANGER])
def test_what_cannot_be_parsed_stops_nothing_and_its_sender_is_told_once(
    tmp_path: Path, user_id: int
) -> None:
    killed = Killed(tmp_path)
    updates = [broken(n, name, user_id) for n, name in enumerate(BROKEN, 1)]
    heard = killed.go_through(updates)
    named = sum(isinstance(content, dict) for content in BROKEN.values())
    assert killed.set_aside == len(BROKEN)
    assert heard.count(texts.UNPARSABLE) == (named if user_id == ANNA else 0)
    again = killed.go_through([])
    assert texts.UNPARSABLE not in again
    assert killed.set_aside == len(BROKEN)


LIVES, EACH = 10, 500  # of the long form
DRAWN = 300


def test_updates_drawn_from_the_bot_api_stop_nothing(tmp_path: Path, bot_api: Contract) -> None:
    go_through_drawn(tmp_path, bot_api, DRAWN, seed=7)


def go_through_drawn(folder: Path, bot_api: Contract, count: int, seed: int) -> Killed:
    """Draw updates and let a bot that is killed live with them."""
    drawn, killed = Updates(bot_api, GUESTS, seed), Killed(folder)
    killed.go_through([drawn.draw(number) for number in range(1, count + 1)])
    assert killed.failed == 0
    assert killed.set_aside < count / 20  # else it would be no test of the handlers
    return killed


@pytest.mark.chaos
def test_thousands_of_drawn_updates_stop_nothing(tmp_path: Path, bot_api: Contract) -> None:
    set_aside = 0.0
    for life in range(LIVES):
        folder = tmp_path / str(life)
        folder.mkdir()
        set_aside += go_through_drawn(folder, bot_api, EACH, seed=100 + life).set_aside
    print(
        f"{LIVES * EACH} updates drawn from the Bot API, received, stored, and handled after a "
        f"kill: {set_aside:.0f} could not be parsed and were set aside, none stopped the bot"
    )


def test_the_draws_hold_what_once_could_not_be_stored(bot_api: Contract) -> None:
    """Else the tests with drawn updates would show little."""
    drawn, problems = Updates(bot_api, GUESTS, seed=7), set()
    for number in range(DRAWN):
        text = json.dumps(drawn.draw(number))
        problems |= {part for part in ('"date": 0', '"inline_keyboard": []') if part in text}
    assert len(problems) == 2


# -- what is kept of what cannot be parsed --


async def aside(chat: Chat) -> list[dict[str, Any]]:
    return await chat.records.run(lambda s: list(s.people.db.table("set_aside").rows))


async def test_what_cannot_be_parsed_is_kept_sealed_until_its_user_wants_it_forgotten(
    chat: Chat,
) -> None:
    chat.telegram.updates = [a_message(7, {"photo": "my words"})]
    async with chat.running():
        await settled(chat, 1)
    (row,) = await aside(chat)
    assert (row["user_id"], row["reason"]) == (ANNA, "TypeError")
    assert "my words" not in row["payload"]
    (handled,) = await rows(chat)
    assert handled["payload"] is None
    await chat.records.run(lambda s: s.forget(ANNA, NOW))
    assert await aside(chat) == []


@pytest.mark.parametrize("payload", ["", "no JSON", "[1]", '{"update_id": 7, "message": 5}'])
def test_a_row_that_cannot_be_parsed_is_tried_at_one_start_only(
    payload: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(chat: Chat) -> None:
        left = [NewUpdate(7, ANNA, payload)]
        await chat.records.run(lambda s: s.people.inbox.add(left, NOW))
        for _ in range(3):
            async with chat.running():
                await settled(chat, 1)
        assert len(await aside(chat)) == 1
        assert len(said(chat)) <= 1
        assert set(said(chat)) <= {texts.UNPARSABLE}

    asyncio.run(with_chat(story))
    assert caplog.text.count("cannot be parsed") == 1


async def test_only_so_much_is_kept_and_only_so_long(chat: Chat) -> None:
    for number in range(MOST_ASIDE + 5):
        each = SetAside(None, "no JSON", f"{number}")
        await chat.records.run(lambda s, each=each: s.people.inbox.set_aside(each, NOW))
    assert [row["id"] for row in await aside(chat)] == list(range(6, MOST_ASIDE + 6))
    await chat.records.run(lambda s: s.people.inbox.add([NewUpdate(1, ANNA, "")], NOW))
    await chat.records.run(lambda s: s.people.inbox.finish(1, NOW))
    later = NOW + ASIDE_FOR * 1.01
    await chat.records.run(lambda s: s.people.inbox.add([NewUpdate(2, ANNA, "")], later))
    assert await aside(chat) == []
    assert [row["update_id"] for row in await rows(chat)] == [2]


async def test_nothing_is_kept_of_what_strangers_send() -> None:
    async with chatting(allowed_ids=frozenset({str(ANNA)})) as chat:
        chat.telegram.updates = [
            broken(1, "a photo that is none", STRANGER),
            text_update(2, "hello", STRANGER),
            a_message(3, {"pinned_message": INACCESSIBLE}, STRANGER),
            text_update(4, "/help", ANNA),
        ]
        async with chat.running():
            await until(lambda: answered(chat))
            await until(lambda: stored(chat, 0))
        assert [row["update_id"] for row in await rows(chat)] == [4]
        assert await aside(chat) == []
        assert texts.UNPARSABLE not in said(chat)


async def test_a_flood_of_a_strangers_does_not_fill_the_table() -> None:
    async with chatting(allowed_ids=frozenset({str(ANNA)})) as chat:
        services = chat.services
        not_open = Inbox(
            chat.application, chat.records, services.clock, services.metrics, services.guests
        )
        flood = [text_update(n, "hello", STRANGER) for n in range(100)]
        ours = [text_update(n, "hello", ANNA) for n in range(100, 120)]
        await not_open.receive(flood + ours)
        assert len(await rows(chat)) == MAX_PER_STRANGER + len(ours)
        assert services.metrics.updates_dropped._value.get() == len(flood) - MAX_PER_STRANGER


def test_updates_under_another_key_are_spoken_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave(chat: Chat) -> None:
        left = [NewUpdate(n, ANNA, "{}") for n in range(3)]
        await chat.records.run(lambda s: s.people.inbox.add(left, NOW))

    async def start(chat: Chat) -> None:
        async with chat.running():
            await asyncio.sleep(0.1)

    for story in (leave, start):  # each has a key of its own
        asyncio.run(with_chat(story, database=tmp_path / "mirrortape.db"))
    (record,) = [r for r in caplog.records if "SECRET_KEY" in r.message]
    assert record.levelno == logging.WARNING
    assert "3 waiting updates" in record.message


async def test_what_the_version_before_stored_is_handled(chat: Chat) -> None:
    update = Update.de_json(text_update(7, "/help", ANNA), chat.application.bot)
    left = [NewUpdate(7, ANNA, update.to_json())]
    await chat.records.run(lambda s: s.people.inbox.add(left, NOW))
    async with chat.running():
        await settled(chat, 1)
    assert said(chat) == [texts.HELP]


# -- what is read before an update is parsed --


@pytest.mark.parametrize(
    ("found", "number"),
    [
        ({"update_id": 7}, 7),
        ({"update_id": 2**63}, None),
        ({"update_id": True}, None),
        ({"update_id": "7"}, None),
        ({"update_id": -1}, None),
        ({}, None),
        ([7], None),
        (None, None),
    ],
)
def test_a_number_is_one_that_can_be_stored(found: Any, number: int | None) -> None:
    assert number_of(found) == number


PRIVATE = {"id": 7, "type": "private"}


@pytest.mark.parametrize(
    ("content", "sender"),
    [
        ({"message": {"from": {"id": 7}, "chat": PRIVATE}}, Sender(7, is_private=True)),
        ({"message": {"from": {"id": 7}, "chat": {"type": "group"}}}, Sender(7, is_private=False)),
        ({"callback_query": {"from": {"id": 7}, "message": {"chat": PRIVATE}}}, Sender(7, True)),
        ({"callback_query": {"from": {"id": 7}}}, Sender(7, is_private=False)),
        ({"message_reaction": {"user": {"id": 7}, "chat": PRIVATE}}, Sender(7, is_private=True)),
        ({"message": {"from": {"id": 2**70}, "chat": PRIVATE}}, Sender(None, is_private=False)),
        ({"message": {"from": 7}}, Sender(None, is_private=False)),
        ({"message": 7}, Sender(None, is_private=False)),
    ],
)
def test_the_sender_is_read_without_trusting_the_rest(
    content: dict[str, Any], sender: Sender
) -> None:
    assert sender_of({"update_id": 1, **content}) == sender


def test_what_is_stored_is_what_telegram_sent() -> None:
    odd = a_message(7, ODD["no buttons"]) | {"not known yet": "🎵 \ud800"}
    update = new_update(odd)
    assert update is not None
    assert json.loads(update.payload) == odd
