"""First contact, consent, and what is kept: /start, /help, /privacy, /forget."""

from contextlib import nullcontext
from typing import Any

from telegram import Update
from telegram.ext import ContextTypes

from bot import keyboards, texts
from bot.playlists import Playlists
from bot.replies import edit, forgiving, pressed, say, sender, toast
from bot.selfies import Selfies
from bot.services import Services

Context = ContextTypes.DEFAULT_TYPE


class Consent:
    """Asks before the first photo, and undoes everything on request.

    Args:
        services: What the handlers need.
        selfies: Reads the photo that waited for consent, and stops reading when it is withdrawn.
        playlists: Knows which playlists are under way.
    """

    def __init__(self, services: Services, selfies: Selfies, playlists: Playlists) -> None:
        self._services = services
        self._selfies = selfies
        self._playlists = playlists

    async def start(self, update: Update, context: Context) -> None:
        """Say what this is and, the first time, ask for consent."""
        user_id = sender(update)
        if await self._has_consent(user_id):
            await say(context.bot, user_id, f"{texts.WELCOME}\n\n{texts.ALREADY_AGREED}")
        else:
            await say(context.bot, user_id, texts.WELCOME)
            await say(context.bot, user_id, texts.ASK_CONSENT, keyboards.consent())

    async def help(self, update: Update, context: Context) -> None:
        """List what the bot can do."""
        await say(context.bot, sender(update), texts.HELP)

    async def agree(self, update: Update, context: Context) -> None:
        """Note the consent and read the photo that waited for it."""
        query, _ = pressed(update)
        user_id, now = sender(update), self._services.clock()
        waiting = await self._services.records.run(lambda s: s.people.agree(user_id, now))
        await toast(query)
        await self._settle(update, context, texts.WAITING_READ if waiting else texts.AGREED)
        if waiting:
            await self._selfies.read(context.bot, user_id, waiting)

    async def decline(self, update: Update, context: Context) -> None:
        """Note the refusal and drop the photo that waited."""
        await self._withdraw(update, context, texts.DECLINED)

    async def privacy(self, update: Update, context: Context) -> None:
        """Say what is kept, and offer to take back the consent and the corrections."""
        user_id = sender(update)
        has_consent = await self._has_consent(user_id)
        answers = await self._services.records.run(lambda s: s.music.shifts.answers(user_id))
        await say(
            context.bot,
            user_id,
            texts.PRIVACY + (texts.HAS_CONSENT if has_consent else texts.LACKS_CONSENT),
            keyboards.privacy(has_consent=has_consent, has_answers=answers > 0),
        )

    async def reset(self, update: Update, context: Context) -> None:
        """Let the user's corrections adjust no reading any more."""
        query, _ = pressed(update)
        user_id = sender(update)
        count = await self._services.records.run(lambda s: s.music.shifts.reset(user_id))
        has_consent = await self._has_consent(user_id)
        await toast(query)
        with forgiving():
            await query.edit_message_reply_markup(
                keyboards.privacy(has_consent=has_consent, has_answers=False)
            )
        await say(context.bot, user_id, texts.WAS_RESET if count else texts.NOTHING_TO_RESET)

    async def withdraw(self, update: Update, context: Context) -> None:
        """Take the consent back."""
        await self._withdraw(update, context, texts.WITHDRAWN)

    async def forget(self, update: Update, context: Context) -> None:
        """Ask whether everything should really be deleted."""
        await say(context.bot, sender(update), texts.ASK_FORGET, keyboards.forget())

    async def forget_answered(self, update: Update, context: Context) -> None:
        """Delete everything about this user, or nothing."""
        query, (answer,) = pressed(update)
        user_id = sender(update)
        await toast(query)
        if answer == "yes":
            self._selfies.stop(user_id)
            async with self._playlists.locks[user_id]:  # nothing may be stored after this
                if self._services.connections is not None:
                    await self._services.connections.forget(user_id)
                await self._forget(user_id)
        await self._settle(update, context, texts.FORGOTTEN if answer == "yes" else texts.KEPT)

    async def _forget(self, user_id: int) -> None:
        """Delete every row about this user, in the nightly copies too."""
        nightly = self._services.nightly
        async with nightly.lock if nightly is not None else nullcontext():
            if nightly is not None:
                await nightly.forget(user_id)
            await self._services.records.run(lambda s: s.forget(user_id))

    async def _withdraw(self, update: Update, context: Context, outcome: str) -> None:
        query, _ = pressed(update)
        user_id = sender(update)
        self._selfies.stop(user_id)
        await self._services.records.run(lambda s: s.people.withdraw(user_id))
        await toast(query)
        await self._settle(update, context, outcome)

    async def _has_consent(self, user_id: int) -> bool:
        has: bool = await self._services.records.run(lambda s: s.people.has_consent(user_id))
        return has

    async def _settle(self, update: Update, context: Context, text: str) -> None:
        """Put the outcome in the place of the question and its buttons."""
        message: Any = update.effective_message
        if message is not None:
            await edit(context.bot, sender(update), message.message_id, text)
