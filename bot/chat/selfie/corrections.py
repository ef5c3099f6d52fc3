"""The user's word on a reading: the buttons under its picture."""

from telegram import Update
from telegram.constants import ParseMode
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards, messages
from bot.chat.playlist.handlers import Playlists
from bot.chat.replies import forgiving, pressed, sender, toast
from bot.services import Services
from recommender.listeners.saved import StoredReading

Context = ContextTypes.DEFAULT_TYPE


class Verdicts:
    """Takes corrections."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists

    async def right(self, update: Update, context: Context) -> None:
        """Note that a reading was right."""
        query, _ = pressed(update)
        if (reading := await self._reading(update)) is None:
            return
        reading = await self._settle(reading, reading.emotion)
        await toast(query, texts.CONFIRMED)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_reply_markup(
                keyboards.reading(reading.id, mode=mode, is_settled=True)
            )

    async def wrong(self, update: Update, context: Context) -> None:
        """Ask which emotion fits better, in the place of the buttons."""
        query, _ = pressed(update)
        if (reading := await self._reading(update)) is None:
            return
        await toast(query, texts.WHICH_EMOTION)
        with forgiving():
            await query.edit_message_reply_markup(keyboards.correction(reading.id))

    async def back(self, update: Update, context: Context) -> None:
        """Put the buttons back after a "Not quite" that was not meant."""
        query, _ = pressed(update)
        if (reading := await self._reading(update)) is None:
            return
        await toast(query)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_reply_markup(keyboards.reading(reading.id, mode=mode))

    async def correct(self, update: Update, context: Context) -> None:
        """Take the user's word for the emotion and rewrite the playlist for it."""
        query, (_, emotion) = pressed(update)
        if (reading := await self._reading(update)) is None:
            return
        reading = await self._settle(reading, emotion)
        await toast(query)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_caption(
                messages.corrected_caption(emotion),
                parse_mode=ParseMode.HTML,
                reply_markup=keyboards.reading(reading.id, mode=mode, is_settled=True),
            )
        await self._playlists.offer_for(context.bot, reading, mode)

    async def _reading(self, update: Update) -> StoredReading | None:
        """Return the reading under whose picture a button was pressed, or say that it is gone."""
        query, (reading_id, *_) = pressed(update)
        try:
            return await self._playlists.reading(sender(update), reading_id)
        except KeyError:
            await toast(query, texts.GONE)
            return None

    async def _settle(self, reading: StoredReading, emotion: str) -> StoredReading:
        """Store the user's word on a reading and return the reading with it."""
        await self._services.records.run(
            lambda s: s.music.correct_reading(reading.id, reading.user_id, emotion)
        )
        return await self._playlists.reading(reading.user_id, reading.id)
