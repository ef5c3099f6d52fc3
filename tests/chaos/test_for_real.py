"""The README's way from nothing to a connected Spotify, at a phone's width.

`mirrortape run` with a filled-in `.env.example`, in a process of its own; only the addresses of
Telegram and Spotify are other ones. Each way in which the README says that people connect.
"""

import asyncio
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.support.browser import CHROMIUM_ARGS
from tests.support.contracts import ROOT
from tests.support.town import Town, free_port, town_in

pytestmark = [pytest.mark.chaos, pytest.mark.browser]

PUBLIC_HOST = "bot.example"
PICTURES = os.environ.get("PICTURES", "")
"""Where screenshots go; empty: nowhere that stays."""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return Path(PICTURES) if PICTURES else tmp_path


@contextmanager
def phone(port: int = 0) -> Iterator[BrowserContext]:
    """Yield Chromium as wide as a phone; it finds the bot's public host at a port of ours."""
    rules = f"--host-resolver-rules=MAP {PUBLIC_HOST} 127.0.0.1:{port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*CHROMIUM_ARGS, rules]
        )
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, ignore_https_errors=True
        )
        context.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        yield context
        browser.close()


def test_the_key_is_made_as_the_example_says(tmp_path: Path) -> None:
    command = re.search(r"^# python -c '(.*)'$", (ROOT / ".env.example").read_text(), re.M)
    assert command is not None
    made = subprocess.run([sys.executable, "-c", command[1]], capture_output=True, text=True)
    assert re.fullmatch(r"[\w-]{43}=\n", made.stdout)


def test_on_the_owners_computer_and_from_a_phone(tmp_path: Path, pictures: Path) -> None:
    with town_in(tmp_path) as town, phone() as context:
        page = begin(context, town, 1)
        expect(page.get_by_text(f"http://{town.web_address}/callback?code=")).to_be_visible()
        take(page, pictures / "1-offer.png")
        consent = follow(context, page)
        take(consent, pictures / "2-consent.png")
        consent.get_by_role("button", name="Agree").click()
        expect(consent.get_by_text("Spotify is connected")).to_be_visible()
        assert consent.url.startswith(f"http://{town.web_address}/callback?")
        take(consent, pictures / "3-connected-here.png")
        expect(page.get_by_text("Your Spotify is connected as")).to_be_visible()
        make_playlist(page)
        take(page, pictures / "4-playlist.png")
        assert len(town.spotify.playlists()[0].items) == 20

        page = begin(context, town, 2)
        consent = follow(context, page)
        consent.fill("[name=name]", "Alex")
        consent.get_by_role("button", name="as on a phone").click()
        expect(consent.get_by_text("This page cannot be opened")).to_be_visible()
        take(consent, pictures / "5-cannot-be-opened.png")
        send(page, consent.locator(".address").inner_text())
        expect(page.get_by_text("Your Spotify is connected as Alex")).to_be_visible()
        take(page, pictures / "6-pasted.png")
        make_playlist(page)
        owners = [playlist.owner.display_name for playlist in town.spotify.playlists()]
        assert sorted(owners) == ["Alex", "Demo listener"]


def test_on_a_public_address_by_six_digits(tmp_path: Path, pictures: Path) -> None:
    port = free_port()
    with town_in(tmp_path) as town, https_before(town, port, tmp_path), phone(port) as context:
        town.kill()
        town.fill_in(PUBLIC_URL=f"https://{PUBLIC_HOST}")
        town.telegram.leads_to[f"https://{PUBLIC_HOST}"] = f"http://{town.web_address}"
        town.start()
        page = begin(context, town, 3)
        expect(page.get_by_text("a page shows six digits")).to_be_visible()
        consent = follow(context, page)
        consent.get_by_role("button", name="Agree").click()
        digits = consent.locator(".digits")
        expect(digits).to_have_text(re.compile(r"^\d{3} \d{3}$"))
        assert consent.url.startswith(f"https://{PUBLIC_HOST}/callback?")
        take(consent, pictures / "7-digits.png")
        expect(page.get_by_text("Somebody agreed at Spotify with your button")).to_be_visible()
        send(page, digits.inner_text())
        expect(page.get_by_text("Your Spotify is connected as")).to_be_visible()
        take(page, pictures / "8-typed.png")
        make_playlist(page)


def begin(context: BrowserContext, town: Town, user_id: int) -> Page:
    """Open a chat and send /connect."""
    page = context.new_page()
    page.goto(f"{town.server.url}/?user={user_id}")
    page.click("#start")
    send(page, "/connect")
    expect(page.get_by_role("link", name="Connect Spotify")).to_be_visible()
    return page


def follow(context: BrowserContext, page: Page) -> Page:
    """Press the button and return the consent page."""
    with context.expect_page() as opened:
        page.get_by_role("link", name="Connect Spotify").click()
    return opened.value


def make_playlist(page: Page) -> None:
    send(page, "/mood sad")
    expect(page.get_by_role("link", name="Open in Spotify")).to_be_visible()


def take(page: Page, picture: Path) -> None:
    """Take a picture once nothing moves any more."""
    page.wait_for_timeout(400)
    page.screenshot(path=picture, animations="disabled")


def send(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.keyboard.press("Enter")


@contextmanager
def https_before(town: Town, port: int, folder: Path) -> Iterator[None]:
    """Lead HTTPS to the bot's web pages while the block runs, as Caddy does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder))
    host, _, to = town.web_address.partition(":")
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_bot, to_bot = await asyncio.open_connection(host, int(to))
        await asyncio.gather(pump(reader, to_bot), pump(from_bot, writer))

    async def serve() -> None:
        async with await asyncio.start_server(lead, "127.0.0.1", port, ssl=context):
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PUBLIC_HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(PUBLIC_HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path
