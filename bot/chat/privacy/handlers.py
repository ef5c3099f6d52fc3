"""What is kept of a user: shown, handed out, taken back and deleted.

/privacy, /export and /forget.
"""

import asyncio
from contextlib import nullcontext, suppress
from datetime import datetime

from telegram import Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards, messages
from bot.chat.playlist.handlers import Playlists
from bot.chat.replies import forgiving, pressed, say, sender, settle, toast
from bot.chat.selfie.handlers import Selfies
from bot.current_update import current
from bot.playlists.learning import learn_from_everybody
from bot.services import Services
from bot.storage import export

Context = ContextTypes.DEFAULT_TYPE

PATIENCE_S = 30.0
"""How long somebody who wants to be forgotten waits for what is under way at Spotify."""


class Privacy:
    """Says what is kept, and undoes everything on request.

    Args:
        services: What the handlers need.
        selfies: Stops reading when the consent is withdrawn.
        playlists: Knows which playlists are under way.
    """

    def __init__(self, services: Services, selfies: Selfies, playlists: Playlists) -> None:
        self._services = services
        self._selfies = selfies
        self._playlists = playlists

    async def privacy(self, update: Update, context: Context) -> None:
        """Say what is kept, and offer to take back the consent and the corrections."""
        user_id = sender(update)
        consent, answers = await self._services.records.run(
            lambda s: (s.people.consent(user_id), s.music.shifts.answers(user_id))
        )
        await say(
            context.bot,
            user_id,
            f"{texts.PRIVACY}\n\n{messages.consent(consent)}",
            keyboards.privacy(has_consent=consent is not None, has_answers=answers > 0),
        )

    async def reset(self, update: Update, context: Context) -> None:
        """Let the user's corrections adjust no reading any more."""
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
        """Take the consent back, or refuse it, and drop the photo that waited for it."""
        query, _ = pressed(update)
        user_id = sender(update)
        had_consent = await self._services.records.once(
            "withdraw", lambda s: s.people.withdraw(user_id)
        )
        self._selfies.stop(user_id)  # only now: none is let in any more
        await toast(query)
        await settle(update, context.bot, texts.WITHDRAWN if had_consent else texts.DECLINED)

    async def export(self, update: Update, context: Context) -> None:
        """Send all that is stored about this user."""
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
        """Ask whether everything should really be deleted."""
        await say(context.bot, sender(update), texts.ASK_FORGET, keyboards.forget())

    async def forget_answered(self, update: Update, context: Context) -> None:
        """Delete everything about this user, or nothing."""
        query, (answer,) = pressed(update)
        await toast(query)
        if answer == "yes":
            await self._forget(sender(update))
        await settle(update, context.bot, texts.FORGOTTEN if answer == "yes" else texts.KEPT)

    async def _forget(self, user_id: int) -> None:
        """Delete every row about this user: at once, and again when all is quiet.

        A playlist that is under way may be stored after the first time. Spotify can take long to
        answer; then the second time comes after the user was told.
        """
        now, connections = self._services.clock(), self._services.connections
        self._selfies.stop(user_id)
        await self._delete(user_id, now)
        self._selfies.stop(user_id)  # what was let in a moment before
        again = self._delete_when_quiet(user_id, now)
        if connections is not None:
            again = connections.locks.shielded(again)
        with suppress(TimeoutError):
            await asyncio.wait_for(again, PATIENCE_S)

    async def _delete_when_quiet(self, user_id: int, now: datetime) -> None:
        async with self._playlists.locks[user_id]:
            if self._services.connections is not None:
                await self._services.connections.forget(user_id)
            await self._delete(user_id, now)
        await learn_from_everybody(self._services)  # what all have in common, without them

    async def _delete(self, user_id: int, now: datetime) -> None:
        """Delete every row about this user, in the copies beside the data too."""
        nightly = self._services.nightly
        async with nightly.lock if nightly is not None else nullcontext():
            if nightly is not None:
                await nightly.forget(user_id, now)
            handling = current()
            asking = handling.update_id if handling else None
            await self._services.records.run(lambda s: s.forget(user_id, now, asking))
