"""Who the bot is, and who owns it: the owner proves it by a code that they send to the bot."""

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
from bot.sending.bot_api import UNPARSABLE, BotApiRequest, raw_updates
from bot.updates.raw_updates import number_of

CODE_CHARS = 8
CODE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what looks alike: 8 of these 31 are worth 39 bits."""

CODE_LASTS_S = 300.0
"""How long a code may be sent."""

POLL_S = 20
PAUSE_S = 2.0
"""Seconds between two tries to reach Telegram."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whoever sent the code, by the number and name that Telegram gives them."""

    user_id: int
    name: str


def make_code() -> str:
    """Return a code that nobody can guess."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))


def is_code(text: str, code: str) -> bool:
    """Return whether a message is the code, typed or sent by a link; takes as long either way."""
    words = text.lower().removeprefix("/start").replace("-", "").split()
    return hmac.compare_digest("".join(words).encode(), code.encode())


def printable(name: str) -> str:
    """Return a name without what could move a terminal's cursor."""
    return "".join(character for character in name if character.isprintable())


async def identify(token: str, api_url: str) -> User:
    """Return the bot that a token belongs to.

    Raises:
        telegram.error.InvalidToken: Telegram knows no such bot. Its text holds the token.
        telegram.error.TelegramError: Telegram cannot be reached, or does not answer now.
    """
    async with _bot(token, api_url) as bot:
        return bot.bot


async def webhook_of(token: str, api_url: str) -> WebhookInfo:
    """Return where Telegram delivers this bot's messages, and how that goes."""
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

    Messages that came before it count as read: at the first run nobody may use the bot yet.

    Args:
        token: The bot's token.
        api_url: Where Telegram is.
        code: What the owner sends.
        on_other: Called for each message that is not the code.

    Returns:
        Who sent it, None if nobody did in time.

    Raises:
        telegram.error.Conflict: Somebody else fetches this bot's messages.
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
            except UNPARSABLE:
                continue
            if message is None or message.chat.type != ChatType.PRIVATE:
                continue
            if message.from_user is None or not is_code(message.text or "", code):
                on_other()
                continue
            await _accept(bot, message, offset)
            return Owner(message.from_user.id, printable(message.from_user.full_name))


async def _fetch(bot: Bot, offset: int | None) -> list[Any]:
    """Return what came, nothing where Telegram cannot be reached just now."""
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
    """Count the message as read, so that `mirrortape run` does not answer it, and say thanks."""
    try:
        await bot.get_updates(offset=offset, timeout=0, allowed_updates=[Update.MESSAGE])
        await message.reply_text(texts.OWNER_LINKED)
    except TelegramError:
        return  # whoever sent it has proved it all the same


@asynccontextmanager
async def _bot(token: str, api_url: str) -> AsyncIterator[Bot]:
    request = BotApiRequest(read_timeout=10)
    fetching = BotApiRequest(read_timeout=POLL_S + 10)
    bot = Bot(token, base_url=f"{api_url}/bot", request=request, get_updates_request=fetching)
    async with bot:
        yield bot
