"""Updates come in, are stored, and are handled in order, once in effect, whatever fails."""

import asyncio
import io
import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from telegram import Update
from telegram.error import NetworkError
from telegram.ext import TypeHandler

from bot import texts
from bot.current_update import give_way
from bot.logs import LineFormatter
from bot.sending import delivery
from bot.storage.inbox_table import MAX_DEATHS, MAX_TRIES, NewUpdate
from bot.updates import inbox
from bot.updates.inbox import AT_ONCE
from tests.support.telegram.chatting import (
    AGREE,
    ANNA,
    BEN,
    JPEG,
    NOW,
    Chat,
    FakeWorker,
    with_chat,
)
from tests.support.telegram.fake_telegram import Call
from tests.support.telegram.messages import said
from tests.support.telegram.updates import an_update, rows, settled


async def test_an_update_delivered_three_times_is_handled_once(chat: Chat) -> None:
    chat.telegram.updates = [an_update(7), an_update(7), an_update(8), an_update(7)]
    async with chat.running():
        await settled(chat, 2)
    assert len(said(chat)) == 2


async def test_what_was_said_is_dropped_once_it_is_answered(chat: Chat) -> None:
    chat.telegram.updates = [an_update(7, "/help")]
    async with chat.running():
        await settled(chat, 1)
    (row,) = await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))
    assert row["payload"] is None


def test_a_handled_update_is_a_line_in_the_log_without_its_text() -> None:
    written, logger = io.StringIO(), logging.getLogger("bot.updates.inbox")
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter())

    async def story(chat: Chat) -> None:
        chat.telegram.updates = [an_update(7, "/hush"), an_update(8, "/hush")]
        async with chat.running():
            await settled(chat, 2)

    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        asyncio.run(with_chat(story))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    lines = sorted(line.partition(" INFO ")[2] for line in written.getvalue().splitlines())
    assert [line[: line.index(" in ")] for line in lines] == [
        "bot.updates.inbox [update 7]: message handled",
        "bot.updates.inbox [update 8]: message handled",
    ]


async def stopped_while_handling(chat: Chat, handle: Callable[[], Any]) -> list[Any]:
    """Stop the bot while an update is being handled; return what is in the inbox then."""
    begun = asyncio.Event()

    async def handle_it(update: Update, context: Any) -> None:
        begun.set()
        await handle()

    chat.application.add_handler(TypeHandler(Update, handle_it), group=-9)
    chat.telegram.updates = [an_update(7), an_update(8)]  # the second waits for the first
    async with chat.running():
        await asyncio.wait_for(begun.wait(), 5)
    return await rows(chat)


async def test_a_stop_finishes_what_is_in_flight_and_begins_nothing_more(chat: Chat) -> None:
    first, second = await stopped_while_handling(chat, lambda: asyncio.sleep(0.5))
    assert first["handled_utc"] is not None
    assert second["handled_utc"] is None


def test_what_a_stop_cannot_finish_in_time_waits_for_the_next_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.runtime.serving.GRACE_S", 0.3)

    async def story(chat: Chat) -> None:
        start = asyncio.get_running_loop().time()
        first, _ = await stopped_while_handling(chat, asyncio.Event().wait)
        assert asyncio.get_running_loop().time() - start < 5
        assert first["update_id"] == 7
        assert first["handled_utc"] is None
        assert first["payload"] is not None
        assert first["begun"] == 0  # a stop is no death

    asyncio.run(with_chat(story))
    assert "left for the next start" in caplog.text


def test_a_job_that_hangs_does_not_hold_up_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.runtime.serving.GRACE_S", 0.2)
    monkeypatch.setattr("bot.runtime.serving.CANCEL_S", 0.2)

    async def story(chat: Chat) -> None:
        begun = asyncio.Event()

        async def hang(context: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

        assert chat.application.job_queue is not None
        async with chat.running():
            chat.application.job_queue.run_once(hang, 0)
            await asyncio.wait_for(begun.wait(), 5)

    asyncio.run(asyncio.wait_for(with_chat(story), 20))


def test_what_is_under_way_beside_the_updates_is_waited_for() -> None:
    settled_at: list[str] = []

    async def settle() -> None:
        await asyncio.sleep(0.1)
        settled_at.append("settled")

    async def story(chat: Chat) -> None:
        async with chat.running(settle):
            pass
        settled_at.append("stopped")

    asyncio.run(with_chat(story))
    assert settled_at == ["settled", "stopped"]


# -- errors --


class Breaking:
    """Fails at some of the updates, so many times each, and notes which were tried."""

    def __init__(self, failures: dict[int, int]) -> None:
        self.left = failures
        self.tried: list[int] = []

    async def __call__(self, update: Update, context: Any) -> None:
        self.tried.append(update.update_id)
        if self.left.get(update.update_id, 0):
            self.left[update.update_id] -= 1
            raise RuntimeError("a secret detail")


async def handled_with(chat: Chat, breaking: Breaking, *updates: dict[str, Any]) -> list[str]:
    """Have updates handled where some break; return what their users were told."""
    chat.application.add_handler(TypeHandler(Update, breaking), group=-9)
    chat.telegram.updates = list(updates)
    async with chat.running():
        await settled(chat, len(updates))
    return said(chat)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait between two tries."""
    monkeypatch.setattr(inbox, "PAUSES_S", (0.05,))
    monkeypatch.setattr(delivery, "FIRST_PAUSE_S", 0.05)


@pytest.mark.usefixtures("hasty")
async def test_an_update_that_breaks_is_tried_again_before_the_next_of_its_user(
    chat: Chat,
) -> None:
    breaking = Breaking({7: MAX_TRIES - 1})
    heard = await handled_with(chat, breaking, an_update(7), an_update(8))
    assert breaking.tried == [7] * MAX_TRIES + [8]
    assert heard == [texts.HELP] * 2


@pytest.mark.usefixtures("hasty")
async def test_poison_is_set_aside_after_three_tries_and_its_user_is_told(chat: Chat) -> None:
    breaking = Breaking({7: 99})
    updates = an_update(7), an_update(8), an_update(9, user_id=BEN)
    heard = await handled_with(chat, breaking, *updates)
    assert breaking.tried.count(7) == MAX_TRIES
    assert breaking.tried.index(9) < MAX_TRIES  # others do not wait
    assert heard == [texts.HELP, texts.APOLOGY, texts.HELP]
    assert [row["payload"] for row in await rows(chat)] == [None] * 3


@pytest.mark.usefixtures("hasty")
async def test_tries_count_on_over_a_restart(chat: Chat) -> None:
    await left_by_a_crash(chat, 7, tries=MAX_TRIES - 1)
    breaking = Breaking({7: 99})
    chat.application.add_handler(TypeHandler(Update, breaking), group=-9)
    async with chat.running():
        await settled(chat, 1)
    assert breaking.tried == [7]
    assert said(chat) == [texts.APOLOGY]


# -- deaths --


async def left_by_a_crash(chat: Chat, *update_ids: int, user_id: int = ANNA, **how: int) -> None:
    """Put updates into the inbox as a run that died left them."""
    for update_id in update_ids:
        update = Update.de_json(an_update(update_id, user_id=user_id), None)
        new = [NewUpdate(update_id, user_id, update.to_json())]
        await chat.records.run(lambda s, new=new: s.people.inbox.add(new, NOW))
        await chat.records.run(
            lambda s, n=update_id: s.people.db.table("inbox").update(n, how) if how else None
        )


async def test_what_a_crash_left_is_handled_at_the_next_start(chat: Chat) -> None:
    await left_by_a_crash(chat, 1, 2)
    await chat.records.run(lambda s: s.people.inbox.finish(1, NOW))
    async with chat.running():
        await settled(chat, 2)
    assert said(chat) == [texts.HELP]


def test_what_was_begun_when_the_bot_died_is_handled_alone_and_first() -> None:
    busy, most = 0, 0

    async def count(update: Update, context: Any) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.02)
        busy -= 1
        began.append((update.update_id, most))

    began: list[tuple[int, int]] = []

    async def story(chat: Chat) -> None:
        await left_by_a_crash(chat, 1, user_id=BEN)
        await left_by_a_crash(chat, 5, begun=1)
        await left_by_a_crash(chat, 6, begun=1, user_id=BEN)
        await left_by_a_crash(chat, 7, begun=1, user_id=3)
        chat.application.add_handler(TypeHandler(Update, count), group=-9)
        async with chat.running():
            await settled(chat, 4)

    asyncio.run(with_chat(story))
    assert began == [(5, 1), (6, 1), (7, 1), (1, 1)]


async def test_what_takes_the_bot_down_again_and_again_is_set_aside_and_its_user_is_told(
    chat: Chat,
) -> None:
    await left_by_a_crash(chat, 7, begun=1)
    for _ in range(MAX_DEATHS):  # each start takes it up alone, and dies
        begun = await chat.records.run(lambda s: s.people.inbox.begin(7, is_alone=True))
        assert begun is not None
        assert not begun.is_given_up
    chat.telegram.updates = [an_update(8)]
    async with chat.running():
        await settled(chat, 2)
    assert said(chat) == [texts.APOLOGY, texts.HELP]


async def test_who_died_beside_others_is_not_blamed(chat: Chat) -> None:
    await left_by_a_crash(chat, 7)
    for _ in range(10 * MAX_DEATHS):
        begun = await chat.records.run(lambda s: s.people.inbox.begin(7))
        assert begun is not None
        assert not begun.is_given_up


@pytest.mark.usefixtures("hasty")
async def test_what_a_death_interrupted_has_its_effects_once(chat: Chat) -> None:
    """The second try finds the playlist and the message of the first."""
    await chat.press(AGREE)
    before = len(chat.telegram.calls)
    died = Dying(at="editMessageText")
    chat.telegram.before = died
    chat.telegram.updates = [an_update(7, "/mood sad")]
    async with chat.running():
        await asyncio.wait_for(died.has_died.wait(), 5)
    assert (await rows(chat))[0]["handled_utc"] is None
    chat.telegram.before = None
    async with chat.running():
        await settled(chat, 1)
    methods = [call.method for call in chat.telegram.calls[before:]]
    assert methods.count("sendMessage") == methods.count("editMessageText") == 1
    assert await chat.records.run(lambda s: s.people.db.table("playlists").count) == 1


class Dying:
    """Ends a try at a request, as a kill would."""

    def __init__(self, at: str) -> None:
        self._at = at
        self.has_died = asyncio.Event()

    async def __call__(self, call: Call) -> None:
        if call.method == self._at:
            self.has_died.set()
            raise asyncio.CancelledError


# -- in order --


@pytest.mark.usefixtures("hasty")
async def test_while_telegram_is_away_a_user_waits_in_order_and_loses_nothing(chat: Chat) -> None:
    tries = itertools.count()

    async def away(call: Call) -> None:
        if call.method == "sendMessage" and next(tries) < 6:
            raise NetworkError("Bad Gateway")

    chat.telegram.before = away
    chat.telegram.updates = [an_update(7), an_update(8, "/start"), an_update(9)]
    async with chat.running():
        await settled(chat, 3)
    assert said(chat) == [texts.HELP, texts.WELCOME, texts.HELP]


def test_many_updates_of_a_user_are_handled_in_order_one_at_a_time() -> None:
    seen: list[int] = []

    async def dawdle(update: Update, context: Any) -> None:
        await asyncio.sleep(0.02 / (update.update_id % 3 + 1))
        seen.append(update.update_id)

    async def story(chat: Chat) -> None:
        chat.application.add_handler(TypeHandler(Update, dawdle), group=-9)
        chat.telegram.updates = [an_update(n, user_id=1 + n % 2) for n in range(1, 41)]
        async with chat.running():
            await settled(chat, 40)

    asyncio.run(with_chat(story))
    for user in (0, 1):
        assert [n for n in seen if n % 2 == user] == [n for n in range(1, 41) if n % 2 == user]


def test_what_gives_way_is_overtaken_by_so_many_and_no_more() -> None:
    begun: list[int] = []
    go_on = asyncio.Event()

    async def wait(update: Update, context: Any) -> None:
        begun.append(update.update_id)
        give_way()
        await go_on.wait()

    async def story(chat: Chat) -> None:
        chat.application.add_handler(TypeHandler(Update, wait), group=-9)
        chat.telegram.updates = [an_update(n) for n in range(1, 31)]
        async with chat.running():
            async with asyncio.timeout(5):
                while len(begun) < AT_ONCE:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert begun == list(range(1, AT_ONCE + 1))
            go_on.set()
            await settled(chat, 30)

    asyncio.run(with_chat(story))
    assert begun == list(range(1, 31))


async def test_a_photo_that_is_being_read_is_overtaken_by_cancel(chat: Chat) -> None:
    class Slow(FakeWorker):
        async def explain(self, *_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

    await chat.press(AGREE)
    chat.worker.explain = Slow().explain
    photo = an_update(7)
    photo["message"] |= {"photo": [chat.file(JPEG)]}
    del photo["message"]["text"], photo["message"]["entities"]
    chat.telegram.updates = [photo, an_update(8, "/help"), an_update(9, "/cancel")]
    async with chat.running():
        await settled(chat, 3)
    assert said(chat)[-2:] == [texts.HELP, texts.CANCELLED]


# -- a database that fails --


async def test_what_cannot_be_stored_stays_with_telegram(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.updates.polling.DISK_PAUSE_S", 0.05)
    offsets: list[Any] = []

    await chat.records.run(
        lambda s: s.people.db.execute(
            "create trigger full before insert on inbox"
            " begin select raise(abort, 'disk is full'); end"
        )
    )
    kept = [an_update(7)]

    async def answer(call: Any) -> list[dict[str, Any]]:
        offsets.append(call.parameters.get("offset"))
        if len(offsets) == 3:
            await chat.records.run(lambda s: s.people.db.execute("drop trigger full"))
        return kept if (offsets[-1] or 0) <= 7 else []

    chat.telegram.give = answer
    async with chat.running():
        await settled(chat, 1)
        async with asyncio.timeout(5):
            while offsets[-1] != 8:
                await asyncio.sleep(0.01)
    assert offsets[:3] == [None] * 3
