"""The vision worker: the process that holds the network and reads photos and videos.

They come in through a pipe. The bot's own process never decodes a photo and holds no network. So a
hang, a crash or running out of memory costs one photo, and the worker is replaced at once.
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
"""Seconds for loading the network; even slow machines need only a part of it."""

DEADLINE_S = 10.0
"""Seconds for one photo before the worker is killed and replaced."""

MORE_PHOTO_S = 3.0
"""Seconds for each further photo of an album; one without a face takes longest."""

VIDEO_DEADLINE_S = 30.0
"""Seconds for a video: the longest and largest accepted has about 3,600 frames to decode."""

MEMORY_BYTES = 2 * 1024**3
"""How much memory the worker may use beyond that of the loaded network. Of all accepted files, a
WebP of 50 megapixels needs most, 0.9 GB.
"""

KEPT_BYTES = 120 * 1024**2
"""How much memory the worker may keep between photos: a little more than a usual photo needs."""


class WorkerFailed(Exception):
    """The worker died or missed its deadline; it has been replaced."""


class Explainer(Protocol):
    """Turns photos and videos into readings and the pictures that explain them.

    Each method raises a `VisionError` if nothing can be read, or `WorkerFailed`.
    """

    async def explain(
        self, photos: Sequence[bytes], face: int | None = None
    ) -> Explanation | SeveralFaces:
        """Read the clearest of the photos, or ask which face is meant; see `vision.explain`."""

    async def explain_video(self, video: bytes) -> Explanation:
        """Read a video; see `vision.explain`."""


def serve_vision(pipe: Connection) -> None:
    """Load the network, report that it is ready, then answer until the bot closes the pipe."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # sent to the whole process group; the bot decides
        signal.signal(number, signal.SIG_IGN)
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"  # silence FFmpeg about odd files
    os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
    from vision.explain import explain_photos, explain_video  # heavy imports, only in this process
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
    gc.freeze()  # loaded objects never become garbage
    most_bytes = _held_bytes()[0] + KEPT_BYTES
    pipe.send(None)
    while True:
        answer: object
        try:
            question, *arguments = pipe.recv()
        except (EOFError, OSError):
            return  # the bot has ended
        try:
            answer = answers[question](reader, *arguments)
        except VisionError as error:
            if isinstance(error.__cause__, MemoryError):
                raise  # ends the process: memory may not suffice for the next photo either
            answer = error
        try:
            pipe.send(answer)
        except OSError:
            return
        del arguments, answer
        gc.collect()  # an error and its traceback form a cycle that holds the photo
        if _held_bytes()[0] > most_bytes:
            give_back_memory()


def limit_memory(beyond_bytes: int) -> None:
    """Limit this process's memory, and disable core dumps.

    The limit is on requested data memory (RLIMIT_DATA). A limit on the address space (RLIMIT_AS)
    would be used up by what libraries merely reserve. It works on Linux only: macOS reports no
    usage and accepts limits without enforcing them.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain the photo
    _, asked_bytes = _held_bytes()
    if asked_bytes:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (asked_bytes + beyond_bytes, most))


def _held_bytes() -> tuple[int, int]:
    """Return the memory that this process uses and has requested, in bytes; 0 if unknown."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return 0, 0
    fields = pages.read_text().split()
    in_use, asked = int(fields[1]), int(fields[5])
    return in_use * resource.getpagesize(), asked * resource.getpagesize()


class VisionWorker:
    """One worker process, restarted whenever it is lost.

    Args:
        deadline_s: Seconds for one photo.
        more_s: Seconds for each further photo of an album.
        video_deadline_s: Seconds for one video.
        start_s: Seconds until the process must be ready.
        serve: Runs in the process. Sends None or a `VisionError` once it is ready. Then it answers
            each request, a tuple of a method of `Explainer` and its arguments, with the method's
            result or a `VisionError`.
    """

    def __init__(
        self,
        deadline_s: float = DEADLINE_S,
        more_s: float = MORE_PHOTO_S,
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
        # One thread uses the pipe: photos wait in its queue, and answers cannot be mixed up.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vision")

    async def start(self) -> None:
        """Start the process and wait until the network is loaded.

        Raises:
            vision.WeightsMissing: There is no weight file.
            vision.WeightsAltered: The weight file is not the pinned one.
            WorkerFailed: The process did not start.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._ensure_started)

    async def explain(
        self, photos: Sequence[bytes], face: int | None = None
    ) -> Explanation | SeveralFaces:
        """Read the clearest of the photos, or ask which face is meant."""
        deadline_s = self._deadline_s + self._more_s * (len(photos) - 1)
        answer = await self._ask(("explain", tuple(photos), face), deadline_s)
        assert isinstance(answer, Explanation | SeveralFaces)
        return answer

    async def explain_video(self, video: bytes) -> Explanation:
        """Read a video."""
        answer = await self._ask(("explain_video", video), self._video_deadline_s)
        assert isinstance(answer, Explanation)
        return answer

    def close(self) -> None:
        """Kill the process, whatever it is doing."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        if (process := self._process) is not None:
            process.kill()  # or the thread would wait for its answer
        self._thread.shutdown()
        self._kill()

    @property
    def pid(self) -> int | None:
        """The id of the current worker process."""
        return self._process.pid if self._process else None

    async def _ask(self, question: tuple[object, ...], deadline_s: float) -> object:
        def ask() -> object:
            self._ensure_started()
            try:
                answer = self._exchange(question, deadline_s)
            except WorkerFailed:
                with suppress(RuntimeError):  # the thread is shut down
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
        theirs.close()  # so that the pipe ends when the worker dies
        if self._is_closed:
            raise WorkerFailed("the worker is closed")  # `close` saw no process yet
        answer = self._exchange(None, self._start_s)
        if isinstance(answer, VisionError):
            self._kill()
            raise answer

    def _exchange(self, question: tuple[object, ...] | None, seconds: float) -> object:
        """Send a request, if any, and return the answer.

        The worker is killed on any failure: a late answer would be taken for the answer to the
        next photo, which may be another user's.
        """
        assert self._process is not None
        assert self._pipe is not None
        process, is_late = self._process, threading.Event()

        def give_up() -> None:
            is_late.set()
            process.kill()

        # Killing it ends our wait, whether for sending the request or for the whole answer.
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
            logger.error("the vision worker failed and will be replaced: %s", why)
            self._kill()
            raise WorkerFailed(f"the worker failed: {why}")
        return answer

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
