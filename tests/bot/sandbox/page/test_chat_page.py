import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

import bot.texts
from bot.sandbox.page.chat import PAGE, chat_routes
from bot.sandbox.page.samples import portrait_jpeg, portrait_sticker_webp, silent_wav, sticker_webp
from bot.sandbox.same_origin import is_foreign
from bot.sandbox.telegram.local_telegram import LocalTelegram
from tests.support.photos.filming import blank, film
from tests.support.web_server import serving
from vision.photo.video import sample_frames

TOKEN = "42:secret"

CSS = (PAGE / "chat.css").read_text()


@dataclass
class Site:
    """The chat page with the local Telegram behind it, and a list in the place of Spotify's."""

    url: str
    telegram: LocalTelegram
    playlists: list[dict[str, Any]] = field(default_factory=list)
    offset: int = 0

    def bot(self, method: str, files: Any = None, **fields: Any) -> Any:
        """Do what a bot does, over HTTP."""
        answer = httpx.post(
            f"{self.url}/telegram/bot{TOKEN}/{method}", data=fields, files=files
        ).json()
        assert answer["ok"], answer
        return answer["result"]

    def last(self, kind: str = "message") -> Any:
        """Return the newest update of a kind, which may still be under way, as a bot gets it."""
        found: list[Any] = []
        while not found:
            updates = self.bot("getUpdates", offset=self.offset, timeout=5)
            assert updates, f"no {kind} came"
            self.offset = updates[-1]["update_id"] + 1
            found = [update[kind] for update in updates if kind in update]
        return found[-1]

    def all(self) -> list[Any]:
        """Return all messages that wait, as a bot gets them."""
        return [update["message"] for update in self.bot("getUpdates", timeout=5)][1:]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Starlette, str]]:
    app = Starlette()
    with serving(app) as url:
        yield app, url


@pytest.fixture
def site(server: tuple[Starlette, str]) -> Iterator[Site]:
    app, url = server
    site = Site(url, LocalTelegram(TOKEN, lambda: datetime.now(UTC)))

    async def panel(request: Request) -> JSONResponse:
        return JSONResponse({"playlists": site.playlists})

    app.router.routes[:] = [
        Mount("/telegram", routes=site.telegram.routes()),
        Route("/spotify/panel", panel),
        *chat_routes(site.telegram),
    ]
    yield site
    site.telegram.close()


# -- over HTTP --


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"host": "127.0.0.1:8765"}, False),
        ({"host": "localhost:8765", "origin": "http://localhost:8765"}, False),
        ({"host": "[::1]:8765", "sec-fetch-site": "same-origin"}, False),
        ({"host": "127.0.0.1:8765", "sec-fetch-site": "none"}, False),
        ({"host": "127.0.0.1:8765", "sec-fetch-site": "cross-site"}, True),
        ({"host": "127.0.0.1:8765", "sec-fetch-site": "same-site"}, True),
        ({"host": "127.0.0.1:8765", "origin": "https://evil.example"}, True),
        ({"host": "127.0.0.1:8765", "origin": "http://127.0.0.1:9999"}, True),
        ({"host": "127.0.0.1:8765", "origin": "null"}, True),
        ({"host": "evil.example"}, True),
        ({"host": "[127.0.0.1"}, True),
        ({}, True),
    ],
)
def test_pages_elsewhere_are_told_apart(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(Headers(headers)) is foreign


def test_pages_elsewhere_cannot_drive_the_chat(site: Site) -> None:
    body = {"user": "1", "text": "hello"}
    with httpx.Client(base_url=site.url, headers={"origin": "https://evil.example"}) as client:
        for answer in (
            client.post("/chat/text", json=body),
            client.get("/chat/news"),
            client.post("/chat/files", files={"file": b"x"}),
        ):
            assert answer.status_code == 403
    assert site.bot("getUpdates") == []
    assert httpx.post(f"{site.url}/chat/text", json=body).json()["sent"] == 1


def test_what_cannot_be_sent_gets_a_sentence(site: Site) -> None:
    with httpx.Client(base_url=site.url) as client:
        several = [("file", ("a.jpg", b"x"))]
        for answer in (
            client.post("/chat/text", json={"text": " "}),
            client.post("/chat/text", json={"text": "x" * 4097}),
            client.post("/chat/text", json={"words": "x"}),
            client.post("/chat/text", json=[]),
            client.post("/chat/text", content="{"),
            client.post("/chat/press", json={"message_id": 1, "data": "x"}),
            client.post("/chat/files", files={"other": b"x"}),
            client.post("/chat/files", files=several * 11),
            client.post("/chat/files", files={"file": b""}),
            client.post("/chat/files", files={"file": b"x"}, data={"caption": "x" * 1025}),
            client.post("/chat/files", files={"file": b"x"}, data={"shapes": "[[1]]"}),
            client.post("/chat/files", files={"file": b"x"}, data={"shapes": "[0]"}),
            client.post("/chat/files", files={"file": b"x"}, data={"shapes": "{"}),
            client.post("/chat/files?as=video_note", files={"file": b"x"}),
        ):
            assert answer.status_code == 400
            assert re.fullmatch(r"[A-Z].*\.", answer.json()["error"])
        for user in ("0", "-1", "me", "9" * 30):
            assert client.get("/chat/news", params={"user": user}).status_code == 400
        large = client.post("/chat/files", content=bytes(51 * 1024 * 1024))
        assert large.status_code == 413
        assert "50 MB" in large.json()["error"]
    assert site.bot("getUpdates") == []


def test_files_that_could_be_pages_are_only_downloaded(site: Site) -> None:
    sent = site.telegram.send_document(1, b"<script>alert(1)</script>", "x.html", "text/html")
    answer = httpx.get(f"{site.url}/chat/file/{sent['document']['file_unique_id']}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert httpx.get(f"{site.url}/chat/file/none").status_code == 404


def test_only_the_pages_own_files_are_served(site: Site) -> None:
    with httpx.Client(base_url=site.url) as client:
        for file in PAGE.iterdir():
            assert client.get(f"/page/{file.name}").status_code == 200
        for path in ("/page/chat.py", "/page/..%2fchat.py", "/page/", "/page/none"):
            assert client.get(path).status_code == 404


def test_samples_are_what_they_say() -> None:
    assert portrait_jpeg().startswith(b"\xff\xd8")
    assert sticker_webp()[8:12] == portrait_sticker_webp()[8:12] == b"WEBP"
    assert silent_wav()[8:12] == b"WAVE"


def _luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_texts_have_enough_contrast(scheme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[scheme]))
    pairs = {
        "ink": ["panel", "wall", "bubble", "mine"],
        "soft": ["panel", "wall", "bubble"],
        "link": ["bubble", "mine", "panel"],
        "button-ink": ["button"],
        "accent-ink": ["accent"],
        "new": ["panel"],
    }
    for text, grounds in pairs.items():
        for ground in grounds:
            high, low = sorted(
                (_luminance(colours[text]), _luminance(colours[ground])), reverse=True
            )
            ratio = (high + 0.05) / (low + 0.05)
            assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"


def _emoji_range() -> set[str]:
    """Return the characters for which the page asks an emoji font first."""
    face = re.search(r'@font-face \{\s*font-family: "Emoji";(.*?)\}', CSS, re.DOTALL)
    assert face is not None
    listed = re.search(r"unicode-range: (.*?);", face[1], re.DOTALL)
    assert listed is not None
    ends = [part.strip().removeprefix("U+").split("-") for part in listed[1].split(",")]
    return {chr(at) for each in ends for at in range(int(each[0], 16), int(each[-1], 16) + 1)}


def test_emoji_are_asked_of_a_colour_font_first_and_nothing_else_is() -> None:
    fonts = re.findall(r"font(?:-family)?: ([^;]*sans-serif|[^;]*monospace);", CSS)
    assert fonts
    for font in fonts:
        assert '"Emoji"' in font.split(",")[0]
    shown = "".join(path.read_text() for path in [Path(bot.texts.__file__), *PAGE.glob("*.*")])
    emoji = {sign for sign in shown if sign >= "\U0001f000"} | set("⏳⏺❤⚡✅\ufe0f\u200d")
    assert len(emoji) > 20
    assert emoji <= _emoji_range()
    assert _emoji_range().isdisjoint(map(chr, range(0x2000)))  # fonts of emoji have digits too


# -- in a browser --


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[OpenPage]:
    """Returns a function that opens the page; afterwards nothing may have gone wrong in it."""
    contexts = []
    wrong: list[str] = []

    def open_page(user: int = 1, **options: Any) -> Page:
        options = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"} | options
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((site.url, "blob:")) else wrong.append(request.url)
            ),
        )
        page.goto(f"{site.url}/?user={user}")
        expect(page.locator("html")).to_have_attribute("data-connected", "yes")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


KEYBOARD = (
    '{"inline_keyboard":[[{"text":"👍","callback_data":"up"},{"text":"👎","callback_data":"down"}],'
    '[{"text":"Connect","url":"http://127.0.0.1:1/connect"}]]}'
)


GAP = (
    "(log => log.scrollHeight - log.scrollTop - log.clientHeight)(document.querySelector('#log'))"
)
"""How many pixels of the chat are below what is in sight."""


def wait_until(page: Page, expression: str) -> None:
    """Wait until it is true; Playwright's own way needs `eval`, which the page forbids."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {expression}")


@pytest.mark.browser
def test_start_shows_what_the_bot_says(site: Site, open_page: OpenPage) -> None:
    site.bot("setMyDescription", description="What I can do")
    page = open_page()
    expect(page.get_by_text("What I can do")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    assert site.last()["text"] == "/start"
    site.bot(
        "sendMessage",
        chat_id=1,
        text='😀 <b>Hello</b> <a href="https://example.org/">you &lt;img src=x&gt;</a> /help',
        parse_mode="HTML",
    )
    message = page.locator('li[data-from="bot"]')
    expect(message.locator("strong")).to_have_text("Hello")
    link = message.get_by_role("link", name="you <img src=x>")
    expect(link).to_have_attribute("href", "https://example.org/")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    message.get_by_role("button", name="/help").click()
    assert site.last()["text"] == "/help"
    expect(page.locator("#welcome")).to_be_hidden()


@pytest.mark.browser
def test_a_reaction_is_put_on_a_message_and_taken_off(site: Site, open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#start").click()
    site.bot("getUpdates", allowed_updates='["message", "message_reaction"]')
    sent = site.bot("sendMessage", chat_id=1, text="How is this?")["message_id"]
    message = page.locator(f'[data-message-id="{sent}"]')
    message.hover()
    message.get_by_role("button", name="React", exact=True).click()
    message.get_by_role("button", name="React with 👍").click()
    mine = message.locator('.reactions [aria-pressed="true"]')
    expect(mine).to_have_text("👍")
    expect(message.locator(".palette")).to_have_count(0)
    mine.click()
    expect(mine).to_have_count(0)
    changes = [update["message_reaction"] for update in site.bot("getUpdates")[1:]]
    told = [[each["emoji"] for each in change["new_reaction"]] for change in changes]
    assert told == [["👍"], []]


def test_the_sample_portrait_is_sent_and_answered(site: Site, open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#start").click()
    page.get_by_role("button", name="Try it with a sample portrait").click()
    expect(page.locator('li[data-from="me"][data-kind="photo"]')).to_be_visible()
    expect(page.locator("#first-step")).to_be_hidden()
    photo = site.last()["photo"]
    assert (photo[-1]["width"], photo[-1]["height"]) == (512, 512)
    site.bot("sendChatAction", chat_id=1, action="upload_photo")
    expect(page.locator("#action")).to_have_text("sending a photo…")
    site.bot(
        "setMessageReaction", chat_id=1, message_id=2, reaction='[{"type":"emoji","emoji":"👀"}]'
    )
    expect(page.locator('[data-message-id="2"] .reactions')).to_have_text("👀")
    site.bot(
        "sendPhoto",
        files={"photo": portrait_jpeg()},
        chat_id=1,
        caption="You look <b>happy</b>",
        parse_mode="HTML",
        reply_markup=KEYBOARD,
    )
    expect(page.locator("#action")).to_have_text("")
    answer = page.locator('li[data-from="bot"]')
    expect(answer.locator("strong")).to_have_text("happy")
    answer.get_by_role("button", name="Enlarge the picture").click()
    expect(page.locator("#viewer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    connect = answer.get_by_role("link", name="Connect")
    expect(connect).to_have_attribute("target", "_blank")
    expect(connect).to_have_attribute("rel", "noopener")


@pytest.mark.browser
def test_a_reply_keyboard_sends_what_its_buttons_say(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    page = open_page()
    keyboard = page.locator("#reply-keyboard")
    expect(keyboard).to_be_hidden()
    rows = '[["Yes","No"],[{"text":"📍 Here","request_location":true}]]'
    site.bot("sendMessage", chat_id=1, text="?", reply_markup=f'{{"keyboard":{rows}}}')
    keyboard.get_by_role("button", name="No").click()
    assert site.last()["text"] == "No"
    keyboard.get_by_role("button", name="📍 Here").click()
    assert "location" in site.last()
    site.bot("sendMessage", chat_id=1, text="!", reply_markup='{"remove_keyboard":true}')
    expect(keyboard).to_be_hidden()
    once = f'{{"keyboard":{rows},"one_time_keyboard":true}}'
    site.bot("sendMessage", chat_id=1, text="?", reply_markup=once)
    keyboard.get_by_role("button", name="Yes").click()
    expect(keyboard).to_be_hidden()


@pytest.mark.browser
def test_a_button_waits_for_its_answer(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    sent = site.bot("sendMessage", chat_id=1, text="vote", reply_markup=KEYBOARD)
    page = open_page()
    button = page.get_by_role("button", name="👎")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    query = site.last("callback_query")
    assert (query["data"], query["message"]["message_id"]) == ("down", sent["message_id"])
    site.bot("answerCallbackQuery", callback_query_id=query["id"], text="Noted")
    expect(page.locator("#toast")).to_have_text("Noted")
    expect(button).to_have_attribute("aria-busy", "false")
    button.click()
    query = site.last("callback_query")
    site.bot("answerCallbackQuery", callback_query_id=query["id"], text="Look", show_alert="true")
    expect(page.get_by_role("alertdialog")).to_contain_text("Look")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_be_hidden()


@pytest.mark.browser
def test_edits_happen_in_place(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    status = site.bot("sendMessage", chat_id=1, text="Looking…")
    picture = site.bot(
        "sendPhoto", files={"photo": portrait_jpeg()}, chat_id=1, reply_markup=KEYBOARD
    )
    page = open_page()
    message = page.locator(f'[data-message-id="{status["message_id"]}"]')
    message.evaluate("item => item.dataset.same = 'yes'")
    image = page.locator(f'[data-message-id="{picture["message_id"]}"] img')
    image.evaluate("image => image.dataset.same = 'yes'")
    page.get_by_role("button", name="👍").focus()
    site.bot("editMessageText", chat_id=1, message_id=status["message_id"], text="Reading…")
    expect(message.locator(".text")).to_have_text("Reading…")
    expect(message).to_have_attribute("data-same", "yes")
    site.bot(
        "editMessageCaption",
        chat_id=1,
        message_id=picture["message_id"],
        caption="happy",
        reply_markup=KEYBOARD.replace("👎", "✗"),
    )
    expect(page.get_by_role("button", name="✗")).to_be_visible()
    expect(image).to_have_attribute("data-same", "yes")
    expect(page.get_by_role("button", name="👍")).to_be_focused()
    site.bot(
        "editMessageMedia",
        files={"face": portrait_jpeg()},
        chat_id=1,
        message_id=status["message_id"],
        media='{"type":"photo","media":"attach://face","caption":"found"}',
    )
    expect(message).to_have_attribute("data-kind", "photo")
    expect(message.locator(".text")).to_have_text("found")
    site.bot("deleteMessage", chat_id=1, message_id=status["message_id"])
    expect(message).to_have_count(0)


@pytest.mark.browser
def test_nothing_is_lost_while_the_page_is_cut_off(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    status = site.bot("sendMessage", chat_id=1, text="Looking…")
    page = open_page()
    expect(page.get_by_text("Looking…")).to_be_visible()
    page.context.set_offline(True)
    site.bot("sendMessage", chat_id=1, text="ends the request that is under way")
    expect(page.locator("html")).to_have_attribute("data-connected", "no")
    site.bot("deleteMessage", chat_id=1, message_id=status["message_id"])
    site.bot("sendMessage", chat_id=1, text="Found it")
    page.locator("#text").fill("still here")
    page.locator("#send").click()
    expect(page.locator("#toast")).to_have_text(re.compile("does not answer"))
    expect(page.locator("#text")).to_have_value("still here")
    page.context.set_offline(False)
    expect(page.get_by_text("Found it")).to_be_visible()
    expect(page.get_by_text("Looking…")).to_have_count(0)


@pytest.mark.browser
def test_commands_are_offered_and_chosen_by_keyboard(site: Site, open_page: OpenPage) -> None:
    commands = (
        '[{"command":"mood","description":"a mood"},{"command":"help","description":"help"}]'
    )
    site.telegram.send_text(1, "/start")
    page = open_page()
    site.bot("setMyCommands", commands=commands)
    page.locator("#show-commands").click()
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    page.locator("#text").press_sequentially("/he")
    expect(page.get_by_role("option")).to_have_text(["/help help"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator('li[data-from="me"]').last).to_contain_text("/help")
    assert site.last()["text"] == "/help"
    page.locator("#text").press_sequentially("two")
    page.keyboard.press("Shift+Enter")
    page.locator("#text").press_sequentially("lines")
    page.keyboard.press("Enter")
    expect(page.locator('li[data-from="me"]')).to_have_count(3)
    assert site.last()["text"] == "two\nlines"


@pytest.mark.browser
def test_the_newest_message_stays_in_sight_unless_one_reads_above(
    site: Site, open_page: OpenPage
) -> None:
    for number in range(30):
        site.telegram.send_text(1, f"line {number}")
    page = open_page()
    for _ in range(3):  # each higher than the log, and shown before its picture has arrived
        status = site.bot("sendMessage", chat_id=1, text="Looking…")
        expect(page.get_by_text("Looking…")).to_be_in_viewport()
        site.bot("sendPhoto", files={"photo": portrait_jpeg()}, chat_id=1, reply_markup=KEYBOARD)
        site.bot("deleteMessage", chat_id=1, message_id=status["message_id"])
        site.bot("sendMessage", chat_id=1, text="long\n" * 40)
    expect(page.locator("#messages > li")).to_have_count(36)
    wait_until(page, f"{GAP} < 2")
    expect(page.locator("#to-end")).to_be_hidden()
    page.locator("#log").press("Home")
    wait_until(page, "document.querySelector('#log').scrollTop === 0")
    site.bot("sendMessage", chat_id=1, text="the newest")
    page.locator("#to-end").click()
    expect(page.get_by_text("the newest")).to_be_in_viewport()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_chat_scrolls_in_the_log_alone_down_to_the_composer(
    site: Site, open_page: OpenPage, tmp_path: Path, width: int
) -> None:
    site.telegram.send_text(1, "long\n" * 300)
    photo = tmp_path / "face.jpg"
    photo.write_bytes(portrait_jpeg())
    page = open_page(viewport={"width": width, "height": 844})
    page.set_input_files("#pick-photo", [photo, photo])
    expect(page.locator("#messages > li.album li")).to_have_count(2)
    wait_until(page, f"{GAP} < 2")
    for box in ("#chat", "body", "html"):  # what overflows these could not be scrolled to
        hidden = f"(box => box.scrollHeight - box.clientHeight)(document.querySelector('{box}'))"
        assert page.evaluate(hidden) == 0, box
    log, composer = (page.locator(name).bounding_box() for name in ("#log", "#composer"))
    assert log is not None
    assert composer is not None
    assert log["y"] + log["height"] == pytest.approx(composer["y"], abs=1)


@pytest.mark.browser
def test_who_scrolls_up_can_jump_back_to_the_end(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "long\n" * 300)
    page = open_page()
    height = page.evaluate("document.querySelector('#log').clientHeight")
    page.locator("#log").press("Home")
    back = page.get_by_role("button", name="Jump to the newest messages")
    expect(back).to_have_text("↓")
    assert page.evaluate("document.querySelector('#log').clientHeight") == height
    site.bot("sendMessage", chat_id=1, text="the newest")
    expect(back).to_have_text("New messages ↓")
    back.click()
    wait_until(page, f"{GAP} < 2")
    expect(back).to_be_hidden()


@pytest.mark.browser
def test_everything_can_be_attached(site: Site, open_page: OpenPage, tmp_path: Path) -> None:
    site.telegram.send_text(1, "/start")
    photo = tmp_path / "face.jpg"
    photo.write_bytes(portrait_jpeg())
    page = open_page()
    page.locator("#attach").press("Enter")
    expect(page.locator("#attach-menu")).to_be_visible()
    expect(page.get_by_role("button", name="Photo or video", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#attach-menu")).to_be_hidden()
    page.locator("#text").fill("my face")
    page.set_input_files("#pick-photo", photo)
    expect(page.locator('li[data-kind="photo"] .text')).to_have_text("my face")
    expect(page.locator("#text")).to_have_value("")
    assert site.last()["caption"] == "my face"
    page.set_input_files("#pick-photo", [photo, photo])
    expect(page.locator('li[data-kind="photo"]')).to_have_count(3)
    assert "media_group_id" in site.last()
    page.set_input_files("#pick-document", photo)
    expect(page.locator('li[data-kind="document"]')).to_contain_text("face.jpg")
    document = site.last()["document"]
    assert document["file_size"] == len(portrait_jpeg())
    assert document["mime_type"] == "image/jpeg"
    wait_until(page, "document.querySelector('[data-kind=document] img').complete")
    wait_until(page, f"{GAP} < 2")
    for kind in ("sticker", "voice", "location"):
        page.locator("#attach").click()
        page.locator(f'#attach-menu [data-attach="{kind}"]').click()
        expect(page.locator(f'li[data-kind="{kind}"]')).to_be_visible()
        assert kind in site.last()
    page.locator("#attach").click()
    page.locator('#attach-menu [data-attach="portrait-sticker"]').click()
    expect(page.locator('li[data-kind="sticker"]')).to_have_count(2)


@pytest.mark.browser
def test_an_album_stands_together_with_its_caption_below(
    site: Site, open_page: OpenPage, tmp_path: Path
) -> None:
    site.telegram.send_text(1, "/start")
    photo = tmp_path / "face.jpg"
    photo.write_bytes(portrait_jpeg())
    clip = tmp_path / "clip.webm"
    clip.write_bytes(film(tmp_path, [blank(64)] * 20, kind=("webm", "VP80")))
    page = open_page()
    page.locator("#text").fill("we three")
    page.set_input_files("#pick-photo", [photo, clip, photo])
    album = page.locator("#messages > li.album")
    expect(album).to_have_count(1)
    expect(album.locator("li[data-message-id]")).to_have_count(3)
    expect(album.locator('li[data-kind="video"] video')).to_be_visible()
    expect(album.locator(".text")).to_have_text("we three")
    expect(album.locator("time:visible")).to_have_count(1)
    wait_until(page, "[...document.querySelectorAll('.album img')].every((i) => i.complete)")
    first, second, third = (
        album.locator(f"li:nth-child({n}) >> css=img, video") for n in (1, 2, 3)
    )
    lower, side, caption = (
        each.bounding_box() for each in (second, third, album.locator(".text"))
    )
    large = first.bounding_box()
    assert large
    assert lower
    assert side
    assert caption
    assert large["width"] > 1.9 * lower["width"]
    assert lower["y"] == side["y"] >= large["y"] + large["height"]
    assert caption["y"] >= side["y"] + side["height"]
    groups = {message["media_group_id"] for message in site.all()}
    assert len(groups) == 1
    for message in site.telegram.chats[1].messages.copy().values():
        if "media_group_id" in message:
            site.telegram.remove(1, message["message_id"])
    expect(album).to_have_count(0)


@pytest.mark.browser
def test_a_video_is_sent_with_its_shape_and_can_be_played(
    site: Site, open_page: OpenPage, tmp_path: Path
) -> None:
    site.telegram.send_text(1, "/start")
    clip = tmp_path / "clip.webm"
    frames = [np.full((48, 64, 3), 90, np.uint8)] * 20
    clip.write_bytes(film(tmp_path, frames, fps=10, kind=("webm", "VP80")))
    page = open_page()
    page.set_input_files("#pick-photo", clip)
    player = page.locator('li[data-from="me"][data-kind="video"] video')
    expect(player).to_be_visible()
    wait_until(page, "document.querySelector('[data-kind=video] video').readyState > 1")
    video = site.last()["video"]
    assert (video["width"], video["height"], video["duration"]) == (64, 48, 2)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    page.set_input_files("#pick-photo", broken)  # goes as a file, as what cannot be shown does
    expect(page.locator('li[data-kind="document"]')).to_contain_text("broken.mp4")


@pytest.mark.browser
def test_a_moving_gif_goes_as_an_animation(
    site: Site, open_page: OpenPage, tmp_path: Path
) -> None:
    site.telegram.send_text(1, "/start")
    gif = tmp_path / "wave.gif"
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(gif, save_all=True, append_images=frames[1:])
    page = open_page()
    page.set_input_files("#pick-photo", gif)
    expect(page.locator('li[data-kind="animation"] img')).to_be_visible()
    message = site.last()
    assert message["animation"]["file_id"] == message["document"]["file_id"]


@pytest.mark.browser
def test_the_sample_video_message_is_filmed_and_sent(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    page = open_page()
    page.locator("#attach").click()
    page.get_by_role("button", name="Sample video message").click()
    note = page.locator('li[data-from="me"][data-kind="video_note"] video')
    expect(note).to_be_visible(timeout=15_000)
    sent = site.last()["video_note"]
    assert (sent["length"], sent["duration"]) == (384, 3)
    stored = site.telegram.files.find(sent["file_id"])
    assert stored is not None
    assert len(sample_frames(stored.data)) >= 3


@pytest.mark.browser
def test_a_video_message_is_recorded_with_the_camera(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    page = open_page(permissions=["camera"])
    page.locator("#attach").click()
    page.get_by_role("button", name="Record a video message").click()
    for again in (True, False):
        page.get_by_role("button", name="Record", exact=True).click()
        page.wait_for_timeout(700)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator("#camera-send")).to_be_focused()
        if again:
            page.get_by_role("button", name="Take another").click()
    page.locator("#camera-send").click()
    expect(page.locator('li[data-kind="video_note"] video')).to_be_visible()
    sent = site.last()["video_note"]
    stored = site.telegram.files.find(sent["file_id"])
    assert stored is not None
    assert len(sample_frames(stored.data)) >= 1


@pytest.mark.browser
def test_a_pasted_picture_is_sent(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    page = open_page()
    page.evaluate(
        """async () => {
            const picture = await (await fetch("/sample/astronaut.jpg")).blob();
            const data = new DataTransfer();
            data.items.add(new File([picture], "pasted.jpg", { type: "image/jpeg" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }"""
    )
    expect(page.locator('li[data-from="me"][data-kind="photo"]')).to_be_visible()


@pytest.mark.browser
def test_a_picture_is_taken_with_the_camera(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    page = open_page(permissions=["camera"])
    page.get_by_role("button", name="Take a picture").click()
    page.get_by_role("button", name="Take picture").click()
    page.get_by_role("button", name="Take another").click()
    page.get_by_role("button", name="Take picture").click()
    page.locator("#camera-send").click()
    expect(page.locator('li[data-from="me"][data-kind="photo"]')).to_be_visible()
    assert site.last()["photo"][-1]["width"] >= 640


@pytest.mark.browser
def test_a_refused_camera_gets_a_kind_sentence(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    page = open_page()
    page.get_by_role("button", name="Take a picture").click()
    expect(page.locator("#camera-message")).to_contain_text("send a photo from a file")
    expect(page.locator("#camera-take")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.locator("#camera")).to_be_hidden()


def playlist(*names: str) -> dict[str, Any]:
    return {
        "id": "p",
        "name": "Mirrortape",
        "description": "twenty songs",
        "url": "/spotify/playlist/p",
        "public": False,
        "tracks": [
            {
                "name": name,
                "artist": "Somebody",
                "duration_ms": 185_000,
                "url": f"https://open.spotify.com/track/{name}",
                "invented": name != "Real",
            }
            for name in names
        ],
    }


@pytest.mark.browser
def test_the_playlists_stand_beside_the_chat(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "/start")
    page = open_page(viewport={"width": 1280, "height": 800})
    panel = page.locator('[data-panel="spotify"]')
    expect(panel).to_contain_text("No playlist yet.")
    site.playlists[:] = [playlist("One", "Two", "Real")]
    site.bot("sendMessage", chat_id=1, text="your playlist")
    tracks = panel.locator("li[data-track]")
    expect(tracks).to_have_count(3)
    expect(tracks.first).to_contain_text("(invented)")
    expect(tracks.first).to_contain_text("3:05")
    expect(tracks.last).not_to_contain_text("(invented)")
    expect(panel.get_by_role("link", name="Open the playlist")).to_have_attribute(
        "href", "/spotify/playlist/p"
    )
    site.playlists[:] = [playlist("Two", "Real", "Three")]
    site.bot("sendMessage", chat_id=1, text="changed")
    expect(panel.locator('[data-change="added"]')).to_have_attribute("data-track", "Three")
    expect(panel.locator(".removed")).to_contain_text("One")


@pytest.mark.browser
def test_a_phone_has_two_tabs_and_no_sideways_scrolling(site: Site, open_page: OpenPage) -> None:
    site.playlists[:] = [playlist("W" * 80)]
    site.telegram.send_text(1, "W" * 200)
    row = ",".join('{"text":"12 👍","callback_data":"x"}' for _ in range(5))
    site.bot(
        "sendMessage", chat_id=1, text="x", reply_markup='{"inline_keyboard":[[' + row + "]]}"
    )
    page = open_page(viewport={"width": 360, "height": 640})
    for name, shown in (("Playlists", "#spotify"), ("Chat", "#chat")):
        page.get_by_role("tab", name=name).click()
        expect(page.locator(shown)).to_be_visible()
        width = page.evaluate(
            "Math.max(...[...document.querySelectorAll('body, #log, #playlists')]"
            ".map(box => box.scrollWidth - box.clientWidth))"
        )
        assert width <= 0
    page.get_by_role("tab", name="Chat").press("ArrowRight")
    expect(page.locator("#spotify")).to_be_visible()


@pytest.mark.browser
def test_two_people_see_only_their_own_chat(site: Site, open_page: OpenPage) -> None:
    site.telegram.send_text(1, "mine")
    site.telegram.send_text(7, "theirs")
    page = open_page(user=7)
    expect(page.locator("#messages > li")).to_have_count(1)
    expect(page.get_by_text("theirs")).to_be_visible()
