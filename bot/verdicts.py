"""The user's word on a reading: the buttons under its picture."""

from telegram import Update
from telegram.constants import ParseMode
from telegram.ext import ContextTypes

from bot import keyboards, messages, texts
from bot.playlists import Playlists
from bot.replies import forgiving, pressed, sender, toast
from bot.services import Services
from recommender.saved import StoredReading

Context = ContextTypes.DEFAULT_TYPE


class Verdicts:
    """Takes corrections."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists

    async def right(self, update: Update, context: Context) -> None:
        """Note that a reading was right."""
        query, (reading_id,) = pressed(update)
        user_id = sender(update)
        try:
            reading = await self._playlists.reading(user_id, int(reading_id))
            reading = await self._settle(user_id, reading.id, reading.emotion)
        except KeyError:
            await toast(query, texts.GONE)
            return
        await toast(query, texts.CONFIRMED)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_reply_markup(
                keyboards.reading(reading.id, mode=mode, is_settled=True)
            )

    async def wrong(self, update: Update, context: Context) -> None:
        """Ask which emotion fits better, in the place of the buttons."""
        query, (reading_id,) = pressed(update)
        try:
            reading = await self._playlists.reading(sender(update), int(reading_id))
        except KeyError:
            await toast(query, texts.GONE)
            return
        await toast(query, texts.WHICH_EMOTION)
        with forgiving():
            await query.edit_message_reply_markup(keyboards.correction(reading.id))

    async def back(self, update: Update, context: Context) -> None:
        """Put the buttons back after a "Not quite" that was not meant."""
        query, (reading_id,) = pressed(update)
        try:
            reading = await self._playlists.reading(sender(update), int(reading_id))
        except KeyError:
            await toast(query, texts.GONE)
            return
        await toast(query)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_reply_markup(keyboards.reading(reading.id, mode=mode))

    async def correct(self, update: Update, context: Context) -> None:
        """Take the user's word for the emotion and rewrite the playlist for it."""
        query, (reading_id, emotion) = pressed(update)
        try:
            reading = await self._settle(sender(update), int(reading_id), emotion)
        except KeyError:
            await toast(query, texts.GONE)
            return
        await toast(query)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_caption(
                messages.corrected_caption(emotion),
                parse_mode=ParseMode.HTML,
                reply_markup=keyboards.reading(reading.id, mode=mode, is_settled=True),
            )
        await self._playlists.offer_for(context.bot, reading, mode)

    async def _settle(self, user_id: int, reading_id: int, emotion: str) -> StoredReading:
        """Store the user's word and return the reading with it; `KeyError` if it is not theirs."""
        await self._services.records.run(
            lambda s: s.music.correct_reading(reading_id, user_id, emotion)
        )
        return await self._playlists.reading(user_id, reading_id)
