"""What a vision worker answers to photos, and how much time and memory it takes."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable

from bot.sandbox.page.samples import portrait_jpeg
from bot.worker.process import VisionWorker
from tests.support.processes import forget_peak, memory_mb
from vision import Explanation, Reading, SeveralFaces, VisionError

MAX_S = 2.0
MAX_MB = 300.0


async def answer(worker: VisionWorker, photo: bytes) -> Reading | VisionError:
    """Return the reading of a photo, or why there is none."""
    try:
        answer = await worker.explain([photo])
    except VisionError as error:
        return error
    if isinstance(answer, SeveralFaces):
        answer = await worker.explain([photo], 0)
    assert isinstance(answer, Explanation)
    return answer.reading


async def look_at_all(worker: VisionWorker, photos: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return what each photo was answered with, having checked its time and memory.

    An answer is the name of an error, or "reading".
    """
    await worker.start()
    await worker.explain([portrait_jpeg()])  # so that what is loaded at first use is there
    pid = worker.pid
    assert pid is not None
    idle_mb = memory_mb(pid)
    told: dict[str, str] = {}
    slowest: defaultdict[str, float] = defaultdict(float)
    largest: defaultdict[str, float] = defaultdict(float)
    for name, photo in photos:
        for _ in range(2):  # a second time where the machine may have been busy
            forget_peak(pid)
            began = time.perf_counter()
            got = await answer(worker, photo)
            took_s = time.perf_counter() - began
            above_mb = memory_mb(pid, "VmHWM") - idle_mb
            if took_s <= MAX_S:
                break
        assert worker.pid == pid, f"{name} took the worker down"
        assert took_s <= MAX_S, f"{name}: {took_s:.1f} s"
        assert above_mb <= MAX_MB, f"{name}: {above_mb:.0f} MB above the idle worker"
        kind = "reading" if isinstance(got, Reading) else type(got).__name__
        told[name] = kind
        slowest[kind] = max(slowest[kind], took_s)
        largest[kind] = max(largest[kind], above_mb)
    print(f"\nidle worker {idle_mb:.0f} MB\n{'answer':16}{'files':>6}{'max s':>8}{'max MB':>8}")
    for kind, count in Counter(told.values()).most_common():
        print(f"{kind:16}{count:6}{slowest[kind]:8.2f}{largest[kind]:8.0f}")
    return told
