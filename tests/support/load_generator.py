"""People who send photos to the real bot at a rate, and how long each waits for the picture.

`offer` is the way in: it tells the seconds from each photo's sending to its picture. Time is cut
into slots of equal length, and in each one photo is sent, at a moment of chance.
"""

import io
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import numpy as np
from PIL import Image

from bot.sandbox.page.samples import portrait_jpeg
from tests.support.processes import memory_mb, vision_workers
from tests.support.town import Town, wait_for

SIDE = 1000
"""Of the photos: as Telegram hands them out, a megapixel."""

LOOK_EVERY_S = 0.01
PATIENCE_S = 120.0
"""How long after the last photo its picture may come."""


@dataclass(slots=True)
class Heard:
    """What came of the photos that were offered.

    Args:
        seconds: From sending to picture, in the order of the pictures.
        unanswered: By user, how many photos got no picture.
    """

    seconds: list[float] = field(default_factory=list)
    unanswered: dict[int, int] = field(default_factory=dict)

    def p95(self) -> float:
        """Return within how many seconds 95 of 100 pictures came."""
        return float(np.percentile(self.seconds, 95))


def selfie() -> bytes:
    """Return a photo of a face, as a JPEG of a megapixel."""
    photo = Image.open(io.BytesIO(portrait_jpeg())).resize((SIDE, SIDE))
    jpeg = io.BytesIO()
    photo.save(jpeg, "JPEG", quality=87)
    return jpeg.getvalue()


def welcome(town: Town, users: Sequence[int]) -> None:
    """Let people agree to have photos read, all at the same time."""
    town.telegram.max_chats = max(town.telegram.max_chats, len(town.telegram.chats) + len(users))
    for user_id in users:
        town.telegram.send_text(user_id, "/start")
    for user_id in users:
        town.press(user_id, "Agree")
    wait_for(town.has_handled_all, "the consents to be noted")


def offer(
    town: Town, users: Sequence[int], photos_each: int, per_second: float, seed: int = 1
) -> Heard:
    """Let people who have agreed send photos, and wait until all are answered.

    Args:
        town: Where the bot runs.
        users: Who sends; nobody else may be sent pictures meanwhile in these chats.
        photos_each: How many each sends, in an order of chance.
        per_second: How many are sent in a second.
        seed: Of the chance.
    """
    rng = np.random.default_rng(seed)
    senders = rng.permutation(np.repeat(users, photos_each)).tolist()
    moments = ((np.arange(len(senders)) + rng.random(len(senders))) / per_second).tolist()
    photo = selfie()
    sent: defaultdict[int, deque[float]] = defaultdict(deque)
    seen = {user_id: len(town.pictures(user_id)) for user_id in users}
    heard = Heard()
    start = time.perf_counter()
    plan = deque(zip(moments, senders, strict=True))
    while plan or any(sent.values()):
        now = time.perf_counter()
        if not plan and now - start > moments[-1] + PATIENCE_S:
            break
        while plan and plan[0][0] <= now - start:
            _, user_id = plan.popleft()
            sent[user_id].append(time.perf_counter())
            send_selfie(town, user_id, photo)
        for user_id, times in sent.items():
            if times and (there := len(town.pictures(user_id))) > seen[user_id]:
                seen[user_id] = there
                heard.seconds.append(time.perf_counter() - times.popleft())
        time.sleep(LOOK_EVERY_S)
    heard.unanswered = {user_id: len(times) for user_id, times in sent.items() if times}
    return heard


def send_selfie(town: Town, user_id: int, photo: bytes) -> None:
    """Send a photo as a file, so that the local Telegram need not work on it."""
    town.telegram.send_document(user_id, photo, "selfie.jpg", "image/jpeg")


@contextmanager
def flood(town: Town, user_id: int, per_second: float) -> Iterator[None]:
    """Have somebody send photos without pause while the block runs."""
    photo, is_over = selfie(), threading.Event()

    def send() -> None:
        while not is_over.wait(1 / per_second):
            send_selfie(town, user_id, photo)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@dataclass(slots=True)
class Watched:
    """What a bot held while it was looked at.

    Args:
        minutes: When, from the beginning.
        waiting: Photos in its queue.
        bot_mb: Resident memory of the bot.
        worker_mb: Resident memory of its vision worker.
    """

    minutes: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    bot_mb: list[float] = field(default_factory=list)
    worker_mb: list[float] = field(default_factory=list)

    def mean_mb(self, minute: int) -> tuple[float, float]:
        """Return the mean memory of bot and worker in a minute, counted from 1."""
        there = [at for at, when in enumerate(self.minutes) if int(when) + 1 == minute]
        return (
            float(np.mean([self.bot_mb[at] for at in there])),
            float(np.mean([self.worker_mb[at] for at in there])),
        )


@contextmanager
def watched(town: Town, every_s: float = 1.0) -> Iterator[Watched]:
    """Look at the bot's queue and memory while the block runs."""
    assert town.bot is not None
    bot, found, is_over, start = town.bot.pid, Watched(), threading.Event(), time.monotonic()

    def look() -> None:
        with httpx.Client() as client:
            while not is_over.wait(every_s):
                text = client.get(f"http://{town.ops_address}/metrics", timeout=30).text
                lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
                found.minutes.append((time.monotonic() - start) / 60)
                found.waiting.append(float(lines["mirrortape_photos_waiting"]))
                found.bot_mb.append(memory_mb(bot))
                found.worker_mb.append(sum(map(memory_mb, vision_workers(bot))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        is_over.set()
        thread.join()
