"""From a photo, an album or a video to a picture that explains its reading.

A photo's bytes exist in this process only between the download and the worker's pipe.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial

from telegram import Bot, InputMediaPhoto, Message, ReplyKeyboardRemove, Update
from telegram.constants import ParseMode
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot import texts
from bot.chat.crisis import need_in
from bot.chat.fetching import NotAtTelegram, fetch
from bot.chat.keyboards import consent, emotions
from bot.chat.media import Media, fault_of, is_readable, media_of
from bot.chat.playlist_messages import PlaylistMessages
from bot.chat.replies import edit, pressed, remove, say, send_picture, sender, show_picture, toast
from bot.chat.selfie import keyboards, messages
from bot.current_update import first_found, give_way
from bot.playlists.playlists import Playlists
from bot.sending.retry import retry_until_reachable
from bot.services import Services
from bot.storage.records import Stores
from bot.worker.albums import Albums
from bot.worker.photo_queue import QueueFull
from bot.worker.process import WorkerFailed
from bot.worker.readings import Answer, Readings, TooManyPhotos
from vision import SeveralFaces, VisionError

Context = ContextTypes.DEFAULT_TYPE

logger = logging.getLogger(__name__)


class Selfies:
    """Reads photos and shows why.

    Args:
        services: The outside world and the state.
        readings: Reads the photos.
        playlists: Finds readings and their modes.
        playlist_messages: Offers the playlist of a reading.
    """

    def __init__(
        self,
        services: Services,
        readings: Readings,
        playlists: Playlists,
        playlist_messages: PlaylistMessages,
    ) -> None:
        self._services = services
        self._readings = readings
        self._playlists = playlists
        self._playlist_messages = playlist_messages
        self._albums = Albums()

    # -- messages and buttons --

    async def selfie(self, update: Update, context: Context) -> None:
        """Read a photo, an album or a video, or ask for consent first."""
        message = update.effective_message
        assert message is not None
        async with self._albums.gathered(message) as together:
            if not together:
                return
            if any(need_in(each.caption or "") in ("own", "other") for each in together):
                return  # `bot.chat.crisis` has answered
            if (fault := fault_of(together)) is not None:
                await say(context.bot, sender(update), texts.TOO_MUCH[fault])
                return
            await self._receive(context.bot, sender(update), media_of(together))

    async def face(self, update: Update, context: Context) -> None:
        """Read the chosen face in the photo to which the question replies."""
        query, (number, *words) = pressed(update)
        await toast(query)
        question = query.message
        photo = question.reply_to_message if isinstance(question, Message) else None
        if photo is None or not is_readable(photo):
            await say(context.bot, sender(update), texts.PHOTO_GONE)
            return
        media = replace(media_of([photo]), face=number, words=words[0] if words else "")
        await self._receive(context.bot, sender(update), media)

    async def cancel(self, update: Update, context: Context) -> None:
        """Stop reading this user's photos, and stop waiting for text that they were asked for."""
        user_id = sender(update)

        def drop_questions(stores: Stores) -> bool:
            for_zone = stores.schedules.stop_asking(user_id)
            return stores.people.questions.drop(user_id) or for_zone

        was_asked = await self._services.records.once("ask no more", drop_questions)
        has_stopped = first_found("stop reading", self._readings.stop(user_id)) or was_asked
        text = texts.CANCELLED if has_stopped else texts.NOTHING_TO_CANCEL
        await say(context.bot, user_id, text, ReplyKeyboardRemove())

    # -- reading --

    async def _receive(self, bot: Bot, user_id: int, media: Media) -> None:
        if await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            await self.read(bot, user_id, media)
            return
        waiting = media.to_json()
        await self._services.records.run(lambda s: s.people.wait_for_consent(user_id, waiting))
        await say(bot, user_id, texts.ASK_CONSENT, consent())

    async def read(self, bot: Bot, user_id: int, media: Media) -> None:
        """Read what a user sent and answer it, unless they cancel meanwhile.

        Once something has been read, its answer cannot be cancelled.
        """
        give_way()
        try:
            with self._readings.open(user_id):
                work = self._read(bot, user_id, media)
                result = await self._readings.cancellable(user_id, work)
                if result is not None:
                    message_id, answer = result
                    await self._answer(bot, user_id, media, message_id, answer)
        except TooManyPhotos as error:
            if error.is_news:
                await say(bot, user_id, texts.STILL_READING)

    async def _read(self, bot: Bot, user_id: int, media: Media) -> tuple[int, Answer] | None:
        """Return the status message's id and the answer; None if the user was told why not."""
        status = await say(bot, user_id, messages.status(media))
        refusal = None
        try:
            # When Telegram fails, the photo loses its turn and joins the queue again.
            answer = await retry_until_reachable(
                partial(self._explain, bot, user_id, media, status.message_id)
            )
        except QueueFull:
            refusal = texts.QUEUE_FULL
        except TimeoutError:
            refusal = texts.FETCH_FAILED
        except NotAtTelegram as error:
            logger.error("a file is not fetched: %s", error)
            refusal = texts.FETCH_FAILED
        except VisionError as error:
            refusal = messages.unreadable(media, error)
        except WorkerFailed:
            logger.exception("a photo could not be read")
            refusal = texts.WORKER_FAILED
        except (TelegramError, asyncio.CancelledError) as error:
            if "file is too big" not in str(error).lower():
                await remove(bot, user_id, status.message_id)
                raise
            refusal = texts.TOO_MUCH["file too big"]
        if refusal is not None:
            await edit(bot, user_id, status.message_id, refusal)
            return None
        return status.message_id, answer

    async def _explain(self, bot: Bot, user_id: int, media: Media, message_id: int) -> Answer:
        async def announce(number: int) -> None:
            with suppress(TelegramError):  # it matters less than the photo
                text = texts.STATUS_WAITING.format(number=number)
                await edit(bot, user_id, message_id, text)

        return await self._readings.explain(
            user_id,
            len(media.file_ids),
            partial(fetch, bot, media),
            announce,
            is_video=media.kind == "video",
            face=media.face,
        )

    # -- answering --

    async def _answer(
        self, bot: Bot, user_id: int, media: Media, message_id: int, answer: Answer
    ) -> None:
        """Replace the status message with the picture, then offer a playlist or ask first."""
        heard = media.heard
        if isinstance(answer, SeveralFaces):
            await self._ask_who(bot, user_id, media, message_id, answer)
            return
        reading, now = answer.reading, self._services.clock()
        for step, ms in reading.step_ms.items():
            self._services.metrics.time(f"read: {step}", ms / 1000)

        def store_it(stores: Stores) -> int:
            if not stores.people.has_consent(user_id):
                return 0  # consent withdrawn, or all data deleted, during the reading
            evidence = heard.evidence if heard else None
            return stores.music.add_reading(
                user_id, reading.probabilities, reading.eyes_found, now, evidence
            )

        reading_id = await self._services.records.once("reading", store_it)
        stored = await self._playlists.reading(user_id, reading_id)
        if stored is None:
            await remove(bot, user_id, message_id)
            return
        is_sure = messages.is_sure(stored.weighed)
        mode = await self._playlists.mode_of(stored)
        keyboard = (
            keyboards.reading(stored.id, mode=mode) if is_sure else emotions("correct", stored.id)
        )
        about = messages.about_media(media, answer)
        caption = messages.reading_caption(reading, stored.weighed, stored.answers, heard, about)
        picture = InputMediaPhoto(answer.picture, caption=caption, parse_mode=ParseMode.HTML)
        await show_picture(bot, user_id, message_id, picture, keyboard)
        if is_sure:
            await self._playlist_messages.offer_for(bot, stored, mode)

    async def _ask_who(
        self, bot: Bot, user_id: int, media: Media, message_id: int, answer: SeveralFaces
    ) -> None:
        """Show the numbered faces as a reply to their photo.

        The reply leads back to the photo, so nothing about it is stored, and the buttons work as
        long as the photo is in the chat.
        """
        await remove(bot, user_id, message_id)
        if not await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            return  # withdrawn during the reading
        await send_picture(
            bot,
            user_id,
            answer.picture,
            messages.whose_mood(media, answer),
            keyboards.faces(answer.count, media.heard),
            reply_to=media.message_ids[answer.photo],
        )
