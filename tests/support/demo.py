"""A running `mirrortape demo`, and its chat page as a phone shows it."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.processes import children, memory_mb

START_S = 120
PATIENCE_MS = 30_000


@contextmanager
def running_demo(folder: Path, *options: str) -> Iterator[str]:
    """Run a demo and yield its address; in the end it must stop quietly when told to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bot", "demo", "--port", str(port), "--no-browser"]
    running = subprocess.Popen(
        [*command, "--data-dir", str(folder), *options],
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
    if not Path("/proc").exists():
        return  # only Linux tells
    for pid in (bot, *children(bot)):
        name = "bot" if pid == bot else "child"
        print(f"resident memory of the {name}: {memory_mb(pid):.0f} MB")


def _assert_nothing_of_a_photo_in(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for kind, beginning in (("JPEG", b"\xff\xd8\xff"), ("WebM", b"\x1a\x45\xdf\xa3")):
                assert beginning not in content, f"{file} holds a {kind}"


def phone(browser: Browser) -> BrowserContext:
    """Return a browser as wide as a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    return context


@contextmanager
def agreed_chat(folder: Path, browser: Browser) -> Iterator[Page]:
    """Run a demo and yield the chat of somebody who has agreed, on a phone."""
    with running_demo(folder) as url:
        context = phone(browser)
        page = context.new_page()
        page.goto(url)
        page.click("#start")
        page.get_by_role("button", name="Agree", exact=True).click()
        expect(page.get_by_text("Now send me a selfie")).to_be_visible()
        yield page
        context.close()


def send(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.keyboard.press("Enter")


def looks_right(page: Page, picture: Path) -> None:
    """Take pictures in light and dark; nothing may stick out, and every text must be legible."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=picture.with_stem(f"{picture.stem}-{scheme}"), animations="disabled")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(FAINT_TEXTS) == []


FAINT_TEXTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((c) =>
      c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const element of document.querySelectorAll("main p, main h1, main button, main li .text")) {
    if (!element.checkVisibility() || !element.textContent.trim()) continue;
    const pair = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (contrast < 4.5) faint.push(`${element.textContent.trim()}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""
"""The texts whose contrast to their ground is below WCAG's 4.5."""
