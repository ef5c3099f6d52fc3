"""What tests share: where the development data lies, and a browser."""

import bot  # noqa: F401, I001 - before numpy, whose threads it counts

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from tests.support.telegram import telegram_contract
from tests.support.contracts import ROOT
from tests.support.telegram.telegram_contract import Contract
from tests.support.browser import CHROMIUM_ARGS

if TYPE_CHECKING:
    import keras

    from tests.support.first_run import Operator
    from tests.support.spotify.spotify_world import Server, World
    from tests.support.telegram.chatting import Chat


# How long an example takes depends on who else uses this computer: no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of async tests."""
    return "asyncio"


@pytest.fixture
async def chat() -> "AsyncIterator[Chat]":
    """A private chat with a bot of its own; see `chatting` for other kinds of bots."""
    from tests.support.telegram.chatting import chatting

    async with chatting() as chat:
        yield chat


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of development data, or a skip with the reason."""
    folder = (ROOT / os.environ.get("MIRRORTAPE_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no development data: MIRRORTAPE_DATA names {folder}, which is no folder")
    return folder


@pytest.fixture(scope="session")
def bot_api() -> Contract:
    """Telegram's Bot API as its contract describes it, or a skip with the reason."""
    found = telegram_contract.contract()
    if found is None:
        pytest.skip(f"no Bot API to compare with: {telegram_contract.FILE} is no file")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; no longer than a module, since its event loop is in the way of `asyncio.run`."""
    chromium = shutil.which("chromium")
    if chromium is None:
        assert not os.environ.get("CI"), "there is no Chromium here"
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def network() -> "keras.Model":
    """The trained network; whoever changes its weights gives them back."""
    from vision.network import weights
    from vision.network.keras_network import assign, build_network  # takes seconds to load

    built = build_network()
    assign(built, weights.read())
    return built


@pytest.fixture(scope="module")
def server() -> Iterator["Server"]:
    """A web server, for a local Spotify."""
    from tests.support.spotify.spotify_world import (
        running_server,  # what it needs takes a while to load
    )

    with running_server() as server:
        yield server


@pytest.fixture
def world(server: "Server") -> "World":
    """A local Spotify, the adapter to it, and the time."""
    from tests.support.spotify.spotify_world import World

    return World(server)


@pytest.fixture
def operator(
    server: "Server", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator["Operator"]:
    """Somebody in an empty folder who is about to set the bot up, and the local services."""
    from tests.support.first_run import Operator, settle

    settle(tmp_path, server.url, monkeypatch)
    arrived = Operator(server, tmp_path)
    yield arrived
    arrived.telegram.close()
