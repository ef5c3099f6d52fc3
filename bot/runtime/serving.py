"""Runs the bot and its web pages in one event loop until stopped."""

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
from bot.chat.history.drawing import warm_up
from bot.runtime.jobs import keep_going
from bot.sending.retry import retry_until_done
from bot.storage.records import Records
from bot.updates.inbox import CANCEL_S, Inbox
from bot.web.limits import BodyLimit, Gate, TimedProtocol, WebLimits
from bot.worker.process import VisionWorker

logger = logging.getLogger(__name__)

GRACE_S = 10.0
"""How long a stop waits for work in progress."""

STOP_S = 18.0
"""How long a stop takes at most. Service managers then kill the process: systemd after 90 s,
others after 10 or 20.
"""


class AddressInUse(Exception):
    """The web pages cannot listen at an address, mostly because another program does."""


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the bot must stop before its web pages do."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind the address of the web pages, before anything else starts.

    Raises:
        AddressInUse: It cannot be bound.
    """
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise AddressInUse(
            f"{host}:{port} cannot be used ({why}); choose another port."
        ) from error
    # Otherwise Nagle's algorithm delays each answer by 40 ms: asyncio turns it off only on sockets
    # that name their protocol, unlike this one. Accepted connections inherit the option.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def web_server(
    site: Starlette, listener: socket.socket, limits: WebLimits
) -> AsyncIterator[None]:
    """Serve `site` within limits during the block, then close the listener."""
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
    serving = asyncio.create_task(server.serve(sockets=[]))  # the gate accepts
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
    """Fetch and handle updates during the block; yield the task that fetches.

    At the end, fetching stops, and updates in progress get `GRACE_S` to finish.

    Args:
        application: The bot.
        inbox: Handles the updates.
        fetch: Feeds updates into the inbox until cancelled.
        settle: Waits for other work in progress, within the same time.
    """
    try:
        await retry_until_done(application.initialize)
        await application.start()
        # Publishing the menu must not delay the first updates.
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
        await application.bot.shutdown()  # the application skips this if it never started


async def _publish(application: App) -> None:
    """Publish the commands for the menu; `fetch` reports an invalid token."""
    with suppress(InvalidToken):
        await retry_until_done(partial(publish_commands, application))


async def _take_in(inbox: Inbox, fetch: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Handle what the last run left, then fetch."""
    await inbox.open()
    await fetch()


async def _stop(application: App) -> None:
    """Stop the jobs; what a hanging job leaves undone, its next run does."""
    stopping = asyncio.create_task(application.stop())
    if not (await asyncio.wait([stopping], timeout=GRACE_S + CANCEL_S))[0]:
        stopping.cancel()
        await asyncio.wait([stopping])
    elif not stopping.cancelled():
        stopping.result()


def exit_in_time(stop_s: float = STOP_S) -> None:
    """Exit this process after `stop_s` seconds, even if a thread hangs.

    Only the owner of the process may call this. A thread that resolves a host name or waits for a
    disk can't be cancelled, and Python waits for it. Exiting is safe at any time: stored data is
    safe, and unhandled updates are handled after the next start, as after a kill.
    """

    def leave() -> None:
        logger.warning("a thread hangs; exiting without it")
        for child in multiprocessing.active_children():
            child.kill()
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(stop_s, leave)
    timer.daemon = True
    timer.start()


async def until_stopped(fetching: asyncio.Task[None]) -> None:
    """Wait for SIGINT or SIGTERM, or until fetching updates fails for good."""
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
    """Load everything slow, keep it during the block, and close it afterwards."""
    try:
        await asyncio.gather(worker.start(), asyncio.to_thread(warm_up))
        # What is loaded now stays. Otherwise each garbage collection would scan all of it and
        # block the event loop meanwhile.
        gc.freeze()
        yield
    finally:
        worker.close()
        records.close()
