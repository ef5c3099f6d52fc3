"""How handlers answer. Harmless errors of Telegram's are ignored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from telegram import (
    Bot,
    CallbackQuery,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    Update,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError

from bot.chat.buttons import unpack

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

_DELETED = "message to edit not found"  # by the user

_HARMLESS = (
    "message is not modified",  # a button pressed twice
    "query is too old",  # pressed before a restart
    _DELETED,
)


Keyboard = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove


@contextmanager
def forgiving() -> Iterator[None]:
    """Ignore errors after which nothing is left to do."""
    try:
        yield
    except BadRequest as error:
        if not any(reason in error.message.lower() for reason in _HARMLESS):
            raise


async def say(bot: Bot, user_id: int, text: str, keyboard: Keyboard | None = None) -> Message:
    """Send a message in HTML without link previews."""
    return await bot.send_message(
        user_id,
        text,
        parse_mode=ParseMode.HTML,
        reply_markup=keyboard,
        link_preview_options=NO_PREVIEW,
    )


async def edit(
    bot: Bot,
    user_id: int,
    message_id: int,
    text: str,
    keyboard: InlineKeyboardMarkup | None = None,
) -> int:
    """Replace the text and buttons of one of our messages, or send a new one if it was deleted.

    Returns:
        The id of the message that shows them now.
    """
    with forgiving():
        try:
            await bot.edit_message_text(
                text,
                chat_id=user_id,
                message_id=message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=keyboard,
                link_preview_options=NO_PREVIEW,
            )
        except BadRequest as error:
            if _DELETED not in error.message.lower():
                raise
            return (await say(bot, user_id, text, keyboard)).message_id
    return message_id


async def show_picture(
    bot: Bot,
    user_id: int,
    message_id: int,
    picture: InputMediaPhoto,
    keyboard: InlineKeyboardMarkup | None = None,
) -> None:
    """Replace one of our messages with a picture, or send a new one if it was deleted."""
    with forgiving():
        try:
            await bot.edit_message_media(
                picture, chat_id=user_id, message_id=message_id, reply_markup=keyboard
            )
        except BadRequest as error:
            if _DELETED not in error.message.lower():
                raise
            await bot.send_photo(
                user_id,
                picture.media,
                caption=picture.caption,
                parse_mode=ParseMode.HTML,
                reply_markup=keyboard,
            )


async def send_picture(
    bot: Bot,
    user_id: int,
    picture: bytes,
    caption: str,
    keyboard: InlineKeyboardMarkup,
    *,
    reply_to: int,
) -> None:
    """Send a picture as a reply to a message, or without reply if that was deleted."""
    await bot.send_photo(
        user_id,
        picture,
        caption=caption,
        parse_mode=ParseMode.HTML,
        reply_markup=keyboard,
        reply_parameters=ReplyParameters(reply_to, allow_sending_without_reply=True),
    )


async def send_files(bot: Bot, user_id: int, files: Mapping[str, bytes], caption: str) -> None:
    """Send files as a group; Telegram shows the caption of the last one."""
    *others, last = files.items()
    await bot.send_media_group(
        user_id,
        [
            *(InputMediaDocument(content, filename=name) for name, content in others),
            InputMediaDocument(last[1], filename=last[0], caption=caption),
        ],
    )


async def remove(bot: Bot, user_id: int, message_id: int) -> None:
    """Delete one of our messages, ignoring errors."""
    with suppress(TelegramError):
        await bot.delete_message(user_id, message_id)


async def settle(
    update: Update, bot: Bot, text: str, keyboard: InlineKeyboardMarkup | None = None
) -> None:
    """Replace the message whose button was pressed."""
    if update.effective_message is not None:
        await edit(bot, sender(update), update.effective_message.message_id, text, keyboard)


async def toast(query: CallbackQuery, text: str | None = None) -> None:
    """Acknowledge a button press, with a short text if given."""
    with forgiving():
        await query.answer(text)


def sender(update: Update) -> int:
    """Return the id of the user who sent this update; it is also the private chat's id."""
    assert update.effective_user is not None
    return update.effective_user.id


def pressed(update: Update) -> tuple[CallbackQuery, tuple[Any, ...]]:
    """Return the button press of this update and its fields; see `bot.chat.buttons`."""
    query = update.callback_query
    assert query is not None
    assert query.data is not None
    return query, unpack(query.data).values
