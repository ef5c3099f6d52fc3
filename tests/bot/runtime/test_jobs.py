import asyncio
import threading

import pytest

from bot.playlists import learning
from recommender.taste.pool import USUAL_LISTENER, pool
from recommender.taste.posterior import Prior, Votes
from tests.support.spotify.spotify_chat import run_job
from tests.support.telegram.chatting import ANNA, BEN, Chat


async def vote(chat: Chat) -> None:
    """Let Anna and Ben like some tracks."""
    for user_id in (ANNA, BEN):
        await chat.say("/mood happy", user_id)
        for number in range(1, 9):
            await chat.say(f"/feedback {number} +", user_id)


async def learned(chat: Chat) -> list[float]:
    """Return what is remembered of all listeners."""
    return list((await chat.records.run(lambda s: s.music.prior())).mean)


async def test_what_everybody_likes_is_learned_and_used(chat: Chat) -> None:
    await vote(chat)
    await run_job(chat, "learn")
    prior = await chat.records.run(lambda s: s.music.prior())
    assert prior.mean[0] > USUAL_LISTENER.mean[0]
    await chat.say("/mood happy", BEN)
    shown = await chat.records.run(lambda s: list(s.music.db.query("select * from shown")))
    policies = {row["playlist_id"]: row["policy"] for row in shown}
    assert [policy.split()[-1] for policy in policies.values()] == [
        "usual",
        "usual",
        prior.name,
    ]


async def test_who_is_forgotten_is_forgotten_in_what_was_learned_too(chat: Chat) -> None:
    await vote(chat)
    await run_job(chat, "learn")
    both = await learned(chat)
    await chat.press("forget:yes", BEN)
    of_anna = await learned(chat)
    assert of_anna not in (both, list(USUAL_LISTENER.mean))
    await run_job(chat, "learn")
    assert await learned(chat) == of_anna


async def test_who_is_forgotten_while_it_is_learned_is_not_in_it(
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, released = threading.Event(), threading.Event()

    def pool_slowly(listeners: list[Votes]) -> Prior:
        if not started.is_set():
            started.set()
            assert released.wait(10)
        return pool(listeners)

    monkeypatch.setattr(learning, "pool", pool_slowly)

    await vote(chat)
    learning_both = asyncio.create_task(run_job(chat, "learn"))
    assert await asyncio.to_thread(started.wait, 10)
    await chat.press("forget:yes", BEN)
    of_anna = await learned(chat)
    released.set()
    await learning_both
    assert await learned(chat) == of_anna


async def test_nobody_to_learn_from_is_no_trouble(chat: Chat) -> None:
    await run_job(chat, "learn")
    assert await learned(chat) == list(USUAL_LISTENER.mean)


async def test_a_busy_second_puts_no_job_off(chat: Chat) -> None:
    assert chat.application.job_queue is not None
    jobs = chat.application.job_queue.jobs()
    assert {job.name for job in jobs} >= {"ask", "write", "learn"}
    # APScheduler's own second of grace holds where a job does not say otherwise
    assert [job.name for job in jobs if getattr(job.job, "misfire_grace_time", 1)] == []
