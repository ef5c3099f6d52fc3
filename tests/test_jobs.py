import asyncio

from recommender.pool import USUAL_LISTENER
from tests.chatting import ANNA, BEN, Chat, with_chat
from tests.spotify_chat import run_job


def test_what_everybody_likes_is_learned_and_used() -> None:
    async def story(chat: Chat) -> None:
        for user_id in (ANNA, BEN):
            await chat.say("/mood happy", user_id)
            for number in range(1, 9):
                await chat.say(f"/feedback {number} +", user_id)
        await run_job(chat, "learn")
        learned = await chat.records.run(lambda s: s.music.prior())
        assert learned.mean[0] > USUAL_LISTENER.mean[0]
        await chat.say("/mood happy", BEN)
        shown = await chat.records.run(lambda s: list(s.music.db.query("select * from shown")))
        policies = {row["playlist_id"]: row["policy"] for row in shown}
        assert [policy.split()[-1] for policy in policies.values()] == [
            "usual",
            "usual",
            learned.name,
        ]

    asyncio.run(with_chat(story))


def test_nobody_to_learn_from_is_no_trouble() -> None:
    async def story(chat: Chat) -> None:
        await run_job(chat, "learn")
        learned = await chat.records.run(lambda s: s.music.prior())
        assert (learned.mean == USUAL_LISTENER.mean).all()

    asyncio.run(with_chat(story))


def test_a_busy_second_puts_no_job_off() -> None:
    async def story(chat: Chat) -> None:
        assert chat.application.job_queue is not None
        jobs = chat.application.job_queue.jobs()
        assert {job.name for job in jobs} >= {"ask", "write", "learn"}
        # APScheduler's own second of grace holds where a job does not say otherwise
        assert [job.name for job in jobs if getattr(job.job, "misfire_grace_time", 1)] == []

    asyncio.run(with_chat(story))
