"""Identifies the bot and its owner: the owner sends a code to the bot."""

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from telegram import Bot, Message, Update, User, WebhookInfo
from telegram.constants import ChatType
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut

from bot import texts
from bot.sending.bot_api import PARSE_ERRORS, BotApiRequest, raw_updates
from bot.updates.raw_updates import number_of

CODE_CHARS = 8
CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without characters that look alike: 8 of these 31 give 39 bits."""

CODE_LASTS_S = 300.0
"""How long a code is valid."""

POLL_S = 20
PAUSE_S = 2.0
"""The pause between two tries to reach Telegram."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The user who sent the code, with their Telegram id and name."""

    user_id: int
    name: str


def make_code() -> str:
    """Return a code that nobody can guess."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))


def is_code(text: str, code: str) -> bool:
    """Return whether a message is the code, typed or sent by a link; compares in constant time."""
    words = text.lower().removeprefix("/start").replace("-", "").split()
    return hmac.compare_digest("".join(words).encode(), code.encode())


def printable(name: str) -> str:
    """Return a name without characters that could move a terminal's cursor."""
    return "".join(character for character in name if character.isprintable())


async def identify(token: str, api_url: str) -> User:
    """Return the bot that a token belongs to.

    Raises:
        telegram.error.InvalidToken: Telegram does not know the token. The error's text contains
            it.
        telegram.error.TelegramError: Telegram cannot be reached, or does not answer now.
    """
    async with _bot(token, api_url) as bot:
        return bot.bot


async def webhook_of(token: str, api_url: str) -> WebhookInfo:
    """Return where Telegram delivers this bot's updates, and whether that works."""
    async with _bot(token, api_url) as bot:
        return await bot.get_webhook_info()


async def wait_for_owner(
    token: str,
    api_url: str,
    code: str,
    *,
    on_other: Callable[[], None] = lambda: None,
) -> Owner | None:
    """Wait until somebody sends the code to the bot in a private chat.

    Earlier messages are discarded: at the first run nobody may use the bot yet.

    Args:
        token: The bot's token.
        api_url: Telegram's base URL.
        code: The code.
        on_other: Called for each other message.

    Returns:
        The sender; None if nobody sent it in time.

    Raises:
        telegram.error.Conflict: Another program fetches this bot's updates.
    """
    async with _bot(token, api_url) as bot:
        await bot.delete_webhook()
        try:
            async with asyncio.timeout(CODE_LASTS_S):
                return await _wait(bot, code, on_other)
        except TimeoutError:
            return None


async def _wait(bot: Bot, code: str, on_other: Callable[[], None]) -> Owner:
    offset: int | None = None
    while True:
        for found in await _fetch(bot, offset):
            number = number_of(found)
            if number is None:
                continue
            offset = number + 1
            try:
                message = Update.de_json(found, bot).message
            except PARSE_ERRORS:
                continue
            if message is None or message.chat.type != ChatType.PRIVATE:
                continue
            if message.from_user is None or not is_code(message.text or "", code):
                on_other()
                continue
            await _accept(bot, message, offset)
            return Owner(message.from_user.id, printable(message.from_user.full_name))


async def _fetch(bot: Bot, offset: int | None) -> list[Any]:
    """Return new updates; an empty list if Telegram cannot be reached."""
    try:
        return await raw_updates(bot, offset, hold_s=POLL_S, allowed=[Update.MESSAGE])
    except TimedOut:
        return []
    except BadRequest:
        raise  # a kind of NetworkError, though the network is fine
    except NetworkError:
        await asyncio.sleep(PAUSE_S)
        return []


async def _accept(bot: Bot, message: Message, offset: int) -> None:
    """Acknowledge the message, so that `mirrortape run` does not answer it, and say thanks."""
    try:
        await bot.get_updates(offset=offset, timeout=0, allowed_updates=[Update.MESSAGE])
        await message.reply_text(texts.OWNER_LINKED)
    except TelegramError:
        return  # the sender is proven all the same


@asynccontextmanager
async def _bot(token: str, api_url: str) -> AsyncIterator[Bot]:
    request = BotApiRequest(read_timeout=10)
    fetching = BotApiRequest(read_timeout=POLL_S + 10)
    bot = Bot(token, base_url=f"{api_url}/bot", request=request, get_updates_request=fetching)
    async with bot:
        yield bot
