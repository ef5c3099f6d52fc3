"""The vision worker of the real bot runs out of memory, crashes, hangs or is killed as it reads.

Meanwhile others are answered, whoever sent the photo is told, and the next one is read.
"""

import io
import itertools
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest
from PIL import Image

from bot import texts
from bot.worker.process import DEADLINE_S
from tests.support.load_generator import selfie, send_selfie, welcome
from tests.support.processes import vision_workers
from tests.support.town import Town, town_in, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets us do that")

ANNA, BEN = 1, 2
OTHERS = range(100, 130)
ASK_EVERY_S = 0.1
ANSWERED_WITHIN_S = 1.0
TOLD_WITHIN_S = 3.0
BACK_WITHIN_S = 10.0


def starve(worker: int) -> None:
    """Let it have no more memory than it holds, as if it had reached its limit."""
    _, most = resource.prlimit(worker, resource.RLIMIT_DATA)
    resource.prlimit(worker, resource.RLIMIT_DATA, (1, most))
    os.kill(worker, signal.SIGCONT)


def crash(worker: int) -> None:
    os.kill(worker, signal.SIGSEGV)
    os.kill(worker, signal.SIGCONT)


def kill(worker: int) -> None:
    """End it as the system does when the computer has no memory left."""
    os.kill(worker, signal.SIGKILL)


def hang(worker: int) -> None:
    """Leave it stopped, for good."""


FAULTS: dict[str, tuple[Callable[[int], None], float]] = {
    "out of memory": (starve, 0.0),
    "segmentation fault": (crash, 0.0),
    "killed": (kill, 0.0),
    "hang": (hang, DEADLINE_S),
}
"""What strikes the worker while it reads, and after how many seconds that must be noticed."""


@pytest.mark.timed
@pytest.mark.parametrize(
    "faults",
    [
        ["segmentation fault", "out of memory"],
        pytest.param([*FAULTS, *FAULTS], marks=pytest.mark.chaos),
    ],
    ids=["short", "full"],
)
def test_a_lost_worker_is_told_and_replaced_and_others_notice_nothing(
    faults: list[str], tmp_path: Path
) -> None:
    with town_in(tmp_path) as town:
        welcome(town, [ANNA, BEN])
        for name in faults:
            with others_asking(town) as waits:
                told_s, back_s = lose_worker(town, *FAULTS[name])
            print(
                f"\n{name}: told after {told_s:.1f} s, the next picture {back_s:.1f} s later;"
                f" /help {len(waits)} times, median {median(waits):.3f} s, longest"
                f" {max(waits):.3f} s"
            )
            assert back_s <= BACK_WITHIN_S
            assert max(waits) <= ANSWERED_WITHIN_S


def lose_worker(
    town: Town, strike: Callable[[int], None], noticed_s: float
) -> tuple[float, float]:
    """Strike the worker while it reads Anna's photo.

    Returns:
        After how many seconds she was told, and how many later Ben had the picture of his.
    """
    assert town.bot is not None
    bot, pictures = town.bot.pid, len(town.pictures(BEN))
    (worker,) = wait_for(lambda: vision_workers(bot), "a worker")
    os.kill(worker, signal.SIGSTOP)  # so that it has begun with the photo when it is struck
    asked = town.telegram.send_document(ANNA, large_png(), "a.png", "image/png")["message_id"]
    wait_for(lambda: said(town, texts.STATUS_READING, asked), "the reading to begin")
    time.sleep(0.5)
    struck_s = time.perf_counter()
    strike(worker)
    wait_for(lambda: said(town, texts.WORKER_FAILED, asked), "a word to her")
    told_s = time.perf_counter()
    send_selfie(town, BEN, selfie())
    wait_for(lambda: len(town.pictures(BEN)) > pictures, "the next picture")
    back_s = time.perf_counter()
    assert worker not in vision_workers(bot)
    assert told_s - struck_s <= noticed_s + TOLD_WITHIN_S
    return told_s - struck_s, back_s - told_s


def said(town: Town, text: str, after: int) -> bool:
    """Return whether Anna has read this lately."""
    return any(message.get("text") == text for message in town.heard(ANNA, after))


@contextmanager
def others_asking(town: Town) -> Iterator[list[float]]:
    """Let others ask for help, one after the other; yield how long each waits."""
    waits: list[float] = []
    is_over = threading.Event()
    users = itertools.cycle(OTHERS)  # each seldom enough for Telegram's limit of one chat

    def ask() -> None:
        while not is_over.wait(ASK_EVERY_S):
            waits.append(town.ask(next(users), "/help"))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        is_over.set()
        thread.join()


def large_png() -> bytes:
    """Return a picture that takes much memory to decode, and little to send."""
    png = io.BytesIO()
    Image.new("RGB", (4000, 4000), "grey").save(png, "PNG")
    return png.getvalue()
