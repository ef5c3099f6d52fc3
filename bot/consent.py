"""First contact and consent: /start, /help."""

import asyncio

from telegram import Bot, Update
from telegram.ext import ContextTypes

from bot import keyboards, texts
from bot.people import CONSENT_VERSION
from bot.replies import pressed, say, sender, settle, toast
from bot.selfies import Selfies
from bot.sendings import Sending
from bot.services import Services

Context = ContextTypes.DEFAULT_TYPE


class Consent:
    """Asks before the first photo.

    Args:
        services: What the handlers need.
        selfies: Reads the photo that waited for consent.
    """

    def __init__(self, services: Services, selfies: Selfies) -> None:
        self._services = services
        self._selfies = selfies
        self._agreeing: set[int] = set()

    async def start(self, update: Update, context: Context) -> None:
        """Say what this is and, until there is consent, ask for it."""
        user_id = sender(update)
        if await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            await say(context.bot, user_id, f"{texts.WELCOME}\n\n{texts.ALREADY_AGREED}")
        else:
            await say(context.bot, user_id, texts.WELCOME, keyboards.consent())

    async def help(self, update: Update, context: Context) -> None:
        """List what the bot can do."""
        await say(context.bot, sender(update), texts.HELP)

    async def agree(self, update: Update, context: Context) -> None:
        """Note the consent and read the photo that waited for it.

        A button from before the terms changed agreed to others, so the question is put anew.
        """
        query, version = pressed(update)
        if version != (CONSENT_VERSION,):
            await toast(query)
            await settle(update, context.bot, texts.ASK_CONSENT, keyboards.consent())
            return
        user_id, now = sender(update), self._services.clock()
        if user_id in self._agreeing:  # the button was pressed twice
            await toast(query)
            return
        self._agreeing.add(user_id)
        try:
            waiting = await self._services.records.run(lambda s: s.people.agree(user_id, now))
            await toast(query)
            await settle(update, context.bot, texts.WAITING_READ if waiting else texts.AGREED)
            if waiting:
                await self._read(context.bot, user_id, Sending.from_json(waiting))
        finally:
            self._agreeing.discard(user_id)

    async def _read(self, bot: Bot, user_id: int, waiting: Sending) -> None:
        """Read what waited, then forget it; a stop meanwhile leaves it for the next start."""
        try:
            await self._selfies.read(bot, user_id, waiting)
        finally:
            this = asyncio.current_task()
            if this is None or not this.cancelling():
                await self._services.records.run(lambda s: s.people.drop_waiting(user_id))
