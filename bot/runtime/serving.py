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
"""How long a shutdown waits for work in progress."""

STOP_S = 18.0
"""The longest shutdown. Service managers kill a process that does not end in time: systemd after
90 s, others after 10 or 20."""


class AddressInUse(Exception):
    """The address is not available, usually because another program uses it."""


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the bot must stop before its web pages."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address, before anything else is started.

    Raises:
        AddressInUse: The address is not available.
    """
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise AddressInUse(
            f"{host}:{port} cannot be used ({why}); choose another port."
        ) from error
    # Otherwise each answer waits 40 ms for an acknowledgement: asyncio sets TCP_NODELAY only on
    # sockets that name their protocol, unlike this one. Accepted connections inherit it.
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
    """Fetch and handle updates during the block; yields the fetching task.

    At the end, fetching stops, and updates in progress get up to `GRACE_S` to finish.

    Args:
        application: The bot.
        inbox: Dispatches the updates to it.
        fetch: Puts updates into the inbox until cancelled.
        settle: Waits for other work in progress, within the same time.
    """
    try:
        await persistently(application.initialize)
        await application.start()
        # Nobody should wait for the menu.
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
        await application.bot.shutdown()  # which the application does not do if it was not started


async def _publish(application: App) -> None:
    """Publish the commands for the menu; `fetch` reports a wrong token."""
    with suppress(InvalidToken):
        await persistently(partial(publish_commands, application))


async def _take_in(inbox: Inbox, fetch: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Handle updates left from before, then new ones."""
    await inbox.open()
    await fetch()


async def _stop(application: App) -> None:
    """Stop the jobs; the next run of a hanging one will do its work."""
    stopping = asyncio.create_task(application.stop())
    if not (await asyncio.wait([stopping], timeout=GRACE_S + LAST_S))[0]:
        stopping.cancel()
        await asyncio.wait([stopping])
    elif not stopping.cancelled():
        stopping.result()


def leave_in_time(stop_s: float = STOP_S) -> None:
    """End this process after a while, even if a thread hangs.

    Python waits for threads that are blocked in DNS lookups or disk I/O, and cannot cancel them.
    Stored data is safe whenever the process ends, and unhandled updates are handled after the next
    start. Call it only if this program owns the process.
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
    """Start the worker and load slow libraries for the block; shut down after it."""
    try:
        await asyncio.gather(worker.start(), asyncio.to_thread(warm_up))
        # Objects loaded by now stay. Otherwise each garbage collection would scan all of them.
        gc.freeze()
        yield
    finally:
        worker.close()
        records.close()
