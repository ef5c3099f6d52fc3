"""The whole product as a newcomer meets it: `mirrortape demo` and a real browser."""

import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from bot.sandbox.chat_samples import portrait_jpeg

START_S = 120
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running demo; in the end it must stop quietly when told to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "bot", "demo", "--port", str(port), "--no-browser"]
    running = subprocess.Popen(
        [*command, "--data-dir", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout is not None
    watchdog = threading.Timer(START_S, running.kill)
    watchdog.start()
    said = []
    for line in running.stdout:
        said.append(line)
        if "ready" in line:
            break
    watchdog.cancel()
    url = f"http://127.0.0.1:{port}"
    assert said, "the demo said nothing"
    assert url in said[-1], "".join(said)
    yield url
    _print_memory(running.pid)
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=30)
    assert running.returncode == 0, rest
    assert "Traceback" not in rest
    _assert_nothing_of_a_photo_in(folder)


def _print_memory(bot: int) -> None:
    """Print the resident memory of the bot, local services included, and of its worker."""
    tasks = Path(f"/proc/{bot}/task")
    if not tasks.exists():
        return  # only Linux tells
    children = [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
    for name, pid in (("bot", str(bot)), *(("child", child) for child in children)):
        status = Path(f"/proc/{pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
        print(f"resident memory of the {name}: {int(line.split()[1]) // 1024} MB")


def _assert_nothing_of_a_photo_in(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"\xff\xd8\xff" not in content, f"{file} holds a JPEG"


@pytest.mark.browser
def test_from_a_portrait_to_a_playlist_that_learns(demo: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(f"{demo}/?user=11")

    page.click("#start")
    page.get_by_role("button", name="Agree").click()
    expect(page.get_by_text("Now send me a selfie")).to_be_visible()
    page.click("#attach")
    page.click("#attach-menu [data-attach=sample]")

    picture = page.locator('[data-from="bot"][data-kind="photo"]')
    expect(picture).to_contain_text(re.compile(r"You look \w+ \(.*\d+ %\)"))
    for label in ("Right", "Not quite", "• Match •", "Lift", "Calm"):
        expect(picture.get_by_role("button", name=label, exact=True)).to_be_visible()
    width, height = picture.locator("img").evaluate("i => [i.naturalWidth, i.naturalHeight]")
    assert width >= 600
    assert height >= 600

    playlist = _playlists(page).last
    expect(playlist).to_contain_text("20 tracks")
    playlist.get_by_role("button", name="Save to my Spotify").click()
    with context.expect_page() as opened:
        page.get_by_role("link", name="Connect Spotify").click()
    consent = opened.value
    consent.get_by_role("button", name="Agree").click()
    expect(consent.get_by_text("connected").first).to_be_visible()
    consent.close()
    expect(page.get_by_role("link", name="Open in Spotify")).to_be_visible()
    saved = httpx.get(f"{demo}/spotify/panel").json()["playlists"]
    assert len(saved) == 1
    assert [track["name"] for track in saved[0]["tracks"]] == _titles(_playlists(page).last)

    connected = _playlists(page).last
    disliked = _titles(connected)[0]
    connected.get_by_role("button", name="👎 1", exact=True).click()
    expect(connected.get_by_role("button", name="👎 1 ✓")).to_be_visible()
    before = _playlists(page).count()
    page.fill("#text", "/playlist")
    page.keyboard.press("Enter")
    expect(_playlists(page)).to_have_count(before + 1)
    again = _titles(_playlists(page).last)
    assert len(again) == 20
    assert disliked not in again

    rewritten = httpx.get(f"{demo}/spotify/panel").json()["playlists"]
    assert [entry["id"] for entry in rewritten] == [saved[0]["id"]]  # the same living playlist
    assert [track["name"] for track in rewritten[0]["tracks"]] == again
    context.close()


def test_others_are_answered_while_a_photo_is_read(demo: str) -> None:
    with httpx.Client(base_url=demo, timeout=40) as ours, httpx.Client(base_url=demo) as theirs:
        _ask(ours, 21, "/start")
        _press(ours, 21, "agree")
        stop = threading.Event()

        def keep_sending_photos() -> None:
            photo = portrait_jpeg()
            while not stop.is_set():
                files = {"file": ("me.jpg", photo, "image/jpeg")}
                theirs.post("/chat/files", data={"user": "21"}, files=files, timeout=30)
                stop.wait(0.3)

        sender = threading.Thread(target=keep_sending_photos)
        sender.start()
        try:
            time.sleep(0.5)
            waits = [_ask(ours, 22, "/help") for _ in range(15)]
        finally:
            stop.set()
            sender.join()
    print("seconds until /help is answered:", [round(wait, 3) for wait in waits])
    assert statistics.median(waits) < 0.1


def _ask(client: httpx.Client, user: int, text: str) -> float:
    """Send a text and return the seconds until the bot's next message."""
    cursor, _ = _news(client, user, "")
    start = time.perf_counter()
    client.post("/chat/text", json={"user": str(user), "text": text})
    while True:
        cursor, messages = _news(client, user, cursor)
        if any(message["from"]["is_bot"] for message in messages):
            return time.perf_counter() - start


def _press(client: httpx.Client, user: int, data: str) -> None:
    """Press a button, as soon as there is a message that has it."""
    cursor, asked = "", []
    while not asked:
        cursor, messages = _news(client, user, cursor)
        asked = [m["message_id"] for m in messages if data in str(m.get("reply_markup"))]
    body = {"user": str(user), "message_id": asked[0], "data": data}
    client.post("/chat/press", json=body).raise_for_status()


def _news(client: httpx.Client, user: int, cursor: str) -> tuple[str, list[dict[str, Any]]]:
    answer = client.get("/chat/news", params={"user": str(user), "cursor": cursor}).json()
    return answer["cursor"], [entry["message"] for entry in answer["messages"]]


def _playlists(page: Page) -> Locator:
    return page.locator('[data-from="bot"]').filter(has_text="20 tracks")


def _titles(playlist: Locator) -> list[str]:
    return re.findall(r"^\d+\. (.+?) · ", playlist.inner_text(), re.MULTILINE)
