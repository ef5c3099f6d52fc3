import asyncio
import contextlib
import io
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    ReactionTypeEmoji,
    ReplyParameters,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, Conflict, InvalidToken

from bot.sandbox.telegram.call import Call
from bot.sandbox.telegram.entities import UnreadableMarkup, parse_html, trim, utf16_length
from bot.sandbox.telegram.files import FileStore, NotAPhoto, Shape, photo_sizes
from bot.sandbox.telegram.local_chat import LocalChat
from bot.sandbox.telegram.local_telegram import QUERY_LIFETIME_S, ChatRefusal, LocalTelegram
from bot.sandbox.telegram.methods import METHODS
from bot.sandbox.telegram.refusals import Refusal
from bot.sandbox.telegram.reply_keyboards import read_reply_keyboard
from tests.support.telegram.telegram_contract import Contract
from tests.support.web_server import serving

TOKEN = "42:secret"
ME = 7


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Starlette, str]]:
    """One server for all tests, since stopping one takes a while; each test mounts its own."""
    app = Starlette()
    with serving(app) as url:
        yield app, url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telegram(clock: Clock) -> LocalTelegram:
    telegram = LocalTelegram(TOKEN, clock)
    telegram.send_text(ME, "/start")
    return telegram


@pytest.fixture
def url(telegram: LocalTelegram, server: tuple[Starlette, str]) -> Iterator[str]:
    app, url = server
    app.router.routes[:] = [Mount("/telegram", routes=telegram.routes())]
    yield f"{url}/telegram"
    telegram.close()


Use = Callable[[Callable[[Bot], Awaitable[Any]]], Any]


@pytest.fixture
def use(url: str) -> Use:
    """Returns a function that runs a coroutine with a real client connected to the server."""

    def run(work: Callable[[Bot], Awaitable[Any]]) -> Any:
        async def connected() -> Any:
            async with Bot(TOKEN, base_url=f"{url}/bot", base_file_url=f"{url}/file/bot") as bot:
                return await work(bot)

        return asyncio.run(connected())

    return run


def photo(width: int = 640, height: int = 480, kind: str = "JPEG", **options: Any) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(data, kind, **options)
    return data.getvalue()


def keyboard(data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("👍", callback_data=data)]])


# -- updates --


def test_updates_wait_until_an_offset_acknowledges_them(use: Use, telegram: LocalTelegram) -> None:
    telegram.send_text(ME, "hello")

    async def work(bot: Bot) -> None:
        first = await bot.get_updates()
        assert [update.message.text for update in first if update.message] == ["/start", "hello"]
        again = await bot.get_updates(offset=first[0].update_id + 1)
        assert [update.update_id for update in again] == [first[1].update_id]
        assert len(await bot.get_updates(limit=1)) == 1
        assert await bot.get_updates(offset=again[0].update_id + 1) == ()
        assert await bot.get_updates() == ()

    use(work)


def test_a_command_is_marked_as_one(use: Use) -> None:
    async def work(bot: Bot) -> None:
        (update,) = await bot.get_updates()
        assert update.message is not None
        (entity,) = update.message.entities
        assert (entity.type, entity.offset, entity.length) == ("bot_command", 0, 6)

    use(work)


def test_a_long_poll_ends_as_soon_as_something_comes(use: Use, telegram: LocalTelegram) -> None:
    async def work(bot: Bot) -> None:
        (start,) = await bot.get_updates()
        poll = asyncio.create_task(bot.get_updates(offset=start.update_id + 1, timeout=20))
        await asyncio.sleep(0.2)
        assert not poll.done()
        await asyncio.to_thread(telegram.send_text, ME, "hello")
        (update,) = await asyncio.wait_for(poll, 2)
        assert update.message is not None
        assert update.message.text == "hello"

    use(work)


def test_a_second_poller_ends_the_first(use: Use, url: str) -> None:
    async def work(bot: Bot) -> None:
        first = asyncio.create_task(bot.get_updates(offset=2, timeout=20))
        await asyncio.sleep(0.2)
        second = await asyncio.to_thread(httpx.get, f"{url}/bot{TOKEN}/getUpdates?offset=2")
        assert second.json() == {"ok": True, "result": []}
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await asyncio.wait_for(first, 2)

    use(work)


def test_only_allowed_updates_come(use: Use, telegram: LocalTelegram) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_message(ME, "press", reply_markup=keyboard("x"))
        await bot.get_updates(offset=2, allowed_updates=["callback_query"])
        telegram.send_text(ME, "not wanted")
        telegram.press(ME, sent.message_id, "x")
        (update,) = await bot.get_updates()
        assert update.callback_query is not None
        assert update.callback_query.data == "x"

    use(work)


# -- texts --


def test_html_becomes_entities_in_utf16(use: Use) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_message(
            ME,
            " 😀 <b>bold</b> &lt;3 <a href='https://a.b/?x=1&amp;y=2'>link</a> /help "
            '<pre><code class="language-py">1 &lt; 2</code></pre>'
            "<blockquote expandable>quiet</blockquote>",
            parse_mode=ParseMode.HTML,
        )
        assert sent.text == "😀 bold <3 link /help 1 < 2quiet"
        assert [(e.type, sent.parse_entity(e)) for e in sent.entities] == [
            ("bold", "bold"),
            ("text_link", "link"),
            ("bot_command", "/help"),
            ("pre", "1 < 2"),
            ("expandable_blockquote", "quiet"),
        ]
        assert sent.entities[0].offset == 3
        assert sent.entities[1].url == "https://a.b/?x=1&y=2"
        assert sent.entities[3].language == "py"

    use(work)


@pytest.mark.parametrize(
    ("html", "sentence"),
    [
        ("1 < 2", "Unclosed start tag at byte offset 2"),
        ("<p>x</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("é<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<span>x</span>", 'Unsupported start tag "span" at byte offset 0'),
    ],
)
def test_bad_html_is_refused_in_telegrams_words(html: str, sentence: str) -> None:
    with pytest.raises(UnreadableMarkup) as caught:
        parse_html(html)
    assert str(caught.value) == sentence


@given(st.text(alphabet="ab😀é \n&<>", max_size=30))
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain, entities = parse_html(f"x<i>{escaped}</i>")
    assert plain == f"x{text}"
    assert [entity["length"] for entity in entities] == ([utf16_length(text)] if text else [])


@given(st.text(alphabet=" a😀", max_size=12), st.data())
def test_trimming_keeps_what_an_entity_marks(text: str, data: st.DataObject) -> None:
    units = text.encode("utf-16-le")
    bounds = [utf16_length(text[:index]) for index in range(len(text) + 1)]
    start, stop = sorted((data.draw(st.sampled_from(bounds)), data.draw(st.sampled_from(bounds))))
    plain, entities = trim(text, [{"type": "bold", "offset": start, "length": stop - start}])
    marked = units[2 * start : 2 * stop].decode("utf-16-le")
    kept = plain.encode("utf-16-le")
    for entity in entities:
        end = entity["offset"] + entity["length"]
        assert kept[2 * entity["offset"] : 2 * end].decode("utf-16-le") in marked
    assert bool(entities) == bool(marked.strip()) or not plain or marked.isspace()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Message text is empty"),
        (" \n ", "Message text is empty"),
        ("<b></b>", "Message text is empty"),
        ("x" * 4097, "Message is too long"),
        ("😀" * 2049, "Message is too long"),
        ("<p>", "Can't parse entities: unsupported start tag"),
    ],
)
def test_texts_that_telegram_refuses(use: Use, text: str, sentence: str) -> None:
    async def work(bot: Bot) -> None:
        with pytest.raises(BadRequest) as caught:
            await bot.send_message(ME, text, parse_mode=ParseMode.HTML)
        assert str(caught.value).lower().startswith(sentence.lower())

    use(work)


def test_who_never_wrote_cannot_be_written_to(use: Use) -> None:
    async def work(bot: Bot) -> None:
        for chat_id in (8, "@somebody"):
            with pytest.raises(BadRequest, match="Chat not found"):
                await bot.send_message(chat_id, "hello")

    use(work)


def test_a_reply_shows_what_it_replies_to(use: Use) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_message(ME, "yes", reply_parameters=ReplyParameters(1))
        assert sent.reply_to_message is not None
        assert sent.reply_to_message.text == "/start"
        with pytest.raises(BadRequest, match="Message to be replied not found"):
            await bot.send_message(ME, "yes", reply_parameters=ReplyParameters(99))
        optional = ReplyParameters(99, allow_sending_without_reply=True)
        assert (await bot.send_message(ME, "yes", reply_parameters=optional)).text == "yes"

    use(work)


# -- editing --


def test_edits_change_the_message_in_place(use: Use, telegram: LocalTelegram) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_message(ME, "one", reply_markup=keyboard("x"))
        edited = await bot.edit_message_text("<i>two</i>", ME, sent.message_id, parse_mode="HTML")
        assert not isinstance(edited, bool)
        assert edited.message_id == sent.message_id
        assert edited.text == "two"
        assert edited.reply_markup is None, "a keyboard that is not given again goes"
        assert edited.edit_date is not None
        await bot.edit_message_reply_markup(ME, sent.message_id, reply_markup=keyboard("y"))
        shown = telegram.chat(ME).messages[sent.message_id]
        assert shown["text"] == "two"
        assert shown["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "y"
        assert await bot.delete_message(ME, sent.message_id)
        assert sent.message_id not in telegram.chat(ME).messages

    use(work)


def test_edits_that_telegram_refuses(use: Use) -> None:
    async def work(bot: Bot) -> None:
        text = await bot.send_message(ME, "one", reply_markup=keyboard("x"))
        picture = await bot.send_photo(ME, photo())
        refused: list[tuple[Awaitable[Any], str]] = [
            (
                bot.edit_message_text("one", ME, text.message_id, reply_markup=keyboard("x")),
                "Message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message",
            ),
            (bot.edit_message_text("two", ME, 999), "Message to edit not found"),
            (bot.edit_message_text("two", ME, 1), "Message can't be edited"),
            (
                bot.edit_message_text("two", ME, picture.message_id),
                "There is no text in the message to edit",
            ),
            (
                bot.edit_message_caption(ME, text.message_id, caption="x"),
                "There is no caption in the message to edit",
            ),
            (
                bot.edit_message_caption(ME, picture.message_id, caption="x" * 1025),
                "Message caption is too long",
            ),
            (bot.delete_message(ME, 999), "Message to delete not found"),
            (bot.set_message_reaction(ME, 999, "👍"), "Message to react not found"),
            (bot.set_message_reaction(ME, 1, "🧀"), "Reaction_invalid"),
        ]
        for request, sentence in refused:
            with pytest.raises(BadRequest) as caught:
                await request
            assert str(caught.value) == sentence

    use(work)


def test_a_picture_and_its_caption_can_be_replaced(use: Use, telegram: LocalTelegram) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_photo(ME, photo(), caption="one", reply_markup=keyboard("x"))
        await bot.edit_message_caption(ME, sent.message_id, caption="two")
        assert telegram.chat(ME).messages[sent.message_id]["caption"] == "two"
        media = InputMediaPhoto(photo(300, 300), caption="<b>three</b>", parse_mode="HTML")
        edited = await bot.edit_message_media(media, ME, sent.message_id)
        assert not isinstance(edited, bool)
        assert edited.photo[-1].width == 300
        assert edited.caption == "three"
        assert edited.caption_entities[0].type == "bold"
        status = await bot.send_message(ME, "<i>Looking</i>", parse_mode="HTML")
        became = await bot.edit_message_media(media, ME, status.message_id)
        assert not isinstance(became, bool)
        assert (became.message_id, became.text, became.entities) == (status.message_id, None, ())
        assert became.caption == "three"

    use(work)


# -- buttons --


def test_a_pressed_button_reaches_the_bot_and_its_answer_the_page(
    use: Use, telegram: LocalTelegram, clock: Clock
) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_message(ME, "press", reply_markup=keyboard("like:3"))
        query_id = telegram.press(ME, sent.message_id, "like:3")
        update = (await bot.get_updates())[-1]
        assert update.callback_query is not None
        assert update.callback_query.id == query_id
        assert update.callback_query.message == sent
        await update.callback_query.answer("Noted", show_alert=True)
        news = await telegram.news(ME, "", 0)
        assert news["answers"] == [
            {"query_id": query_id, "text": "Noted", "alert": True, "url": ""}
        ]
        clock.now += timedelta(seconds=QUERY_LIFETIME_S + 1)
        for unknown in (query_id, "0"):
            with pytest.raises(BadRequest, match="Query is too old and response timeout expired"):
                await bot.answer_callback_query(unknown)

    use(work)


def test_only_buttons_that_are_there_can_be_pressed(use: Use, telegram: LocalTelegram) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_message(ME, "press", reply_markup=keyboard("x"))
        telegram.send_text(8, "/start")
        for user, message_id, data in [(ME, sent.message_id, "y"), (8, sent.message_id, "x")]:
            with pytest.raises(ChatRefusal):
                telegram.press(user, message_id, data)

    use(work)


@pytest.mark.parametrize(
    ("button", "sentence"),
    [
        (InlineKeyboardButton("x", callback_data="é" * 33), "Button_data_invalid"),
        (InlineKeyboardButton(" ", callback_data="x"), "Inline keyboard button text is empty"),
        (
            InlineKeyboardButton("x", url="javascript:alert(1)"),
            "Inline keyboard button url 'javascript:alert(1)' is invalid: "
            "unsupported url protocol",
        ),
        (
            InlineKeyboardButton("x", url="http://"),
            "Inline keyboard button url 'http://' is invalid: wrong http url",
        ),
    ],
)
def test_buttons_that_telegram_refuses(
    use: Use, button: InlineKeyboardButton, sentence: str
) -> None:
    async def work(bot: Bot) -> None:
        with pytest.raises(BadRequest) as caught:
            await bot.send_message(ME, "x", reply_markup=InlineKeyboardMarkup([[button]]))
        assert str(caught.value).lower() == sentence.lower()

    use(work)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("x", 'field "keyboard" must be of type Array'),
        (["x"], 'field "keyboard" must be of type Array'),
        ([[3]], "can't parse keyboard button: KeyboardButton must be an Object"),
        ([[{}]], 'can\'t parse keyboard button: Field "text" must be of type String'),
        ([[" "]], "keyboard button text is empty"),
        ([["x"] * 101], "reply markup is too long"),
    ],
)
def test_reply_keyboards_that_make_no_sense_are_refused(rows: object, sentence: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_reply_keyboard({"keyboard": rows})
    assert str(caught.value) == f"Bad Request: {sentence}"


def test_64_bytes_and_links_to_this_computer_pass(use: Use) -> None:
    async def work(bot: Bot) -> None:
        markup = InlineKeyboardMarkup(
            [
                [InlineKeyboardButton("x", callback_data="é" * 32)],
                [InlineKeyboardButton("y", url="http://127.0.0.1:8765/spotify")],
            ]
        )
        assert (await bot.send_message(ME, "x", reply_markup=markup)).reply_markup == markup

    use(work)


# -- files --


def test_a_photo_arrives_in_sizes_without_its_metadata(use: Use, telegram: LocalTelegram) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Camera of somebody"
    telegram.send_photo(ME, photo(2000, 1000, exif=exif), caption=" my face ")

    async def work(bot: Bot) -> None:
        message = (await bot.get_updates())[-1].message
        assert message is not None
        assert message.caption == "my face"
        shapes = [(size.width, size.height) for size in message.photo]
        assert shapes == [(45, 90), (160, 320), (400, 800), (640, 1280)]
        file = await bot.get_file(message.photo[-1])
        data = bytes(await file.download_as_bytearray())
        assert len(data) == file.file_size
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (640, 1280)
            assert not image.getexif()

    use(work)


def test_a_document_keeps_its_bytes_name_and_type(use: Use, telegram: LocalTelegram) -> None:
    telegram.send_document(ME, b"\x00 anything", "notes.heic", "image/heic")

    async def work(bot: Bot) -> None:
        message = (await bot.get_updates())[-1].message
        assert message is not None
        assert message.document is not None
        assert message.document.file_name == "notes.heic"
        assert message.document.mime_type == "image/heic"
        file = await bot.get_file(message.document)
        assert bytes(await file.download_as_bytearray()) == b"\x00 anything"

    use(work)


def test_what_is_no_photo_goes_as_a_file(telegram: LocalTelegram) -> None:
    assert "document" in telegram.send_photo(ME, b"not a picture")
    assert "document" in telegram.send_photo(ME, photo(9000, 1100, "PNG"))


def test_files_over_20_mb_cannot_be_fetched(use: Use, telegram: LocalTelegram) -> None:
    sent = telegram.send_document(ME, bytes(20 * 1024 * 1024 + 1), "large.jpg", "image/jpeg")

    async def work(bot: Bot) -> None:
        with pytest.raises(BadRequest, match="File is too big"):
            await bot.get_file(sent["document"]["file_id"])
        with pytest.raises(BadRequest, match="Wrong file_id"):
            await bot.get_file("nothing")

    use(work)


def test_a_photo_can_be_sent_again_by_its_id(use: Use) -> None:
    async def work(bot: Bot) -> None:
        sent = await bot.send_photo(ME, photo())
        again = await bot.send_photo(ME, sent.photo[0].file_id, caption="again")
        assert again.photo == sent.photo
        document = await bot.send_document(ME, b"x", filename="x.txt")
        assert document.document is not None
        file_id = document.document.file_id
        assert (await bot.send_document(ME, file_id)).document == document.document
        for wrong in (file_id, "nothing", "https://example.org/x.jpg"):
            with pytest.raises(BadRequest):
                await bot.send_photo(ME, wrong)

    use(work)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"no picture", "Image_process_failed"),
        (photo(9000, 1100, "PNG"), "Photo_invalid_dimensions"),
        (photo(2100, 100, "PNG"), "Photo_invalid_dimensions"),
        (b"", "File must be non-empty"),
        (bytes(10 * 1024 * 1024 + 1), "File of size 10485761 bytes is too big for a photo; "),
    ],
)
def test_photos_that_telegram_refuses(use: Use, data: bytes, sentence: str) -> None:
    async def work(bot: Bot) -> None:
        with pytest.raises(BadRequest) as caught:
            await bot.send_photo(ME, data)
        assert str(caught.value).startswith(sentence)

    use(work)


def test_an_album_is_sent_and_received_as_one(use: Use, telegram: LocalTelegram) -> None:
    file = (photo(), "a.jpg", "image/jpeg")
    telegram.send_album(ME, [file, file], "two")

    async def work(bot: Bot) -> None:
        updates = await bot.get_updates(offset=2)
        received = [update.message for update in updates if update.message]
        assert [message.caption for message in received] == ["two", None]
        assert len({message.media_group_id for message in received}) == 1
        sent = await bot.send_media_group(
            ME,
            [InputMediaPhoto(photo()), InputMediaPhoto(photo())],
            caption="<b>x</b>",
            parse_mode="HTML",
        )
        assert [message.caption for message in sent] == ["x", None]
        assert len({message.media_group_id for message in sent}) == 1
        files = await bot.send_media_group(
            ME, [InputMediaDocument(b"a", filename="a.txt"), InputMediaDocument(b"b")]
        )
        assert files[0].document is not None
        assert files[0].document.file_name == "a.txt"

    use(work)


def test_the_oldest_files_are_dropped_first() -> None:
    store = FileStore(limit_bytes=10)
    first, second = (store.add(bytes(6), "documents", "x", "text/plain") for _ in range(2))
    assert store.find(first.file_id) is None
    assert store.find(second.file_id) is second
    assert store.find_path(second.path) is second


def test_odd_pictures_are_decoded_or_refused_cleanly(data_dir: Path) -> None:
    kinds = {"photo": 0, "refused": 0}
    files = sorted(path for path in (data_dir / "badimages").iterdir() if path.is_file())
    for path in files[::5]:  # a fifth of them, spread over all kinds
        try:
            sizes = photo_sizes(path.read_bytes())
        except NotAPhoto:
            kinds["refused"] += 1
        else:
            kinds["photo"] += 1
            assert max(sizes[-1].width, sizes[-1].height) <= 1280
    assert min(kinds.values()) > 0


# -- the rest --


LEAVES = st.sampled_from([None, True, -1, 0, 1, 2, 7, "", "x", "photo", "<b>", "7", "👍"])
OBJECTS = [
    ("command", "description"),
    ("type", "media"),
    ("type", "emoji"),
    ("text", "url"),
    ("text", "callback_data"),
    ("inline_keyboard",),
    ("type", "offset", "length"),
    ("message_id",),
]


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = [st.fixed_dictionaries(dict.fromkeys(keys, LEAVES | inner)) for keys in OBJECTS]
    return st.lists(inner, max_size=3) | st.one_of(objects)


JSON = st.recursive(LEAVES, _larger, max_leaves=6)
FIELDS = (
    "text caption parse_mode entities reply_markup reply_parameters link_preview_options photo "
    "media document commands scope reaction action message_id file_id callback_query_id name"
)


@given(
    method=st.sampled_from(sorted(METHODS)),
    fields=st.dictionaries(st.sampled_from(FIELDS.split()), JSON, max_size=6),
)
def test_whatever_comes_is_answered_or_refused(method: str, fields: dict[str, Any]) -> None:
    telegram = LocalTelegram(TOKEN, Clock())
    telegram.send_text(ME, "/start")
    telegram.post(ME, {"text": "x"})
    with contextlib.suppress(Refusal):
        result = METHODS[method](telegram, Call({"chat_id": ME, **fields}))
        json.dumps(result, allow_nan=False)
    telegram.close()


def test_updates_are_delivered_to_a_webhook_one_by_one_until_each_is_taken(
    use: Use, telegram: LocalTelegram, server: tuple[Starlette, str]
) -> None:
    app, url = server
    came: list[tuple[int, str, str]] = []

    async def take(request: Request) -> Response:
        update = await request.json()
        secret = request.headers["X-Telegram-Bot-Api-Secret-Token"]
        came.append((update["update_id"], update["message"]["text"], secret))
        return Response(status_code=503 if len(came) < 3 else 200)

    app.router.routes.append(Route("/hook", take, methods=["POST"]))
    telegram.leads_to["https://bot.example"] = url

    async def work(bot: Bot) -> None:
        await bot.set_webhook("https://bot.example/hook", secret_token="a-secret")
        telegram.send_text(ME, "hello")
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        async with asyncio.timeout(10):
            while telegram.updates:
                await asyncio.sleep(0.02)
        info = await bot.get_webhook_info()
        assert info.url == "https://bot.example/hook"
        assert (
            info.last_error_message == "Wrong response from the webhook: 503 Service Unavailable"
        )
        await bot.delete_webhook()
        telegram.send_text(ME, "fetch me")
        assert [update.message.text for update in await bot.get_updates()] == ["fetch me"]

    use(work)
    assert came == [(1, "/start", "a-secret")] * 3 + [(2, "hello", "a-secret")]


def test_commands_profile_actions_and_reactions(
    use: Use, telegram: LocalTelegram, clock: Clock
) -> None:
    async def work(bot: Bot) -> None:
        assert bot.username == "mirrortape_local_bot"
        assert bot.id == 42
        await bot.delete_webhook()
        assert (await bot.get_webhook_info()).url == ""
        with pytest.raises(BadRequest, match="Bad webhook"):
            await bot.set_webhook("http://example.org")
        await bot.set_my_commands([("mood", "A playlist for a mood"), ("help", "What I can do")])
        assert [c.command for c in await bot.get_my_commands()] == ["mood", "help"]
        with pytest.raises(BadRequest):
            await bot.set_my_commands([("Two words", "x")])
        await bot.set_my_description("A selfie in, a mixtape out.")
        assert (await bot.get_my_description()).description == "A selfie in, a mixtape out."
        await bot.set_message_reaction(ME, 1, ReactionTypeEmoji("👀"))
        await bot.send_chat_action(ME, "upload_photo")
        news = await telegram.news(ME, "", 0)
        assert news["action"] == {"kind": "upload_photo", "seconds": 5.0}
        assert news["messages"][0]["reactions"] == ["👀"]
        assert news["bot"]["commands"][0]["command"] == "mood"
        clock.now += timedelta(seconds=6)
        assert (await telegram.news(ME, "", 0))["action"] is None

    use(work)


def test_requests_in_every_encoding(url: str) -> None:
    fields = {"chat_id": str(ME), "text": "hello"}
    address = f"{url}/bot{TOKEN}/SENDmessage"
    with httpx.Client() as client:
        for answer in (
            client.get(address, params=fields),
            client.post(address, data=fields),
            client.post(address, json={"chat_id": ME, "text": "hello"}),
            client.post(address, data=fields, files={"unused": b"x"}),
        ):
            assert answer.json()["result"]["text"] == "hello"
        for refused in (
            client.post(address, content="{", headers={"content-type": "application/json"}),
            client.post(address, json=["chat_id"]),
            client.post(address, json={"chat_id": ME, "text": "x", "reply_markup": "{"}),
            client.post(address, json={"chat_id": ME, "text": "x", "reply_markup": 3}),
            client.post(
                address,
                content=rb'{"chat_id": 7, "text": "x\ud83d"}',
                headers={"content-type": "application/json"},
            ),
            client.post(address, data=fields | {"link_preview_options": '{"url": NaN}'}),
            client.post(address, content="x", headers={"content-type": "multipart/form-data"}),
        ):
            assert refused.status_code == 400
            assert refused.json()["error_code"] == 400


def test_wrong_tokens_methods_and_sizes(url: str) -> None:
    async def stranger() -> None:
        with pytest.raises(InvalidToken):
            async with Bot("42:wrong", base_url=f"{url}/bot"):
                pass

    asyncio.run(stranger())
    with httpx.Client() as client:
        assert client.get(f"{url}/bot42:wrong/getMe").json() == {
            "ok": False,
            "error_code": 401,
            "description": "Unauthorized",
        }
        assert client.get(f"{url}/bot{TOKEN}/getTea").json() == {
            "ok": False,
            "error_code": 404,
            "description": "Not Found",
        }
        assert client.get(f"{url}/file/bot42:wrong/photos/file_0.jpg").status_code == 401
        assert client.get(f"{url}/file/bot{TOKEN}/photos/../x").status_code == 404
        large = client.post(f"{url}/bot{TOKEN}/sendDocument", content=bytes(53 * 1024 * 1024))
        assert large.json()["description"] == "Request Entity Too Large"


async def test_chats_are_kept_apart(telegram: LocalTelegram) -> None:
    telegram.send_text(8, "mine")
    mine = await telegram.news(8, "", 0)
    assert [entry["message"]["text"] for entry in mine["messages"]] == ["mine"]
    theirs = await telegram.news(ME, "", 0)
    assert [entry["message"]["text"] for entry in theirs["messages"]] == ["/start"]


async def test_a_page_that_knows_a_cursor_gets_only_what_changed(telegram: LocalTelegram) -> None:
    known = await telegram.news(ME, "", 0)
    assert known["reset"] is True
    assert (await telegram.news(ME, known["cursor"], 0))["messages"] == []
    status = telegram.post(ME, {"text": "reading"})
    telegram.edit(ME, status["message_id"], lambda message: {**message, "text": "done"})
    news = await telegram.news(ME, known["cursor"], 0)
    assert [entry["message"]["text"] for entry in news["messages"]] == ["done"]
    assert news["reset"] is False
    telegram.remove(ME, status["message_id"])
    after = await telegram.news(ME, known["cursor"], 0)
    assert (after["messages"], after["deleted"]) == ([], [status["message_id"]])
    restarted = LocalTelegram(TOKEN, Clock())
    assert (await restarted.news(ME, known["cursor"], 0))["reset"] is True


def test_a_page_that_missed_too_many_deletions_starts_afresh() -> None:
    chat = LocalChat({"id": 1, "is_bot": False, "first_name": "Robin"})
    chat.put({"message_id": 1, "from": {"is_bot": True}})
    known = chat.revision
    for message_id in range(2, 1100):
        chat.put({"message_id": message_id, "from": {"is_bot": True}})
        chat.remove(message_id)
    assert chat.news(known, 0.0)["reset"] is True
    assert chat.news(chat.revision - 2, 0.0)["reset"] is False


# -- shapes --


def test_objects_have_the_shapes_of_the_contract(bot_api: Contract, url: str) -> None:
    telegram_url = f"{url}/bot{TOKEN}"
    markup = json.dumps({"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]})
    with httpx.Client() as client:

        def ask(method: str, files: Any = None, **fields: Any) -> Any:
            answer = client.post(f"{telegram_url}/{method}", data=fields, files=files).json()
            assert answer["ok"], answer
            kinds = bot_api.methods[method]["returns"]
            assert list(bot_api.value_problems(answer["result"], kinds, method)) == []
            return answer["result"]

        text = {"chat_id": ME, "text": "<b>x</b> /help https://a.b", "parse_mode": "HTML"}
        ask("getMe")
        ask("getWebhookInfo")
        sent = ask("sendMessage", **text, reply_markup=markup, reply_parameters='{"message_id":1}')
        picture = ask("sendPhoto", files={"photo": photo()}, chat_id=ME, caption="x")
        ask("sendDocument", files={"document": b"x"}, chat_id=ME)
        group = json.dumps([{"type": "photo", "media": "attach://a"}] * 2)
        ask("sendMediaGroup", files={"a": photo()}, chat_id=ME, media=group)
        ask("editMessageText", chat_id=ME, message_id=sent["message_id"], text="y")
        ask("getFile", file_id=picture["photo"][0]["file_id"])
        ask("setMyCommands", commands='[{"command":"help","description":"x"}]')
        ask("getMyCommands")
        ask("getMyName")
        ask("getMyDescription")
        ask("getMyShortDescription")
        ask("sendChatAction", chat_id=ME, action="typing")
        ask("getUpdates")
        ask("setWebhook", url="https://127.0.0.1:1/hook", secret_token="a-secret")
        while "last_error_date" not in ask("getWebhookInfo"):
            time.sleep(0.01)
        ask("deleteWebhook")


def moving_gif() -> bytes:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    return gif.getvalue()


def test_everything_people_send_has_the_shape_of_the_contract(
    bot_api: Contract, telegram: LocalTelegram, url: str
) -> None:
    telegram.send_sticker(ME, b"webp", "👍")
    telegram.send_voice(ME, b"wav", "audio/wav", 1)
    telegram.send_location(ME, 41.9, 12.5)
    telegram.send_document(ME, b"x", "x.txt", "text/plain", "caption")
    telegram.send_album(ME, [(photo(), "a.jpg", "image/jpeg")] * 2)
    shape = Shape(64, 48, 2)
    telegram.send_album(
        ME, [(b"webm", "a.webm", "video/webm"), (photo(), "a.jpg", "")], "x", [shape]
    )
    telegram.send_video_note(ME, b"webm", "video/webm", shape)
    telegram.send_album(ME, [(moving_gif(), "a.gif", "image/gif"), (photo(), "a.jpg", "")])
    sent = telegram.post(ME, {"text": "x", "reply_markup": keyboard("x").to_dict()})
    telegram.press(ME, sent["message_id"], "x")
    allowed = {"allowed_updates": '["message", "callback_query", "message_reaction"]'}
    httpx.get(f"{url}/bot{TOKEN}/getUpdates", params=allowed)
    telegram.react_to(ME, sent["message_id"], "👍")
    updates = httpx.get(f"{url}/bot{TOKEN}/getUpdates").json()["result"]
    assert len(updates) == 14
    kinds = ("video", "video_note", "animation")
    assert all(any(kind in update.get("message", {}) for update in updates) for kind in kinds)
    for update in updates:
        assert list(bot_api.value_problems(update, ["Update"], "update")) == []


def test_a_persons_reaction_reaches_a_bot_that_asked_for_it(
    use: Use, telegram: LocalTelegram
) -> None:
    sent = telegram.post(ME, {"text": "x"})["message_id"]
    for emoji in ("👍", "👍", "👎", ""):
        telegram.react_to(ME, sent, emoji)

    async def work(bot: Bot) -> None:
        (start,) = await bot.get_updates()  # reactions only come on wish
        assert start.message is not None
        await bot.get_updates(start.update_id + 1, allowed_updates=["message_reaction"])
        for emoji in ("🔥", "🔥", "👎", ""):
            telegram.react_to(ME, sent, emoji)
        changes = [update.message_reaction for update in await bot.get_updates()]
        told = [
            (
                [r.to_dict()["emoji"] for r in c.old_reaction],
                [r.to_dict()["emoji"] for r in c.new_reaction],
            )
            for c in changes
            if c is not None
        ]
        assert told == [([], ["🔥"]), (["🔥"], ["👎"]), (["👎"], [])]
        assert {c.message_id for c in changes if c} == {sent}

    use(work)
    for message_id, emoji in ((sent, "🧀"), (999, "👍")):
        with pytest.raises(ChatRefusal):
            telegram.react_to(ME, message_id, emoji)


def test_people_cannot_send_nothing_or_too_much(telegram: LocalTelegram) -> None:
    for text in ("", "  ", "x" * 4097):
        with pytest.raises(ChatRefusal):
            telegram.send_text(ME, text)
    with pytest.raises(ChatRefusal):
        telegram.send_photo(ME, photo(), caption="x" * 1025)
