"""The buttons under a reading's picture: is it right, and which mode of music."""

from telegram import Update
from telegram.constants import ParseMode
from telegram.ext import ContextTypes

from bot import texts
from bot.chat.playlist_messages import PlaylistMessages
from bot.chat.replies import forgiving, pressed, sender, toast
from bot.chat.selfie import keyboards, messages
from bot.playlists.playlists import Playlists
from bot.services import Services
from recommender.listeners.saved import StoredReading

Context = ContextTypes.DEFAULT_TYPE


class Corrections:
    """Takes the user's word on a reading."""

    def __init__(
        self, services: Services, playlists: Playlists, playlist_messages: PlaylistMessages
    ) -> None:
        self._services = services
        self._playlists = playlists
        self._playlist_messages = playlist_messages

    async def right(self, update: Update, context: Context) -> None:
        """Store that a reading was right."""
        query, _ = pressed(update)
        if (reading := await self._pressed_reading(update)) is None:
            return
        await self._correct(reading, reading.emotion)
        await toast(query, texts.CONFIRMED)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_reply_markup(
                keyboards.reading(reading.id, mode=mode, is_settled=True)
            )

    async def wrong(self, update: Update, context: Context) -> None:
        """Replace the buttons with the emotions to choose from."""
        query, _ = pressed(update)
        if (reading := await self._pressed_reading(update)) is None:
            return
        await toast(query, texts.WHICH_EMOTION)
        with forgiving():
            await query.edit_message_reply_markup(keyboards.correction(reading.id))

    async def back(self, update: Update, context: Context) -> None:
        """Put the first buttons back after an accidental "Not quite"."""
        query, _ = pressed(update)
        if (reading := await self._pressed_reading(update)) is None:
            return
        await toast(query)
        mode = await self._playlists.mode_of(reading)
        with forgiving():
            await query.edit_message_reply_markup(keyboards.reading(reading.id, mode=mode))

    async def correct(self, update: Update, context: Context) -> None:
        """Store the emotion that the user chose and rewrite the playlist for it."""
        query, (_, emotion) = pressed(update)
        if (reading := await self._pressed_reading(update)) is None:
            return
        await self._correct(reading, emotion)
        corrected = await self._playlists.reading(reading.user_id, reading.id) or reading
        await toast(query)
        mode = await self._playlists.mode_of(corrected)
        with forgiving():
            await query.edit_message_caption(
                messages.corrected_caption(emotion),
                parse_mode=ParseMode.HTML,
                reply_markup=keyboards.reading(corrected.id, mode=mode, is_settled=True),
            )
        await self._playlist_messages.offer_for(context.bot, corrected, mode)

    async def mode(self, update: Update, context: Context) -> None:
        """Rewrite a reading's playlist in another mode."""
        query, (_, mode) = pressed(update)
        if (reading := await self._pressed_reading(update)) is None:
            return
        await toast(query, texts.REWRITTEN.format(mode=texts.MODE_LABELS[mode]))
        is_settled = reading.corrected is not None
        with forgiving():
            await query.edit_message_reply_markup(
                keyboards.reading(reading.id, mode=mode, is_settled=is_settled)
            )
        await self._playlist_messages.offer_for(context.bot, reading, mode)

    async def _pressed_reading(self, update: Update) -> StoredReading | None:
        """Return the reading of a pressed button, or tell its user that it is gone."""
        query, (reading_id, *_) = pressed(update)
        reading = await self._playlists.reading(sender(update), reading_id)
        if reading is None:
            await toast(query, texts.GONE)
        return reading

    async def _correct(self, reading: StoredReading, emotion: str) -> None:
        await self._services.records.run(
            lambda s: s.music.correct_reading(reading.id, reading.user_id, emotion)
        )
