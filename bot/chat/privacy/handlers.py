"""/privacy, /export and /forget: shows, hands out, withdraws and deletes what is stored."""

import asyncio
from collections.abc import Callable

from telegram import Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat.privacy import keyboards
from bot.chat.replies import forgiving, pressed, say, sender, settle, toast
from bot.playlists.forgetting import Forgetting
from bot.services import Services
from bot.storage import export
from bot.storage.people import GivenConsent

Context = ContextTypes.DEFAULT_TYPE


class Privacy:
    """Answers what users ask about their data.

    Args:
        services: The outside world and the state.
        forgetting: Deletes everything about a user.
        stop_reading: Cancels reading a user's photos.
    """

    def __init__(
        self, services: Services, forgetting: Forgetting, stop_reading: Callable[[int], object]
    ) -> None:
        self._services = services
        self._forgetting = forgetting
        self._stop_reading = stop_reading

    async def privacy(self, update: Update, context: Context) -> None:
        """Say what is stored, and offer to withdraw the consent and to reset the corrections."""
        user_id = sender(update)
        consent, answers = await self._services.records.run(
            lambda s: (s.people.consent(user_id), s.music.shifts.answers(user_id))
        )
        await say(
            context.bot,
            user_id,
            f"{texts.PRIVACY}\n\n{_consent_text(consent)}",
            keyboards.privacy(has_consent=consent is not None, has_answers=answers > 0),
        )

    async def reset(self, update: Update, context: Context) -> None:
        """Stop the user's corrections from adjusting their readings."""
        query, _ = pressed(update)
        user_id = sender(update)
        count = await self._services.records.once("reset", lambda s: s.music.shifts.reset(user_id))
        has_consent = await self._services.records.run(lambda s: s.people.has_consent(user_id))
        await toast(query)
        with forgiving():
            await query.edit_message_reply_markup(
                keyboards.privacy(has_consent=has_consent, has_answers=False)
            )
        await say(context.bot, user_id, texts.WAS_RESET if count else texts.NOTHING_TO_RESET)

    async def withdraw(self, update: Update, context: Context) -> None:
        """Withdraw or refuse the consent, and drop the photo that waited for it."""
        query, _ = pressed(update)
        user_id = sender(update)
        had_consent = await self._services.records.once(
            "withdraw", lambda s: s.people.withdraw(user_id)
        )
        self._stop_reading(user_id)  # after the withdrawal, so that no photo slips in between
        await toast(query)
        await settle(update, context.bot, texts.WITHDRAWN if had_consent else texts.DECLINED)

    async def export(self, update: Update, context: Context) -> None:
        """Send everything that is stored about this user."""
        user_id, now = sender(update), self._services.clock()
        tables = await self._services.records.run(lambda s: s.about(user_id))
        packed = await asyncio.to_thread(export.archive, tables, user_id, now)
        await context.bot.send_document(
            user_id,
            packed,
            filename=f"mirrortape-{now:%Y-%m-%d}.zip",
            caption=texts.EXPORTED,
        )

    async def forget(self, update: Update, context: Context) -> None:
        """Ask whether to delete everything."""
        await say(context.bot, sender(update), texts.ASK_FORGET, keyboards.forget())

    async def forget_answered(self, update: Update, context: Context) -> None:
        """Delete everything about this user, or nothing, as they answered."""
        query, (answer,) = pressed(update)
        await toast(query)
        if answer == "yes":
            await self._forgetting.forget(sender(update))
        await settle(update, context.bot, texts.FORGOTTEN if answer == "yes" else texts.KEPT)


def _consent_text(given: GivenConsent | None) -> str:
    """Return what /privacy says about a user's consent."""
    if given is None:
        return texts.LACKS_CONSENT
    told = texts.HAS_CONSENT if given.is_current else texts.OUTDATED_CONSENT
    return told.format(day=f"{given.given_utc:%-d %B %Y}", version=given.version)
