"""Every malformed or odd image of the development data, through a real worker process."""

import asyncio
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from bot.sandbox.chat_samples import portrait_jpeg
from bot.worker import VisionWorker
from vision import VisionError

MAX_S = 2.0
MAX_MB = 300.0


@pytest.mark.data
def test_every_bad_image_is_answered_kindly_quickly_and_in_little_memory(data_dir: Path) -> None:
    worker = VisionWorker(deadline_s=30)
    try:
        asyncio.run(_answer_all(worker, sorted((data_dir / "badimages").iterdir())))
    finally:
        worker.close()


async def _answer_all(worker: VisionWorker, files: list[Path]) -> None:
    await worker.start()
    await worker.explain(portrait_jpeg())  # so that what is loaded at first use is there
    pid = worker.pid
    assert pid is not None
    idle_mb = _memory_mb(pid, "VmRSS")
    counts: Counter[str] = Counter()
    slowest: defaultdict[str, float] = defaultdict(float)
    largest: defaultdict[str, float] = defaultdict(float)
    for file in files:
        photo = file.read_bytes()
        for _ in range(2):  # a second time where the machine may have been busy
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # begin the peak anew
            began = time.perf_counter()
            answer = await _answer(worker, photo)
            took_s = time.perf_counter() - began
            above_mb = _memory_mb(pid, "VmHWM") - idle_mb
            if took_s <= MAX_S:
                break
        assert worker.pid == pid, f"{file.name} took the worker down"
        assert took_s <= MAX_S, f"{file.name}: {took_s:.1f} s"
        assert above_mb <= MAX_MB, f"{file.name}: {above_mb:.0f} MB above the idle worker"
        counts[answer] += 1
        slowest[answer] = max(slowest[answer], took_s)
        largest[answer] = max(largest[answer], above_mb)
    print(f"\nidle worker {idle_mb:.0f} MB\n{'answer':16}{'files':>6}{'max s':>8}{'max MB':>8}")
    for answer, count in counts.most_common():
        print(f"{answer:16}{count:6}{slowest[answer]:8.2f}{largest[answer]:8.0f}")
    assert counts["reading"] < len(files) / 10


async def _answer(worker: VisionWorker, photo: bytes) -> str:
    try:
        await worker.explain(photo)
    except VisionError as error:
        return type(error).__name__
    return "reading"


def _memory_mb(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(field)]
    return int(line.split()[1]) / 1024
