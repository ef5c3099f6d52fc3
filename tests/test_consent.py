import asyncio
from contextlib import suppress

import pytest

from bot import texts
from bot.records import Stores
from tests.chatting import ANNA, BEN, JPEG, NOW, Chat, a_reading, with_chat
from vision import Reading


def test_no_photo_is_fetched_before_consent_and_the_waiting_one_is_read_after_it() -> None:
    async def story(chat: Chat) -> None:
        asked = await chat.photo(JPEG)
        assert [call.method for call in asked] == ["sendMessage"]
        assert asked[0].text == texts.ASK_CONSENT
        assert chat.worker.photos == []

        await chat.press(asked[0].data("Agree"))

        assert chat.worker.photos == [JPEG]
        assert await chat.records.run(lambda s: s.people.has_consent(ANNA))

    asyncio.run(with_chat(story))


def test_declining_reads_nothing_and_forgets_the_photo_that_waited() -> None:
    async def story(chat: Chat) -> None:
        (asked,) = await chat.photo()
        toast, edit = await chat.press(asked.data("No, thanks"))
        assert toast.method == "answerCallbackQuery"
        assert edit.text == texts.DECLINED

        await chat.press("agree")  # the old button, later

        assert chat.worker.photos == []

    asyncio.run(with_chat(story))


def test_start_explains_then_asks_once() -> None:
    async def story(chat: Chat) -> None:
        first = await chat.say("/start")
        assert [call.text for call in first] == [texts.WELCOME, texts.ASK_CONSENT]
        await chat.press("agree")
        (again,) = await chat.say("/start")
        assert texts.ALREADY_AGREED in again.text

    asyncio.run(with_chat(story))


def test_privacy_takes_the_consent_back() -> None:
    async def story(chat: Chat) -> None:
        await chat.press("agree")
        (shown,) = await chat.say("/privacy")
        assert texts.HAS_CONSENT in shown.text
        await chat.press(shown.data(texts.WITHDRAW))
        (shown,) = await chat.say("/privacy")
        assert texts.LACKS_CONSENT in shown.text
        await chat.photo()
        assert chat.worker.photos == []

    asyncio.run(with_chat(story))


def test_forget_deletes_every_row_of_this_user_and_no_other() -> None:
    async def story(chat: Chat) -> None:
        for user_id in (ANNA, BEN):
            await chat.press("agree", user_id)
            await chat.photo(user_id=user_id)
            await chat.say("/feedback 1 +", user_id)
            await chat.say("/feedback 5", user_id)
        (asked,) = await chat.say("/forget")
        await chat.press(asked.data("Keep it"))
        assert await _rows(chat, ANNA) == await _rows(chat, BEN)

        _, done = await chat.press(asked.data("Delete everything"))

        assert done.text == texts.FORGOTTEN
        assert await _rows(chat, ANNA) == {}
        assert len(await _rows(chat, BEN)) >= 4  # consent, reading, playlist, vote
        shown = await chat.records.run(lambda s: s.people.db.table("shown").count)
        assert shown == 20  # Ben's

    asyncio.run(with_chat(story))


def test_an_outdated_consent_is_asked_for_again() -> None:
    async def story(chat: Chat) -> None:
        await chat.records.run(lambda s: s.people.agree(ANNA, NOW))
        await chat.records.run(
            lambda s: s.people.db.execute("update people set consent_version = 0")
        )
        (asked,) = await chat.photo()
        assert asked.text == texts.ASK_CONSENT

    asyncio.run(with_chat(story))


@pytest.mark.parametrize("button", ["forget:yes", "withdraw"])
def test_a_photo_under_way_leaves_nothing_after_forgetting_or_withdrawing(button: str) -> None:
    class SlowWorker:
        async def explain(self, photo: bytes) -> tuple[Reading, bytes]:
            started.set()
            with suppress(asyncio.CancelledError):  # a reading that comes in the last moment
                await asyncio.sleep(60)
            return a_reading(), b"picture"

    started = asyncio.Event()

    async def story(chat: Chat) -> None:
        await chat.press("agree")
        chat.worker.explain = SlowWorker().explain  # type: ignore[method-assign]
        reading = asyncio.create_task(chat.photo())
        await started.wait()
        await chat.press(button)
        await reading
        rows = await _rows(chat, ANNA)
        assert set(rows) <= {"inbox"}
        assert chat.telegram.calls[-1].method == "deleteMessage"

    asyncio.run(with_chat(story))


def test_what_is_said_before_forgetting_is_not_kept_in_the_inbox() -> None:
    async def story(chat: Chat) -> None:
        await chat.records.run(lambda s: s.people.receive(1, ANNA, "words", NOW))
        await chat.press("forget:yes")
        (row,) = await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))
        assert (row["user_id"], row["payload"]) == (None, None)
        assert await chat.records.run(lambda s: s.people.retake(NOW)) == []

    asyncio.run(with_chat(story))


async def _rows(chat: Chat, user_id: int) -> dict[str, int]:
    """Count the rows about a user in every table that knows users."""

    def count(stores: Stores) -> dict[str, int]:
        db = stores.people.db
        tables = [table for table in db.tables if "user_id" in table.columns_dict]
        counts = {table.name: table.count_where("user_id = ?", [user_id]) for table in tables}
        return {name: rows for name, rows in counts.items() if rows}

    return await chat.records.run(count)
