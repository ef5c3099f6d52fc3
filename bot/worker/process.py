"""The process that holds the network: photos and videos go in by a pipe, readings come back.

The bot's own process never decodes a photo and holds no network: a hang, a crash or a lack of
memory there costs one photo, and the process is replaced at once.
"""

import asyncio
import gc
import logging
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Protocol

from vision import Explanation, SeveralFaces, VisionError

logger = logging.getLogger(__name__)

START_S = 120.0
"""Seconds that the worker may take to load the network; slow machines need a part of it."""

DEADLINE_S = 10.0
"""Seconds that one photo may take before the worker is killed and replaced."""

MORE_S = 3.0
"""Seconds that each further photo of an album may take; one without a face takes the longest."""

VIDEO_DEADLINE_S = 30.0
"""Seconds that a video may take: the longest and largest that is let in has some 3,600 frames to
be decoded."""

MEMORY_BYTES = 2 * 1024**3
"""Memory that the worker may take beyond what it holds once the network is loaded. Of what the
gate lets in, a WebP of 50 megapixels takes the most, 0.9 GB."""

SPARE_BYTES = 120 * 1024**2
"""Memory that the worker may keep between photos: a little more than a usual one takes."""


class WorkerFailed(Exception):
    """The worker died or did not answer in time; it has been replaced."""


class Explainer(Protocol):
    """Whoever turns photos and videos into readings and the pictures that explain them.

    Each method raises a `VisionError` where nothing can be read, or `WorkerFailed`.
    """

    async def explain(
        self, photos: Sequence[bytes], face: int | None = None
    ) -> Explanation | SeveralFaces:
        """Read the clearest of some photos, or ask who in it is meant; see `vision.explain`."""

    async def explain_video(self, video: bytes) -> Explanation:
        """Read the moments of a video; see `vision.explain`."""


def serve_vision(pipe: Connection) -> None:
    """Load the network, say so, then answer until the bot closes the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both reach all processes; the bot decides
        signal.signal(number, signal.SIG_IGN)
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"  # what FFmpeg thinks of odd files is not for us
    os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
    from vision.explain import explain_photos, explain_video  # the heavy imports, here alone
    from vision.network.serving import give_back_memory
    from vision.reader import PhotoReader

    answers: dict[str, Callable[..., object]] = {
        "explain": explain_photos,
        "explain_video": explain_video,
    }
    try:
        reader = PhotoReader.load()
    except VisionError as error:
        pipe.send(error)
        return
    limit_memory(MEMORY_BYTES)
    gc.freeze()  # nothing that is loaded becomes garbage
    most_bytes = _held_bytes()[0] + SPARE_BYTES
    pipe.send(None)
    while True:
        answer: object
        try:
            question, *arguments = pipe.recv()
        except (EOFError, OSError):
            return  # the bot is gone
        try:
            answer = answers[question](reader, *arguments)
        except VisionError as error:
            if isinstance(error.__cause__, MemoryError):
                raise  # and end: what is left may not do for the next photo either
            answer = error
        try:
            pipe.send(answer)
        except OSError:
            return
        del arguments, answer
        gc.collect()  # an error and its traceback hold each other, and the photo
        if _held_bytes()[0] > most_bytes:
            give_back_memory()


def limit_memory(beyond_bytes: int) -> None:
    """Have the system refuse this process more memory, and never write what it holds to a disk.

    What was asked for counts, not what is in use. That leaves out what libraries merely reserve,
    by which a limit on the address space (RLIMIT_AS) would be used up before the first photo.
    Only Linux says how much a process holds, and only there does the limit bind: macOS takes
    one and lets it pass.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the photo
    _, asked_bytes = _held_bytes()
    if asked_bytes:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (asked_bytes + beyond_bytes, most))


def _held_bytes() -> tuple[int, int]:
    """Return how much memory this process has in use, and has asked for; 0 where nobody tells."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return 0, 0
    fields = pages.read_text().split()
    in_use, asked = int(fields[1]), int(fields[5])
    return in_use * resource.getpagesize(), asked * resource.getpagesize()


class VisionWorker:
    """One worker process, started again whenever it is lost.

    Args:
        deadline_s: Seconds that one photo may take.
        more_s: Seconds that each further photo of an album may take.
        video_deadline_s: Seconds that one video may take.
        start_s: Seconds that the process may take until it is ready.
        serve: What runs in the process: says None or a `VisionError` once it is ready, then
            answers each question, a tuple of a method of `Explainer` and its arguments, with what
            that method returns or a `VisionError`.
    """

    def __init__(
        self,
        deadline_s: float = DEADLINE_S,
        more_s: float = MORE_S,
        video_deadline_s: float = VIDEO_DEADLINE_S,
        start_s: float = START_S,
        serve: Callable[[Connection], None] = serve_vision,
    ) -> None:
        self._deadline_s = deadline_s
        self._more_s = more_s
        self._video_deadline_s = video_deadline_s
        self._start_s = start_s
        self._serve = serve
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._is_closed = False
        # One thread talks to the pipe, so photos wait in its queue and answers cannot be mixed up.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vision")

    async def start(self) -> None:
        """Start the process and wait until the network is loaded.

        Raises:
            vision.WeightsMissing: There is no weight file.
            vision.WeightsAltered: The weight file is not the pinned one.
            WorkerFailed: The process did not come up.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._ensure_started)

    async def explain(
        self, photos: Sequence[bytes], face: int | None = None
    ) -> Explanation | SeveralFaces:
        """Read the clearest of some photos, or ask who in it is meant."""
        deadline_s = self._deadline_s + self._more_s * (len(photos) - 1)
        answer = await self._ask(("explain", tuple(photos), face), deadline_s)
        assert isinstance(answer, Explanation | SeveralFaces)
        return answer

    async def explain_video(self, video: bytes) -> Explanation:
        """Read the moments of a video."""
        answer = await self._ask(("explain_video", video), self._video_deadline_s)
        assert isinstance(answer, Explanation)
        return answer

    def close(self) -> None:
        """Stop the process, whatever it is at."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        if (process := self._process) is not None:
            process.kill()  # else the thread would wait for its answer
        self._thread.shutdown()
        self._kill()

    @property
    def pid(self) -> int | None:
        """The process that holds the network now."""
        return self._process.pid if self._process else None

    async def _ask(self, question: tuple[object, ...], deadline_s: float) -> object:
        def ask() -> object:
            self._ensure_started()
            try:
                answer = self._exchange(question, deadline_s)
            except WorkerFailed:
                with suppress(RuntimeError):  # where no more photos come
                    self._thread.submit(self._ensure_started)
                raise
            if isinstance(answer, VisionError):
                raise answer
            return answer

        return await asyncio.get_running_loop().run_in_executor(self._thread, ask)

    def _ensure_started(self) -> None:
        if self._process is not None and self._process.is_alive():
            return
        spawn = multiprocessing.get_context("spawn")  # a fork would copy our threads' locks
        self._pipe, theirs = spawn.Pipe()
        process = spawn.Process(target=self._serve, args=(theirs,), daemon=True, name="vision")
        process.start()
        self._process = process
        theirs.close()  # so that the worker's death shows as the end of the pipe
        if self._is_closed:
            raise WorkerFailed("it is not needed any more")  # who closes has seen no process yet
        answer = self._exchange(None, self._start_s)
        if isinstance(answer, VisionError):
            self._kill()
            raise answer

    def _exchange(self, question: tuple[object, ...] | None, seconds: float) -> object:
        """Send a question, if any, and return the answer to it.

        Whatever goes wrong, the worker goes: an answer that came late would be taken for the
        answer to the next photo, which may be somebody else's.
        """
        assert self._process is not None
        assert self._pipe is not None
        process, is_late = self._process, threading.Event()

        def give_up() -> None:
            is_late.set()
            process.kill()

        # Its death ends whatever we wait for: that it takes the question, or all of the answer.
        deadline = threading.Timer(seconds, give_up)
        deadline.start()
        try:
            if question is not None:
                self._pipe.send(question)
            answer: object = self._pipe.recv()
        except (OSError, EOFError) as error:
            why = repr(error)
        else:
            why = ""
        deadline.cancel()
        deadline.join()
        if is_late.is_set():
            why = f"no answer within {seconds:.0f} s"
        if why:
            logger.error("the vision worker is lost and will be replaced: %s", why)
            self._kill()
            raise WorkerFailed(f"the worker is lost: {why}")
        return answer

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
