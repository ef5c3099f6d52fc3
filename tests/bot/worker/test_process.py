import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from typing import Any

import pytest

from bot.worker.process import VisionWorker, WorkerFailed, limit_memory
from tests.support.telegram.chatting import a_reading
from vision import Explanation, NoFaceFound, WeightsMissing

MEMORY_BYTES = 200_000_000
MORE_THAN_A_PIPE_HOLDS = bytes(10_000_000)


def serve_orders(pipe: Connection) -> None:
    """Do what the photo says: hang, answer half, take memory, die, find no face, or read."""
    limit_memory(MEMORY_BYTES)
    pipe.send(None)
    while True:
        try:
            question, what, *_ = pipe.recv()
        except EOFError:
            return
        order = what if question == "explain_video" else what[0]
        if order == b"hang":
            time.sleep(60)
        elif order == b"wait":
            time.sleep(0.6)
            pipe.send(Explanation(a_reading(), order))
        elif order == b"half":
            os.write(pipe.fileno(), (1000).to_bytes(4, "big") + b"of an answer")
            time.sleep(60)
        elif order == b"deaf":
            pipe.send(Explanation(a_reading(), order))
            time.sleep(60)
        elif order == b"take memory":
            hoard = [bytearray(10_000_000) for _ in range(40)]
            pipe.send(Explanation(a_reading(), str(len(hoard)).encode()))
        elif order == b"die":
            os._exit(1)
        elif order == b"no face":
            pipe.send(NoFaceFound("nobody"))
        else:
            pipe.send(Explanation(a_reading(), order))


def serve_without_weights(pipe: Connection) -> None:
    pipe.send(WeightsMissing("no weights"))


def with_worker(
    story: Callable[[VisionWorker], Coroutine[Any, Any, None]],
    serve: Callable[[Connection], None] = serve_orders,
) -> None:
    worker = VisionWorker(deadline_s=1.0, serve=serve)
    try:
        asyncio.run(story(worker))
    finally:
        worker.close()


def test_photos_go_in_and_readings_come_out_in_order() -> None:
    async def story(worker: VisionWorker) -> None:
        await worker.start()
        answers = await asyncio.gather(*(worker.explain([bytes([n])]) for n in range(20)))
        assert [answer.picture for answer in answers] == [bytes([n]) for n in range(20)]
        with pytest.raises(NoFaceFound):
            await worker.explain([b"no face"])

    with_worker(story)


@pytest.mark.parametrize("order", [b"hang", b"half", b"die"])
def test_a_lost_worker_costs_one_photo_and_is_replaced(order: bytes) -> None:
    async def story(worker: VisionWorker) -> None:
        await worker.start()
        first = worker.pid
        with pytest.raises(WorkerFailed):
            await worker.explain([order])
        assert (await worker.explain([b"next"])).picture == b"next"
        assert worker.pid != first

    with_worker(story)


def test_a_worker_that_takes_no_question_is_replaced_too() -> None:
    async def story(worker: VisionWorker) -> None:
        await worker.start()
        await worker.explain([b"deaf"])
        with pytest.raises(WorkerFailed):
            await asyncio.wait_for(worker.explain([MORE_THAN_A_PIPE_HOLDS]), 10)
        assert (await worker.explain([b"next"])).picture == b"next"

    with_worker(story)


def test_a_lost_worker_is_replaced_before_the_next_photo_comes() -> None:
    async def story(worker: VisionWorker) -> None:
        await worker.start()
        first = worker.pid
        with pytest.raises(WorkerFailed):
            await worker.explain([b"die"])
        async with asyncio.timeout(10):
            while worker.pid in (None, first):
                await asyncio.sleep(0.02)

    with_worker(story)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to such a limit")
def test_a_worker_that_takes_too_much_memory_is_replaced() -> None:
    async def story(worker: VisionWorker) -> None:
        await worker.start()
        with pytest.raises(WorkerFailed):
            await worker.explain([b"take memory"])
        assert (await worker.explain([b"next"])).picture == b"next"

    with_worker(story)


def test_a_stop_waits_for_no_photo() -> None:
    async def story() -> None:
        await worker.start()
        under_way = asyncio.create_task(worker.explain([b"hang"]))
        await asyncio.sleep(0.2)
        start = time.perf_counter()
        await asyncio.to_thread(worker.close)
        assert time.perf_counter() - start < 10
        with pytest.raises(WorkerFailed):
            await under_way

    worker = VisionWorker(deadline_s=30.0, serve=serve_orders)
    asyncio.run(story())


@pytest.mark.parametrize("pause_s", [0.0, 0.002, 0.01, 0.05])
def test_a_stop_waits_for_no_replacement(pause_s: float) -> None:
    async def story() -> None:
        await worker.start()
        with pytest.raises(WorkerFailed):
            await worker.explain([b"die"])
        await asyncio.sleep(pause_s)
        start = time.perf_counter()
        await asyncio.to_thread(worker.close)
        assert time.perf_counter() - start < 10

    worker = VisionWorker(serve=serve_orders)
    asyncio.run(story())


def test_albums_and_videos_may_take_longer_than_a_photo() -> None:
    async def story() -> None:
        await worker.start()
        with pytest.raises(WorkerFailed):
            await worker.explain([b"wait"])
        assert (await worker.explain([b"wait"] * 3)).picture == b"wait"
        assert (await worker.explain_video(b"wait")).picture == b"wait"
        with pytest.raises(NoFaceFound):
            await worker.explain_video(b"no face")

    worker = VisionWorker(0.3, more_s=2.0, video_deadline_s=5.0, serve=serve_orders)
    try:
        asyncio.run(story())
    finally:
        worker.close()


@pytest.mark.timed
def test_the_event_loop_goes_on_while_a_photo_is_read() -> None:
    async def story(worker: VisionWorker) -> None:
        await worker.start()
        hanging = asyncio.create_task(worker.explain([b"hang"]))
        longest = 0.0
        while not hanging.done():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - before)
        assert longest < 0.1
        with pytest.raises(WorkerFailed):
            await hanging

    with_worker(story)


def test_missing_weights_are_told_at_the_start() -> None:
    async def story(worker: VisionWorker) -> None:
        with pytest.raises(WeightsMissing):
            await worker.start()

    with_worker(story, serve_without_weights)


def serve_slowly(pipe: Connection) -> None:
    time.sleep(1)
    serve_orders(pipe)


def test_a_late_start_never_mixes_up_two_peoples_photos() -> None:
    async def story() -> None:
        with pytest.raises(WorkerFailed):
            await worker.explain([b"first"])
        with pytest.raises(WorkerFailed):
            await worker.explain([b"second"])

    worker = VisionWorker(start_s=0.5, serve=serve_slowly)
    try:
        asyncio.run(story())
        assert worker.pid is None
    finally:
        worker.close()
