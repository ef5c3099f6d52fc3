"""Runs the bot and its web pages in one event loop until it is told to stop."""

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from telegram.error import InvalidToken

from bot.app import App, publish_commands
from bot.chat.history.handlers import warm_up
from bot.runtime.jobs import keep_going
from bot.sending.retry import persistently
from bot.storage.records import Records
from bot.updates.inbox import LAST_S, Inbox
from bot.web.limits import BodyLimit, Gate, TimedProtocol, WebLimits
from bot.worker.process import VisionWorker

logger = logging.getLogger(__name__)

GRACE_S = 10.0
"""How long a stop waits for what is under way."""

STOP_S = 18.0
"""How long a stop takes at most. Service managers kill what has not ended after some time; systemd
waits for 90 s, others for 10 or 20."""


class AddressInUse(Exception):
    """The web pages cannot listen there; mostly another program does."""


class _Server(uvicorn.Server):
    """Uvicorn, except that signals are ours: the bot must stop before its web pages do."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Take an address for the web pages, before anything else is begun.

    Raises:
        AddressInUse: It cannot be listened on.
    """
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise AddressInUse(
            f"{host}:{port} cannot be used ({why}); choose another port."
        ) from error
    # Else each answer waits 40 ms for an acknowledgement: asyncio turns that off only on sockets
    # that name their protocol, which this one does not. Accepted connections inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def web_server(
    site: Starlette, listener: socket.socket, limits: WebLimits
) -> AsyncIterator[None]:
    """Serve `site` within limits while the block runs, and close the listener in the end."""
    config = uvicorn.Config(
        BodyLimit(site, limits.body_bytes),
        http=TimedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    gate = Gate(server, limits)
    serving = asyncio.create_task(server.serve(sockets=[]))  # the gate accepts, uvicorn answers
    keeping: list[asyncio.Task[None]] = []
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        keeping += [asyncio.create_task(gate.keep(listener)), asyncio.create_task(gate.watch())]
        yield
    finally:
        for task in keeping:
            task.cancel()
        if keeping:
            await asyncio.wait(keeping)
        listener.close()
        server.should_exit = True
        await serving


@asynccontextmanager
async def running_bot(
    application: App,
    inbox: Inbox,
    fetch: Callable[[], Coroutine[Any, Any, None]],
    settle: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    """Fetch and handle updates while the block runs; yields the task that fetches.

    At the end no more are fetched, and what is being handled is finished first, as long as that
    takes no more than `GRACE_S`.

    Args:
        application: The bot.
        inbox: Has it handle updates.
        fetch: Sees that updates come into the inbox, until it is cancelled.
        settle: Waits for what is under way beside the updates, within the same time.
    """
    try:
        await persistently(application.initialize)
        await application.start()
        # The menu is no reason to keep anybody waiting.
        publishing = asyncio.create_task(_publish(application))
        fetching = asyncio.create_task(_take_in(inbox, fetch))
        assert application.job_queue is not None
        keeping = asyncio.create_task(keep_going(application.job_queue))
        tasks = [publishing, fetching, keeping]
        try:
            yield fetching
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await asyncio.gather(
                inbox.close(GRACE_S), _stop(application), *([settle()] if settle else [])
            )
    finally:
        await application.shutdown()
        await application.bot.shutdown()  # which the application forgets if it never began


async def _publish(application: App) -> None:
    """Show the commands in the menu; that the token is wrong is for `fetch` to say."""
    with suppress(InvalidToken):
        await persistently(partial(publish_commands, application))


async def _take_in(inbox: Inbox, fetch: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Handle what was left, then what comes."""
    await inbox.open()
    await fetch()


async def _stop(application: App) -> None:
    """Stop the jobs; what one that hangs leaves undone, its next run makes up for."""
    stopping = asyncio.create_task(application.stop())
    if not (await asyncio.wait([stopping], timeout=GRACE_S + LAST_S))[0]:
        stopping.cancel()
        await asyncio.wait([stopping])
    elif not stopping.cancelled():
        stopping.result()


def leave_in_time(stop_s: float = STOP_S) -> None:
    """End this process after a while, whatever hangs in it; for whoever owns the process.

    A thread that waits for the name of a host, or for a disk, can't be called back, and Python
    waits for it. What is stored is safe whenever the process ends, and what is not handled by then
    is handled after the next start, as after a kill.
    """

    def leave() -> None:
        logger.warning("something hangs, so the stop does not wait for it")
        for child in multiprocessing.active_children():
            child.kill()
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(stop_s, leave)
    timer.daemon = True
    timer.start()


async def until_stopped(fetching: asyncio.Task[None]) -> None:
    """Wait for SIGINT or SIGTERM, or for the fetching of updates to fail for good."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, fetching], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if fetching.done():
        fetching.result()


@asynccontextmanager
async def loaded(worker: VisionWorker, records: Records) -> AsyncIterator[None]:
    """Have all that is slow to load loaded while the block runs, and put it away after it."""
    try:
        await asyncio.gather(worker.start(), asyncio.to_thread(warm_up))
        # What is there now stays. Else Python goes through all of it each time that it looks for
        # garbage, while everybody waits.
        gc.freeze()
        yield
    finally:
        worker.close()
        records.close()
