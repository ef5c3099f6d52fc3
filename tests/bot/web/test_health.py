import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from prometheus_client.parser import text_string_to_metric_families

from bot.runtime.run import run_live
from bot.sandbox.page.samples import portrait_jpeg
from bot.settings import NotReady, Settings, check_ops_address
from bot.storage.inbox_table import NewUpdate
from bot.web.health import SILENT_FOR
from recommender.errors import SpotifyBusy
from recommender.services.spotify.web_api import SpotifyApp, SpotifyClient
from tests.support.contracts import ROOT
from tests.support.first_run import OWNER, TOKEN, Operator
from tests.support.health import answers, get, wait_until
from tests.support.spotify.spotify_world import Clock, Server, World
from tests.support.telegram.chatting import AGREE, NOW, Chat, chatting

WAITING = "mirrortape_updates_waiting"


def values(text: str) -> dict[str, float]:
    """Return what Prometheus reads: each sample by its name and the values of its labels."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def measured(chat: Chat) -> dict[str, float]:
    answer = await get(chat, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return values(answer.text)


async def test_what_users_do_is_counted_and_timed_and_nobody_named(chat: Chat) -> None:
    await chat.say("/start")
    await chat.press(AGREE)
    await chat.photo()
    for words in ("/feedback 1 +", "/feedback 2 -", "/feedback 3 +", "/feedback 4"):
        await chat.say(words)
    seen = await measured(chat)
    assert seen["mirrortape_votes_total up"] == 2
    assert seen["mirrortape_votes_total down"] == 1
    assert seen["mirrortape_ratings_total 4"] == 1
    for step in ("download", "read", "choose", "read: find"):
        assert seen[f"mirrortape_step_seconds_count {step}"] == 1
        assert seen[f"mirrortape_step_seconds_sum {step}"] < 10
    assert seen["mirrortape_steps_under_way read"] == 0
    assert seen["mirrortape_updates_failed_total"] == 0
    assert seen["process_resident_memory_bytes"] > 10**6


async def test_updates_are_counted_by_kind_and_those_that_wait(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = {"id": 1, "is_bot": False, "first_name": "A"}
    message = {
        "message_id": 7,
        "date": 1_700_000_000,
        "chat": {"id": 1, "type": "private"},
        "from": person,
        "text": "hello",
    }
    pressed = {"id": "1", "chat_instance": "1", "data": "gone", "from": person}
    chat.telegram.updates = [
        {"update_id": 1, "message": message},
        {"update_id": 2, "callback_query": {**pressed, "message": message}},
    ]
    async with chat.running():
        async with asyncio.timeout(5):
            while len(chat.telegram.calls) < 4 or (await measured(chat))[WAITING]:
                await asyncio.sleep(0.02)
    seen = await measured(chat)
    assert seen["mirrortape_update_seconds_count message"] == 1
    assert seen["mirrortape_update_seconds_count callback_query"] == 1
    assert seen["mirrortape_last_fetch_timestamp_seconds"] == NOW.timestamp()
    update = NewUpdate(3, 1, "{}")
    await chat.records.run(lambda s: s.people.inbox.add([update], NOW))
    assert (await measured(chat))[WAITING] == 1


async def test_an_apology_is_counted(chat: Chat) -> None:
    chat.worker.outcome = RuntimeError("unforeseen")
    await chat.press(AGREE)
    await chat.photo()
    seen = await measured(chat)
    assert seen["mirrortape_updates_failed_total"] == 1
    assert seen["mirrortape_step_seconds_count read"] == 1


# -- health --


async def test_the_bot_is_well_while_telegram_and_the_database_answer() -> None:
    clock = Clock()

    async with chatting(clock=clock) as chat:
        answer = await get(chat, "/healthz")
        assert (answer.status_code, answer.json()["telegram"]) == (503, False)
        async with chat.running():
            async with asyncio.timeout(5):
                while (answer := await get(chat, "/healthz")).status_code != 200:
                    await asyncio.sleep(0.02)
        assert answer.json() == {
            "ok": True,
            "database": True,
            "disk": True,
            "telegram": True,
            "jobs": True,
        }
        clock.advance(seconds=(SILENT_FOR + timedelta(seconds=1)).total_seconds())
        answer = await get(chat, "/healthz")
        assert answer.status_code == 503
        assert answer.json()["telegram"] is False
        assert answer.json()["database"] is answer.json()["disk"] is True


async def test_a_database_that_hangs_is_told(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.health.PATIENCE_S", 0.1)

    hanging = asyncio.create_task(chat.records.run(lambda _: time.sleep(0.5)))
    await asyncio.sleep(0)
    answer = await get(chat, "/healthz")
    assert (answer.status_code, answer.json()["database"]) == (503, False)
    await hanging


@pytest.mark.parametrize("address", ["0.0.0.0:8081", "192.168.1.5:8081", "bot.example:8081"])
def test_other_computers_see_nothing_of_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotReady, match=r"write 127\.0\.0\.1:8081"):
        check_ops_address(Settings(ops_address=address))
    for name, value in {
        "TELEGRAM_BOT_TOKEN": "1:x",
        "ALLOWED_TELEGRAM_IDS": "*",
        "SECRET_KEY": Fernet.generate_key().decode(),
        "OPS_ADDRESS": address,
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(NotReady, match="OPS_ADDRESS is for this computer alone"):
        run_live().send(None)


@pytest.mark.parametrize("address", ["127.0.0.1:8081", "127.0.0.2:1", "localhost:8081"])
def test_this_computer_may(address: str) -> None:
    check_ops_address(Settings(ops_address=address))


# -- Spotify --


def test_each_answer_of_spotify_is_told(server: Server) -> None:
    world = World(server)
    told: list[tuple[str, int | None]] = []
    client = SpotifyClient(
        world.app, on_answer=lambda service, status: told.append((service, status))
    )
    world.client = client
    tokens = world.tokens()
    client.profile(tokens.access_token)
    world.local.fail_next("GET", "/me", status=429, retry_after=3)
    with pytest.raises(SpotifyBusy):
        client.profile(tokens.access_token)
    assert told == [("accounts", 200), ("api", 200), ("api", 429)]


def test_no_answer_is_told_too() -> None:
    told: list[tuple[str, int | None]] = []
    away = SpotifyApp("0" * 32, "http://127.0.0.1/callback", api_url="http://127.0.0.1:9/v1")
    client = SpotifyClient(away, on_answer=lambda service, status: told.append((service, status)))
    with pytest.raises(SpotifyBusy):
        client.profile("token")
    assert told == [("api", None)]


# -- the whole program --


def test_a_running_bot_tells_how_it_is_and_stops_when_it_is_told_to(operator: Operator) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ops = f"http://{os.environ['OPS_ADDRESS']}"
        wait_until(lambda: answers(f"{ops}/healthz") == 200)
        operator.telegram.send_text(OWNER, "/help")
        wait_until(lambda: len(operator.telegram.chats[OWNER].messages) > 1)
        seen = values(httpx.get(f"{ops}/metrics").text)
        assert seen["mirrortape_update_seconds_count message"] == 1
        operator.telegram.send_text(OWNER, "/start")
        press(operator, AGREE)
        operator.telegram.send_photo(OWNER, portrait_jpeg())
        wait_until(lambda: any("text" in m and "Got it" in m["text"] for m in chat(operator)))
        os.killpg(running.pid, signal.SIGTERM)  # as systemd stops a service, its worker too
        said, logged = running.communicate(timeout=30)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 0, logged
    assert "Mirrortape is running" in said
    assert "[update 1]: message handled in" in logged
    assert TOKEN[11:] not in logged
    assert any("photo" in message and message["from"]["is_bot"] for message in chat(operator))


def chat(operator: Operator) -> list[dict[str, Any]]:
    return list(operator.telegram.chats[OWNER].messages.values())


def press(operator: Operator, data: str) -> None:
    """Press a button, as soon as a message has it."""

    def asked() -> list[int]:
        return [m["message_id"] for m in chat(operator) if data in str(m.get("reply_markup"))]

    wait_until(asked)
    operator.telegram.press(OWNER, asked()[0], data)
