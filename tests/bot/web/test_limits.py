"""Web pages that strangers cannot hold: slow requests end, and leave room for everybody else."""

import asyncio
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.logs import RateLimit
from bot.runtime.serving import listen, web_server
from bot.web.limits import WebLimits, public_limits
from tests.support.contracts import ROOT
from tests.support.first_run import OWNER, Operator
from tests.support.health import answers, wait_until

QUICK = WebLimits(connections=8, request_s=0.6, hurried_s=0.3, body_bytes=1000)
PARTIAL = b"GET / HTTP/1.1\r\nHost: a\r\n"
LARGE = 8_000_000

# -- one server --


async def _answer(request: Request) -> Response:
    await asyncio.sleep(float(request.query_params.get("sleep", 0)))
    body = await request.body()
    return PlainTextResponse("x" * int(request.query_params.get("size", len(body))))


def served(story: Callable[[int], Awaitable[None]], limits: WebLimits = QUICK) -> None:
    """Tell a story to a server on some port."""

    async def run() -> None:
        site = Starlette(routes=[Route("/", _answer, methods=["GET", "POST"])])
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        async with asyncio.timeout(30), web_server(site, listener, limits):
            await story(port)

    asyncio.run(run())


async def ends(reader: asyncio.StreamReader) -> float:
    """Return after how many seconds the other side has hung up."""
    start = time.monotonic()
    try:
        while await reader.read(100_000):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - start


async def fetch(port: int, query: str = "", **how: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as client:
        method = "POST" if how else "GET"
        return await client.request(method, f"http://127.0.0.1:{port}/{query}", **how)


@pytest.mark.parametrize(
    "drops",
    [
        [b""],
        [PARTIAL],
        [PARTIAL, *[b"X: 1\r\n"] * 100],
        [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n", *[b"a"] * 100],
    ],
    ids=["nothing", "half a header", "a dripping header", "a dripping body"],
)
def test_whoever_is_too_slow_must_leave(drops: list[bytes]) -> None:
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def drip() -> None:
            for drop in drops:
                writer.write(drop)
                await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        assert 0.5 < await ends(reader) < 3
        dripping.cancel()
        writer.close()

    served(story)


def test_a_second_request_may_not_drip_either() -> None:
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PARTIAL + b"\r\n")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        for _ in range(4):
            writer.write(b"X")
            await asyncio.sleep(0.05)
        assert await ends(reader) < 3
        writer.close()

    served(story)


def test_who_takes_no_answer_must_leave() -> None:
    async def story(port: int) -> None:
        with closing(socket.create_connection(("127.0.0.1", port))) as mute:
            mute.sendall(f"GET /?size={LARGE} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            await asyncio.sleep(2)  # nothing is read
            mute.setblocking(False)
            got = 0
            with suppress(ConnectionError):
                while chunk := await asyncio.get_running_loop().sock_recv(mute, LARGE):
                    got += len(chunk)
            assert got < LARGE

    served(story)


def test_we_may_take_our_time() -> None:
    async def story(port: int) -> None:
        assert (await fetch(port, "?sleep=2")).status_code == 200
        assert len((await fetch(port, f"?size={LARGE}")).content) == LARGE

    served(story)


def test_a_flood_leaves_room_for_a_good_request() -> None:
    async def story(port: int) -> None:
        before = len(os.listdir("/proc/self/fd"))
        with ExitStack() as flood:
            for _ in range(60):
                slow = flood.enter_context(socket.create_connection(("127.0.0.1", port)))
                slow.sendall(PARTIAL)
            await asyncio.sleep(0.1)
            assert len(os.listdir("/proc/self/fd")) - before - 60 <= QUICK.connections
            start = time.monotonic()
            assert (await fetch(port)).status_code == 200
            assert time.monotonic() - start < 10

    served(story)


def test_a_long_body_is_refused_declared_or_not() -> None:
    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"a" * 100

    async def story(port: int) -> None:
        assert (await fetch(port, content=b"a" * 1000)).text == "x" * 1000
        assert (await fetch(port, content=b"a" * 1001)).status_code == 413
        assert (await fetch(port, content=chunks(10))).status_code == 200
        assert (await fetch(port, content=chunks(11))).status_code == 413

    served(story)


@contextmanager
def files_at_most(count: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_where_no_file_is_left_the_server_waits_and_says_little(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(port: int) -> None:
        await fetch(port)  # whatever this needs is loaded now
        with closing(socket.create_connection(("127.0.0.1", port))) as first:
            with files_at_most(1):
                first.sendall(PARTIAL + b"\r\n")
                await asyncio.sleep(1.2)
            assert (await fetch(port)).status_code == 200
        told = [
            each for each in caplog.records if "cannot accept connections" in each.getMessage()
        ]
        assert 1 <= len(told) <= 4

    served(story)


@pytest.mark.parametrize(("files", "connections"), [(64, 16), (256, 64), (1024, 256)])
def test_strangers_get_a_part_of_what_the_process_may_open(files: int, connections: int) -> None:
    with files_at_most(files):
        assert public_limits().connections == connections


# -- the log --


def test_a_logger_that_strangers_use_says_little_a_minute() -> None:
    now_s = 0.0
    seldom = RateLimit(most=3, clock=lambda: now_s)

    def logged() -> str | None:
        record = logging.LogRecord("x", logging.WARNING, "", 0, "bad %s", ("request",), None)
        return record.getMessage() if seldom.filter(record) else None

    assert [logged() for _ in range(1000)] == ["bad request"] * 3 + [None] * 997
    now_s = 60.0
    assert logged() == "bad request (997 lines before it left out)"
    assert logged() == "bad request"


# -- the whole bot --


@pytest.mark.timed
def test_400_slow_requests_harm_neither_telegram_nor_health_nor_the_log(
    operator: Operator,
) -> None:
    logs = operator.folder / "bot.log"
    with logs.open("w") as log:
        running = subprocess.Popen(
            ["bash", "-c", f'ulimit -n 256; exec "{sys.executable}" -m bot run'],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
    host, _, port = os.environ["WEB_ADDRESS"].rpartition(":")
    try:
        health = f"http://{os.environ['OPS_ADDRESS']}/healthz"
        wait_until(lambda: answers(health) == 200)
        with ExitStack() as flood:
            slow = [flood.enter_context(socket.socket()) for _ in range(400)]
            for each in slow:
                each.setblocking(False)
                each.connect_ex((host, int(port)))
            time.sleep(0.5)
            for each in slow:
                with suppress(OSError):  # not let in yet
                    each.send(PARTIAL)
            for _ in range(5):
                start = time.monotonic()
                assert answers(health) == 200
                assert time.monotonic() - start < 2
                time.sleep(0.5)
            operator.telegram.send_text(OWNER, "/help")
            wait_until(lambda: len(operator.telegram.chats[OWNER].messages) > 1)
            page = httpx.get(f"http://{host}:{port}/callback", timeout=40)
            assert page.status_code == 404  # this bot has no Spotify
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0
    finally:
        running.kill()
        running.wait()
    assert logs.stat().st_size < 20_000
