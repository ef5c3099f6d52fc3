"""What Telegram refuses, with its own error messages: texts, captions, keyboards, commands."""

import re
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.telegram.entities import utf16_length

Json = dict[str, Any]
"""A JSON object of the Bot API."""

MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_CALLBACK_DATA_BYTES = 64
MAX_BUTTONS = 100
MAX_TOAST = 200

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the "
    "same as a current content and reply markup of the message"
)

_SPACE = re.compile(r"\s")
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")

_REACTIONS = (
    "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 "
    "❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 "
    "👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 "
    "🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡"
)
REACTIONS = frozenset(_REACTIONS.split())
"""The emoji that a bot may react with."""

CHAT_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)


class Refusal(Exception):
    """A request that Telegram refuses.

    Args:
        description: The error message, without the prefix for the code.
        code: The HTTP status, which the body repeats.
    """

    def __init__(self, description: str, code: int = 400) -> None:
        prefix = {400: "Bad Request: ", 403: "Forbidden: ", 409: "Conflict: "}.get(code, "")
        super().__init__(prefix + description)
        self.code = code


def check_text(text: str) -> None:
    """Refuse a message text that is empty or too long."""
    if not text:
        raise Refusal("message text is empty")
    if utf16_length(text) > MAX_TEXT:
        raise Refusal("message is too long")


def check_caption(caption: str) -> None:
    """Refuse a caption that is too long; it may be absent."""
    if utf16_length(caption) > MAX_CAPTION:
        raise Refusal("message caption is too long")


def check_keyboard(markup: object) -> Json | None:
    """Return an inline keyboard as Telegram stores it; None if there is none.

    For reply keyboards see `bot.sandbox.telegram.reply_keyboards`; forced replies are accepted and
    ignored.
    """
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise Refusal("object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refusal('field "inline_keyboard" must be of type Array')
    kept = [[_check_button(button) for button in row] for row in rows if row]
    if sum(len(row) for row in kept) > MAX_BUTTONS:
        raise Refusal("reply markup is too long")
    return {"inline_keyboard": kept} if kept else None


def _check_button(button: object) -> Json:
    if not isinstance(button, dict):
        raise Refusal("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    text, url, data = button.get("text"), button.get("url"), button.get("callback_data")
    if not isinstance(text, str):
        raise Refusal('can\'t parse inline keyboard button: Field "text" must be of type String')
    if not text.strip():
        raise Refusal("inline keyboard button text is empty")
    if url is not None:
        check_url(url, "inline keyboard button URL")
        return {"text": text, "url": url}
    if data is not None:
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= MAX_CALLBACK_DATA_BYTES:
            raise Refusal("BUTTON_DATA_INVALID")
        return {"text": text, "callback_data": data}
    raise Refusal(
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
    )


def check_url(url: object, what: str) -> None:
    """Refuse an invalid URL.

    Telegram also refuses hosts without a dot, such as localhost. They are accepted here, because
    the local Spotify is on this computer.
    """
    if not isinstance(url, str):
        raise Refusal(f"{what} must be of type String")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise Refusal(f"{what} '{url}' is invalid: Wrong HTTP URL") from None
    if parts.scheme not in ("http", "https", "tg"):
        raise Refusal(f"{what} '{url}' is invalid: Unsupported URL protocol")
    if not host or _SPACE.search(url):
        raise Refusal(f"{what} '{url}' is invalid: Wrong HTTP URL")


def check_commands(commands: object) -> list[Json]:
    """Return a command list as Telegram stores it."""
    if not isinstance(commands, list) or not all(isinstance(item, dict) for item in commands):
        raise Refusal("can't parse BotCommands JSON array")
    if len(commands) > 100:
        raise Refusal("BOT_COMMANDS_TOO_MUCH")
    kept = []
    for item in commands:
        command = str(item.get("command", "")).removeprefix("/")
        description = str(item.get("description", ""))
        if not _COMMAND.fullmatch(command):
            raise Refusal("BOT_COMMAND_INVALID")
        if not 1 <= len(description) <= 256:
            raise Refusal("BOT_COMMAND_DESCRIPTION_INVALID")
        kept.append({"command": command, "description": description})
    return kept
