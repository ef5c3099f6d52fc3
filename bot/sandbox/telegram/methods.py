"""The methods of the Bot API that the local Telegram supports, by name.

https://core.telegram.org/bots/api#available-methods; getUpdates waits, so it is in
`bot.sandbox.telegram.routes`.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any

from bot.sandbox.telegram.call import Call
from bot.sandbox.telegram.files import MAX_DOWNLOAD_BYTES
from bot.sandbox.telegram.media import media_content
from bot.sandbox.telegram.refusals import (
    CHAT_ACTIONS,
    MAX_TOAST,
    REACTIONS,
    Json,
    Refusal,
    check_caption,
    check_commands,
    check_text,
    check_url,
)
from bot.sandbox.telegram.reply_keyboards import read_reply_keyboard
from bot.sandbox.telegram.state import TelegramState
from bot.sandbox.telegram.webhook import check_webhook_url

Method = Callable[[TelegramState, Call], Any]

_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")


# -- about the bot --


def _get_me(telegram: TelegramState, call: Call) -> Json:
    abilities = (
        "can_join_groups can_read_all_group_messages supports_inline_queries "
        "can_connect_to_business has_main_web_app has_topics_enabled"
    )
    return telegram.bot_user | dict.fromkeys(abilities.split(), False)


def _set_webhook(telegram: TelegramState, call: Call) -> bool:
    url = call.text("url")
    if not url:
        return _delete_webhook(telegram, call)
    check_webhook_url(url)
    secret = call.text("secret_token")
    if not _SECRET.fullmatch(secret):
        raise Refusal("secret token contains unallowed characters")
    if call.flag("drop_pending_updates"):
        telegram.updates.clear()
    telegram.deliver_to(url, secret, call.parsed("allowed_updates"))
    return True


def _delete_webhook(telegram: TelegramState, call: Call) -> bool:
    if call.flag("drop_pending_updates"):
        telegram.updates.clear()
    telegram.deliver_to("", "", None)
    return True


def _get_webhook_info(telegram: TelegramState, call: Call) -> Json:
    waiting = len(telegram.updates)
    about = telegram.delivering.info() if telegram.delivering else {"url": ""}
    return about | {"has_custom_certificate": False, "pending_update_count": waiting}


def _set_my_commands(telegram: TelegramState, call: Call) -> bool:
    commands = check_commands(call.parsed("commands"))
    telegram.set_commands(call.parsed("scope"), call.text("language_code"), commands)
    return True


def _delete_my_commands(telegram: TelegramState, call: Call) -> bool:
    telegram.set_commands(call.parsed("scope"), call.text("language_code"), [])
    return True


def _get_my_commands(telegram: TelegramState, call: Call) -> list[Json]:
    return telegram.commands(call.parsed("scope"), call.text("language_code"))


def _profile_setter(name: str, limit: int) -> Method:
    def set_text(telegram: TelegramState, call: Call) -> bool:
        text = call.text(name)
        if len(text) > limit:
            raise Refusal(f"{name} is too long")
        if text or name != "name":  # the name cannot be taken away
            telegram.describe(**{name: text})
        return True

    return set_text


def _profile_getter(name: str) -> Method:
    return lambda telegram, call: {name: telegram.profile[name]}


# -- sending --


def _post(telegram: TelegramState, call: Call, content: Json) -> Json:
    chat_id = call.chat_id()
    reply_to, is_optional = call.reply_to()
    if reply_to and not is_optional and reply_to not in telegram.chat(chat_id).messages:
        raise Refusal("message to be replied not found")
    offered = read_reply_keyboard(call.parsed("reply_markup"))
    message = telegram.post(chat_id, content, reply_to)
    if offered is not None:
        telegram.offer(chat_id, offered)
    return message


def _text_content(call: Call) -> Json:
    text, entities = call.formatted("text", "entities")
    check_text(text)
    content: Json = {"text": text} | ({"entities": entities} if entities else {})
    if options := call.parsed("link_preview_options"):
        content["link_preview_options"] = options
    return content


def _caption_content(call: Call) -> Json:
    caption, entities = call.formatted("caption", "caption_entities")
    check_caption(caption)
    content: Json = {"caption": caption} if caption else {}
    if entities:
        content["caption_entities"] = entities
    if call.flag("show_caption_above_media"):
        content["show_caption_above_media"] = True
    return content


def _send_message(telegram: TelegramState, call: Call) -> Json:
    return _post(telegram, call, _text_content(call) | call.keyboard())


def _media_sender(kind: str) -> Method:
    def send(telegram: TelegramState, call: Call) -> Json:
        telegram.chat(call.chat_id())  # before a file is kept that nobody would see
        caption = _caption_content(call)
        media = media_content(telegram.files, call, kind, kind)
        return _post(telegram, call, media | caption | call.keyboard())

    return send


def _send_media_group(telegram: TelegramState, call: Call) -> list[Json]:
    telegram.chat(call.chat_id())
    media = call.parsed("media")
    if not isinstance(media, list) or not all(isinstance(item, dict) for item in media):
        raise Refusal("can't parse media JSON object")
    if not media:
        raise Refusal("there are no media messages to send")
    if len(media) > 10:
        raise Refusal("too many messages to send as an album")
    contents = []
    for item in media:
        part = Call(item, call.uploads)
        contents.append(
            media_content(telegram.files, part, "media", part.text("type"))
            | _caption_content(part)
        )
    group = secrets.token_hex(8)
    return [_post(telegram, call, content | {"media_group_id": group}) for content in contents]


def _send_chat_action(telegram: TelegramState, call: Call) -> bool:
    action = call.text("action").lower()
    if action not in CHAT_ACTIONS:
        raise Refusal("wrong parameter action in request")
    telegram.act(call.chat_id(), action)
    return True


# -- changing what was sent --

_TEXT_KEYS = ("text", "entities", "link_preview_options")
_CAPTION_KEYS = ("caption", "caption_entities", "show_caption_above_media")
_MEDIA_KEYS = ("photo", "document")


def _edit(telegram: TelegramState, call: Call, keys: tuple[str, ...], content: Json) -> Json:
    """Put `content` in the place of these keys; a keyboard that is not given again goes."""

    def change(message: Json) -> Json:
        if keys == _TEXT_KEYS and "text" not in message:
            raise Refusal("there is no text in the message to edit")
        if keys == _CAPTION_KEYS and "text" in message:
            raise Refusal("there is no caption in the message to edit")
        kept = {key: value for key, value in message.items() if key not in (*keys, "reply_markup")}
        return kept | content | call.keyboard()

    return telegram.edit(call.chat_id(), call.whole("message_id"), change)


def _edit_message_text(telegram: TelegramState, call: Call) -> Json:
    return _edit(telegram, call, _TEXT_KEYS, _text_content(call))


def _edit_message_caption(telegram: TelegramState, call: Call) -> Json:
    return _edit(telegram, call, _CAPTION_KEYS, _caption_content(call))


def _edit_message_media(telegram: TelegramState, call: Call) -> Json:
    media = call.parsed("media")
    if not isinstance(media, dict):
        raise Refusal("can't parse media JSON object")
    part = Call(media, call.uploads)
    caption = _caption_content(part)
    content = media_content(telegram.files, part, "media", part.text("type")) | caption
    return _edit(telegram, call, (*_TEXT_KEYS, *_MEDIA_KEYS, *_CAPTION_KEYS), content)


def _edit_message_reply_markup(telegram: TelegramState, call: Call) -> Json:
    return _edit(telegram, call, (), {})


def _delete_message(telegram: TelegramState, call: Call) -> bool:
    telegram.remove(call.chat_id(), call.whole("message_id"))
    return True


def _set_message_reaction(telegram: TelegramState, call: Call) -> bool:
    reactions = call.parsed("reaction") or []
    if not isinstance(reactions, list) or len(reactions) > 1:
        raise Refusal("REACTIONS_TOO_MANY")
    emoji = [str(item.get("emoji")) for item in reactions if isinstance(item, dict)]
    if len(emoji) != len(reactions) or not REACTIONS.issuperset(emoji):
        raise Refusal("REACTION_INVALID")
    telegram.react(call.chat_id(), call.whole("message_id"), emoji)
    return True


def _answer_callback_query(telegram: TelegramState, call: Call) -> bool:
    text, url = call.text("text"), call.text("url")
    if len(text) > MAX_TOAST:
        raise Refusal("MESSAGE_TOO_LONG")
    if url:
        check_url(url, "URL")
    answer = {"text": text, "alert": call.flag("show_alert"), "url": url}
    telegram.answer(call.text("callback_query_id"), answer)
    return True


def _get_file(telegram: TelegramState, call: Call) -> Json:
    file_id = call.text("file_id")
    if not file_id:
        raise Refusal("file_id not specified")
    stored = telegram.files.find(file_id)
    if stored is None:
        raise Refusal("wrong file_id or the file is temporarily unavailable")
    if len(stored.data) > MAX_DOWNLOAD_BYTES:
        raise Refusal("file is too big")
    return stored.as_json() | {"file_path": stored.path}


METHODS: dict[str, Method] = {
    "getme": _get_me,
    "setwebhook": _set_webhook,
    "deletewebhook": _delete_webhook,
    "getwebhookinfo": _get_webhook_info,
    "setmycommands": _set_my_commands,
    "deletemycommands": _delete_my_commands,
    "getmycommands": _get_my_commands,
    "setmyname": _profile_setter("name", 64),
    "getmyname": _profile_getter("name"),
    "setmydescription": _profile_setter("description", 512),
    "getmydescription": _profile_getter("description"),
    "setmyshortdescription": _profile_setter("short_description", 120),
    "getmyshortdescription": _profile_getter("short_description"),
    "sendmessage": _send_message,
    "sendphoto": _media_sender("photo"),
    "senddocument": _media_sender("document"),
    "sendmediagroup": _send_media_group,
    "sendchataction": _send_chat_action,
    "editmessagetext": _edit_message_text,
    "editmessagecaption": _edit_message_caption,
    "editmessagemedia": _edit_message_media,
    "editmessagereplymarkup": _edit_message_reply_markup,
    "deletemessage": _delete_message,
    "setmessagereaction": _set_message_reaction,
    "answercallbackquery": _answer_callback_query,
    "getfile": _get_file,
}
"""By lower-case name: Telegram ignores case."""
