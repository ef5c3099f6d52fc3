"""/start, /help, and the consent to reading photos."""

from collections.abc import Awaitable, Callable

from telegram import Bot, Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards
from bot.chat.media import Media
from bot.chat.replies import pressed, say, sender, settle, toast
from bot.services import Services
from bot.storage.people import CONSENT_VERSION
from bot.updates.repeated_presses import RepeatedPresses

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
        self._presses = RepeatedPresses()  # or a second press would have the same photo read again

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
        user_id = sender(update)
        if self._presses.is_repeat(user_id):
            await toast(query)
            return
        with self._presses.handling(user_id):
            await self._agree(update, context.bot, user_id)

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
