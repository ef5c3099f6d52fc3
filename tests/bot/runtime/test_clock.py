"""A clock that is set back, or was ahead for a while: no timed work stops, and health says so."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apscheduler.schedulers.base
import pytest
from telegram.ext import JobQueue

from bot.runtime import jobs
from bot.runtime.jobs import keep_going
from bot.storage.inbox_table import (
    ASIDE_FOR,
    KEPT_FOR,
    UNDECRYPTABLE_FOR,
    NewUpdate,
    SetAside,
)
from bot.storage.records import Stores
from bot.timetable import Slot
from bot.web import health
from tests.support.health import get
from tests.support.telegram.chatting import NOW, Chat, chatting

BACK = timedelta(hours=3)


class SetClock(datetime):
    """The clock by which APScheduler plans; tests set it."""

    off = timedelta(0)

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.off


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[SetClock]]:
    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", SetClock)
    yield SetClock
    SetClock.off = timedelta(0)


async def counted(queue: JobQueue, clock: type[SetClock], seconds: float) -> int:
    """Set the clock back, and return how often a job of every 50 ms ran in the time after."""
    ran = []

    async def run(_: object) -> None:
        ran.append(time.monotonic())

    job = queue.scheduler.add_job(run, "interval", [None], seconds=0.05, misfire_grace_time=None)
    await asyncio.sleep(0.3)
    assert ran
    clock.off = -BACK
    ran.clear()
    await asyncio.sleep(seconds)
    job.remove()
    return len(ran)


@pytest.mark.parametrize("is_kept_going", [True, False])
async def test_jobs_go_on_when_the_clock_is_set_back(
    chat: Chat, clock: type[SetClock], monkeypatch: pytest.MonkeyPatch, is_kept_going: bool
) -> None:
    monkeypatch.setattr(jobs, "SLACK", timedelta(seconds=1))

    queue = chat.application.job_queue
    for job in queue.jobs():
        job.schedule_removal()
    await queue.start()
    keeping = asyncio.create_task(
        keep_going(queue, 0.1, lambda: SetClock.now(UTC)) if is_kept_going else asyncio.sleep(9)
    )
    try:
        count = await counted(queue, clock, 1.0)
    finally:
        keeping.cancel()
        await queue.stop(wait=False)
    # Else it would run again in three hours: what this protects against.
    assert (count >= 5) == is_kept_going


async def test_health_tells_of_jobs_that_do_not_run(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await get(chat, "/healthz")).json()["jobs"] is True
    due_s = chat.services.metrics.jobs_due_s
    assert {"ask", "write", "learn"} <= due_s.keys()
    late_s = time.monotonic() - health.JOBS_LATE_S - 1
    for job in due_s:
        with monkeypatch.context() as patch:
            patch.setitem(due_s, job, late_s)
            answer = await get(chat, "/healthz")
        assert (answer.status_code, answer.json()["jobs"]) == (503, False)
    assert (await get(chat, "/healthz")).json()["jobs"] is True


async def test_updates_stored_by_a_clock_that_was_ahead_do_not_stay(chat: Chat) -> None:
    ahead = NOW + timedelta(days=1500)
    left = [NewUpdate(number, 1, "{}") for number in (1, 2)]
    aside = SetAside(1, "a reason", "{}")

    def counts(stores: Stores) -> list[int]:
        db = stores.people.db
        return [db.table("inbox").count, db.table("set_aside").count]

    def store(stores: Stores) -> None:
        inbox = stores.people.inbox
        inbox.add(left, ahead)
        inbox.finish(1, ahead)
        inbox.set_aside(aside, ahead)
        inbox.unhandled(NOW)  # the clock is right again

    await chat.records.run(store)
    assert await chat.records.run(counts) == [2, 1]
    await chat.records.run(lambda s: s.people.inbox.finish(2, NOW))
    later = NOW + max(KEPT_FOR, ASIDE_FOR) + timedelta(hours=1)
    await chat.records.run(lambda s: s.people.inbox.unhandled(later))
    assert await chat.records.run(counts) == [0, 0]


async def test_an_undecryptable_update_stored_by_a_clock_that_was_ahead_is_dropped(
    tmp_path: Path,
) -> None:
    database = tmp_path / "mirrortape.db"
    async with chatting(database=database) as chat:
        ahead, update = NOW + timedelta(days=1500), NewUpdate(1, 1, "{}")
        await chat.records.run(lambda s: s.people.inbox.add([update], ahead))
    async with chatting(database=database) as chat:  # with another key
        await chat.records.run(lambda s: s.people.inbox.unhandled(NOW))
        assert await chat.records.run(lambda s: s.people.inbox.undecryptable()) == 1
        later = NOW + UNDECRYPTABLE_FOR + timedelta(hours=1)
        await chat.records.run(lambda s: s.people.inbox.unhandled(later))
        assert await chat.records.run(lambda s: s.people.inbox.undecryptable()) == 0


async def test_a_running_bot_keeps_its_jobs_going(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own task brings forward what a clock has put off."""
    async with chat.running():
        tasks = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    assert "keep_going" in tasks


@pytest.mark.parametrize("days", [2, 1500])
async def test_a_check_in_planned_by_a_clock_that_was_ahead_comes_when_it_should(
    chat: Chat, days: int
) -> None:
    ahead = NOW + timedelta(days=days)

    def plan(stores) -> None:
        stores.schedules.set_zone(1, "Europe/Rome", ahead)
        stores.schedules.add(1, (Slot.of(8 * 60 + 30, "0123456"),), ahead)

    await chat.records.run(plan)
    due = await chat.records.run(lambda s: s.schedules.due(NOW))
    assert due == []
    (check_in,) = (await chat.records.run(lambda s: s.schedules.load(1))).check_ins
    assert NOW < check_in.next <= NOW + timedelta(days=1)


async def test_a_clock_set_ahead_by_decades_holds_up_nothing(
    chat: Chat, clock: type[SetClock]
) -> None:
    """As on a computer that starts in 1970 and is set right later."""
    queue = chat.application.job_queue
    await queue.start()
    try:
        clock.off = timedelta(days=20_000)
        began_s = time.monotonic()
        queue.scheduler._process_jobs()
        took_s = time.monotonic() - began_s
    finally:
        await queue.stop(wait=False)
    assert took_s < 1
