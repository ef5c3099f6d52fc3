"""From a photo to a picture that explains its reading.

A photo's bytes exist in this process only between the download and the worker's pipe.
"""

import asyncio
import logging
from collections import deque
from typing import Any

from telegram import Bot, InputMediaPhoto, Message, Update
from telegram.constants import FileSizeLimit, ParseMode
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot import keyboards, messages, texts
from bot.playlists import Playlists
from bot.records import Stores
from bot.replies import edit, remove, say, sender, show_picture
from bot.services import Services
from bot.worker import WorkerFailed
from recommender.saved import StoredReading
from vision import Reading, VisionError
from vision.formats import sniff

Context = ContextTypes.DEFAULT_TYPE

logger = logging.getLogger(__name__)

MAX_WAITING = 2
"""Photos of one user that may be under way at a time; a third is asked to wait."""


class Selfies:
    """Reads photos and shows why."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists
        self._under_way: dict[int, set[asyncio.Task[Any]]] = {}
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
        file_id, size = _file_of(message)
        if size is not None and size > FileSizeLimit.FILESIZE_DOWNLOAD:
            await say(context.bot, user_id, texts.FILE_TOO_BIG)
        elif not await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            await self._services.records.run(lambda s: s.people.wait_for_consent(user_id, file_id))
            await say(context.bot, user_id, texts.ASK_CONSENT, keyboards.consent())
        else:
            if message.media_group_id is not None:
                await say(context.bot, user_id, texts.ALBUM_FIRST_ONLY)
            await self.read(context.bot, user_id, file_id)

    async def cancel(self, update: Update, context: Context) -> None:
        """Stop reading this user's photos, and waiting for what they were asked to type."""
        user_id = sender(update)
        was_asked = await self._services.records.run(lambda s: s.people.questions.drop(user_id))
        has_stopped = self.stop(user_id) or was_asked
        await say(
            context.bot, user_id, texts.CANCELLED if has_stopped else texts.NOTHING_TO_CANCEL
        )

    def stop(self, user_id: int) -> bool:
        """Stop reading this user's photos; return whether any was being read."""
        tasks = self._under_way.get(user_id, set())
        for task in tasks:
            task.cancel()
        return bool(tasks)

    # -- reading --

    async def read(self, bot: Bot, user_id: int, file_id: str) -> None:
        """Read the photo behind a Telegram file id, unless its sender cancels meanwhile."""
        tasks = self._under_way.setdefault(user_id, set())
        if len(tasks) >= MAX_WAITING:
            await say(bot, user_id, texts.STILL_READING)
            return
        # Only the reading can be cancelled: what has been read is answered to the end.
        task = asyncio.create_task(self._read(bot, user_id, file_id))
        tasks.add(task)
        try:
            answer = await task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                task.cancel()  # the bot stops: the inbox keeps the update for the next start
                raise
            return
        finally:
            tasks.discard(task)
            if not tasks:
                self._under_way.pop(user_id, None)
        if answer is not None:
            await self._answer(bot, user_id, *answer)

    async def _read(
        self, bot: Bot, user_id: int, file_id: str
    ) -> tuple[int, Reading, bytes] | None:
        """Return the status message, the reading and its picture; None if it was told why not."""
        status = await say(bot, user_id, texts.STATUS_READING)
        refusal = None
        try:
            file = await bot.get_file(file_id)
            photo = bytes(await file.download_as_bytearray())
            sniff(photo)  # what is no photo need not wait for the worker
            reading, picture = await self._services.worker.explain(photo)
        except VisionError as error:
            refusal = texts.explain_error(error)
        except WorkerFailed:
            logger.exception("a photo could not be read")
            refusal = texts.WORKER_FAILED
        except (TelegramError, asyncio.CancelledError) as error:
            if "file is too big" not in str(error).lower():
                await remove(bot, user_id, status.message_id)
                raise
            refusal = texts.FILE_TOO_BIG
        if refusal is not None:
            await edit(bot, user_id, status.message_id, refusal)
            return None
        return status.message_id, reading, picture

    async def _answer(
        self, bot: Bot, user_id: int, message_id: int, reading: Reading, picture: bytes
    ) -> None:
        """Turn the status message into the picture, then make the playlist or ask first."""
        now = self._services.clock()

        def store_it(stores: Stores) -> StoredReading | None:
            if not stores.people.has_consent(user_id):
                return None  # withdrawn, or everything forgotten, while the photo was being read
            reading_id = stores.music.add_reading(
                user_id, reading.probabilities, reading.eyes_found, now
            )
            return stores.music.reading(reading_id, user_id)

        stored = await self._services.records.run(store_it)
        if stored is None:
            await remove(bot, user_id, message_id)
            return
        is_sure = messages.is_sure(stored.weighed)
        mode = await self._playlists.mode_of(stored)
        keyboard = (
            keyboards.reading(stored.id, mode=mode)
            if is_sure
            else keyboards.emotions("correct", stored.id)
        )
        caption = messages.reading_caption(reading, stored.weighed, stored.answers)
        picture_of = InputMediaPhoto(picture, caption=caption, parse_mode=ParseMode.HTML)
        await show_picture(bot, user_id, message_id, picture_of, keyboard)
        if is_sure:
            await self._playlists.offer_for(bot, stored, mode)


def _file_of(message: Message) -> tuple[str, int | None]:
    """Return the Telegram file id and the size in bytes, if known, of a photo or document."""
    if message.photo:
        return message.photo[-1].file_id, message.photo[-1].file_size  # the largest comes last
    assert message.document is not None
    return message.document.file_id, message.document.file_size
