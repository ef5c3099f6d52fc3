"""From a photo to a picture that explains its reading, and the user's word on whether it is right.

A photo's bytes exist in this process only between the download and the worker's pipe.
"""

import asyncio
import logging
from collections import deque

from telegram import Bot, InputMediaPhoto, Message, Update
from telegram.constants import FileSizeLimit, ParseMode
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot import keyboards, messages, texts
from bot.playlists import DEFAULT_MODE, Playlists
from bot.replies import edit, forgiving, pressed, say, sender, show_picture, toast
from bot.services import Services
from bot.worker import WorkerFailed
from recommender.saved import StoredReading
from vision import Reading, VisionError

Context = ContextTypes.DEFAULT_TYPE

logger = logging.getLogger(__name__)

MAX_WAITING = 2
"""Photos of one user that may be under way at a time; a third is asked to wait."""


class Selfies:
    """Reads photos, shows why, and takes corrections."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists
        self._under_way: dict[int, set[asyncio.Task[None]]] = {}
        self._albums: deque[str] = deque(maxlen=1000)

    # -- messages and buttons --

    async def selfie(self, update: Update, context: Context) -> None:
        """Read a photo, or ask for consent first."""
        message, user_id = update.effective_message, sender(update)
        assert message is not None
        if message.media_group_id is not None:
            if message.media_group_id in self._albums:
                return
            self._albums.append(message.media_group_id)
            await say(context.bot, user_id, texts.ALBUM_FIRST_ONLY)
        file_id, size = _file_of(message)
        if size is not None and size > FileSizeLimit.FILESIZE_DOWNLOAD:
            await say(context.bot, user_id, texts.FILE_TOO_BIG)
        elif not await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            await self._services.records.run(lambda s: s.people.wait_for_consent(user_id, file_id))
            await say(context.bot, user_id, texts.ASK_CONSENT, keyboards.consent())
        else:
            await self.read(context.bot, user_id, file_id)

    async def cancel(self, update: Update, context: Context) -> None:
        """Stop reading this user's photos."""
        user_id = sender(update)
        tasks = self._under_way.get(user_id, set())
        for task in tasks:
            task.cancel()
        await say(context.bot, user_id, texts.CANCELLED if tasks else texts.NOTHING_TO_CANCEL)

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
        await toast(query, texts.WHICH_EMOTION)
        with forgiving():
            await query.edit_message_reply_markup(keyboards.emotions("correct", reading_id))

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

    # -- reading --

    async def read(self, bot: Bot, user_id: int, file_id: str) -> None:
        """Read the photo behind a Telegram file id, unless its sender cancels meanwhile."""
        tasks = self._under_way.setdefault(user_id, set())
        if len(tasks) >= MAX_WAITING:
            await say(bot, user_id, texts.STILL_READING)
            return
        task = asyncio.create_task(self._read(bot, user_id, file_id))
        tasks.add(task)
        try:
            await task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                task.cancel()  # the bot stops: the inbox keeps the update for the next start
                raise
        finally:
            tasks.discard(task)
            if not tasks:
                self._under_way.pop(user_id, None)

    async def _read(self, bot: Bot, user_id: int, file_id: str) -> None:
        status = await say(bot, user_id, texts.STATUS_READING)
        try:
            file = await bot.get_file(file_id)
            photo = bytes(await file.download_as_bytearray())
            reading, picture = await self._services.worker.explain(photo)
        except VisionError as error:
            await edit(bot, user_id, status.message_id, texts.explain_error(error))
        except WorkerFailed:
            logger.exception("a photo could not be read")
            await edit(bot, user_id, status.message_id, texts.WORKER_FAILED)
        except BadRequest as error:
            if "file is too big" not in error.message.lower():
                raise
            await edit(bot, user_id, status.message_id, texts.FILE_TOO_BIG)
        except asyncio.CancelledError:
            with forgiving():
                await bot.delete_message(user_id, status.message_id)
            raise
        else:
            await self._answer(bot, user_id, status.message_id, reading, picture)

    async def _answer(
        self, bot: Bot, user_id: int, message_id: int, reading: Reading, picture: bytes
    ) -> None:
        """Turn the status message into the picture, then make the playlist or ask first."""
        now, is_sure = self._services.clock(), messages.is_sure(reading)
        reading_id = await self._services.records.run(
            lambda s: s.music.add_reading(user_id, reading.probabilities, reading.eyes_found, now)
        )
        keyboard = (
            keyboards.reading(reading_id, mode=DEFAULT_MODE)
            if is_sure
            else keyboards.emotions("correct", reading_id)
        )
        picture_of = InputMediaPhoto(
            picture, caption=messages.reading_caption(reading), parse_mode=ParseMode.HTML
        )
        await show_picture(bot, user_id, message_id, picture_of, keyboard)
        if is_sure:
            stored = await self._playlists.reading(user_id, reading_id)
            await self._playlists.offer_for(bot, stored, DEFAULT_MODE)


def _file_of(message: Message) -> tuple[str, int | None]:
    """Return the Telegram file id and the size in bytes, if known, of a photo or document."""
    if message.photo:
        return message.photo[-1].file_id, message.photo[-1].file_size  # the largest comes last
    assert message.document is not None
    return message.document.file_id, message.document.file_size
