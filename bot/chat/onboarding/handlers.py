"""/start, /help, and the consent to reading photos."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from telegram import Bot, Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards
from bot.chat.media import Media
from bot.chat.replies import pressed, say, sender, settle, toast
from bot.current_update import current
from bot.services import Services
from bot.storage.people import CONSENT_VERSION

Context = ContextTypes.DEFAULT_TYPE


class Consent:
    """Asks before the first photo is read.

    Args:
        services: The outside world and the state.
        read: Reads what a user sent before they agreed, and answers it.
    """

    def __init__(
        self, services: Services, read: Callable[[Bot, int, Media], Awaitable[None]]
    ) -> None:
        self._services = services
        self._read_media = read
        self._agreeing: dict[int, asyncio.Future[None]] = {}

    async def start(self, update: Update, context: Context) -> None:
        """Introduce the bot, and ask for consent if it is missing."""
        user_id = sender(update)
        if await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            await say(context.bot, user_id, f"{texts.WELCOME}\n\n{texts.ALREADY_AGREED}")
        else:
            await say(context.bot, user_id, texts.WELCOME, keyboards.consent())

    async def help(self, update: Update, context: Context) -> None:
        """List what the bot can do."""
        await say(context.bot, sender(update), texts.HELP)

    async def agree(self, update: Update, context: Context) -> None:
        """Store the consent and read the photo that waited for it.

        A button from before the terms changed stands for other terms, so it asks again.
        """
        query, version = pressed(update)
        if version != (CONSENT_VERSION,):
            await toast(query)
            await settle(update, context.bot, texts.ASK_CONSENT, keyboards.consent())
            return
        user_id, handling = sender(update), current()
        over = handling.over if handling is not None else None
        if (under_way := self._agreeing.get(user_id)) is not None and under_way is not over:
            await toast(query)  # the button was pressed twice
            return
        with self._agreed_once(user_id, over):
            await self._agree(update, context.bot, user_id)

    @contextmanager
    def _agreed_once(self, user_id: int, over: asyncio.Future[None] | None) -> Iterator[None]:
        """Keep a second press from reading the same photo, until no retry of the first follows."""
        self._agreeing[user_id] = over or asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            if over is None:
                del self._agreeing[user_id]
            else:
                over.add_done_callback(lambda _: self._agreeing.pop(user_id, None))

    async def _agree(self, update: Update, bot: Bot, user_id: int) -> None:
        query, now = update.callback_query, self._services.clock()
        assert query is not None
        waiting = await self._services.records.run(lambda s: s.people.agree(user_id, now))
        await toast(query)
        await settle(update, bot, texts.WAITING_READ if waiting else texts.AGREED)
        if waiting:
            await self._read(bot, user_id, waiting)

    async def _read(self, bot: Bot, user_id: int, waiting: str) -> None:
        """Read what waited, and drop it in the transaction that ends this update."""
        async with self._services.records.at_end(
            lambda s: s.people.drop_waiting(user_id, waiting)
        ):
            await self._read_media(bot, user_id, Media.from_json(waiting))
