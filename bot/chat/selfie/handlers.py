"""From a photo, an album or a video to a picture that explains its reading.

Its bytes exist in this process only between the download and the worker's pipe.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from telegram import Bot, InputMediaPhoto, Message, ReplyKeyboardRemove, Update
from telegram.constants import ParseMode
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards, messages
from bot.chat.crisis import need_in
from bot.chat.fetching import NotAtTelegram, fetch
from bot.chat.media import Sending, fault_of, is_readable, sending_of
from bot.chat.playlist.handlers import Playlists
from bot.chat.replies import edit, pressed, remove, say, send_picture, sender, show_picture, toast
from bot.current_update import first_found, give_way
from bot.sending.retry import patiently
from bot.services import Services
from bot.storage.records import Stores
from bot.worker.albums import Albums
from bot.worker.photo_queue import PhotoQueue, Place, QueueFull
from bot.worker.process import WorkerFailed
from vision import Explanation, SeveralFaces, VisionError
from vision.photo.formats import sniff, sniff_video

Context = ContextTypes.DEFAULT_TYPE

logger = logging.getLogger(__name__)

MAX_UNDER_WAY = 2
"""Photos of one user that may be unanswered at a time; with a third they are asked to wait."""

TELL_PLACE_AFTER_S = 1.0
"""How long somebody waits before they are told which number they are: most never need to know."""

TELL_PLACE_EVERY_S = 10.0
"""How often they are told again. With a full queue that takes a third of what Telegram allows."""

FETCH_S = 60.0
"""How long a photo may have its turn while Telegram does not hand it out."""

Answer = Explanation | SeveralFaces


class Selfies:
    """Reads photos and shows why."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists
        self._under_way: Counter[int] = Counter()
        self._reading: defaultdict[int, set[asyncio.Task[Any]]] = defaultdict(set)
        self._asked_to_wait: set[int] = set()
        self._queue = PhotoQueue()
        services.metrics.photos_waiting.set_function(self._queue.waiting)
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
            await self._receive(context.bot, sender(update), sending_of(together))

    async def face(self, update: Update, context: Context) -> None:
        """Read the numbered face that was chosen, in the photo that the question replies to."""
        query, (number, *words) = pressed(update)
        await toast(query)
        question = query.message
        photo = question.reply_to_message if isinstance(question, Message) else None
        if photo is None or not is_readable(photo):
            await say(context.bot, sender(update), texts.PHOTO_GONE)
            return
        sending = replace(sending_of([photo]), face=number, words=words[0] if words else "")
        await self._receive(context.bot, sender(update), sending)

    async def cancel(self, update: Update, context: Context) -> None:
        """Stop reading this user's photos, and waiting for what they were asked to type."""
        user_id = sender(update)

        def ask_no_more(stores: Stores) -> bool:
            for_zone = stores.schedules.stop_asking(user_id)
            return stores.people.questions.drop(user_id) or for_zone

        was_asked = await self._services.records.once("ask no more", ask_no_more)
        has_stopped = first_found("stop reading", self.stop(user_id)) or was_asked
        text = texts.CANCELLED if has_stopped else texts.NOTHING_TO_CANCEL
        await say(context.bot, user_id, text, ReplyKeyboardRemove())

    def stop(self, user_id: int) -> bool:
        """Stop reading this user's photos; return whether any was being read."""
        tasks = self._reading.get(user_id, ())
        for task in tasks:
            task.cancel()
        return bool(tasks)

    # -- reading --

    async def _receive(self, bot: Bot, user_id: int, sending: Sending) -> None:
        if await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            await self.read(bot, user_id, sending)
            return
        waiting = sending.to_json()
        await self._services.records.run(lambda s: s.people.wait_for_consent(user_id, waiting))
        await say(bot, user_id, texts.ASK_CONSENT, keyboards.consent())

    async def read(self, bot: Bot, user_id: int, sending: Sending) -> None:
        """Read what was sent, unless its sender cancels meanwhile."""
        give_way()
        if self._under_way[user_id] >= MAX_UNDER_WAY:
            if user_id not in self._asked_to_wait:  # once: whoever floods us gets no flood back
                self._asked_to_wait.add(user_id)
                await say(bot, user_id, texts.STILL_READING)
            return
        self._under_way[user_id] += 1
        try:
            answer = await self._read_or_cancel(bot, user_id, sending)
            if answer is not None:
                await self._answer(bot, user_id, sending, *answer)
        finally:
            self._asked_to_wait.discard(user_id)
            self._under_way[user_id] -= 1
            if not self._under_way[user_id]:
                del self._under_way[user_id]
                self._reading.pop(user_id, None)

    async def _read_or_cancel(
        self, bot: Bot, user_id: int, sending: Sending
    ) -> tuple[int, Answer] | None:
        """Do as `_read` does, unless the user cancels it meanwhile.

        Nothing else can be cancelled: what has been read is answered to the end.
        """
        task = asyncio.create_task(self._read(bot, user_id, sending))
        self._reading[user_id].add(task)
        try:
            return await task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                task.cancel()  # the bot stops: the inbox keeps the update for the next start
                raise
            return None
        finally:
            self._reading[user_id].discard(task)

    async def _read(self, bot: Bot, user_id: int, sending: Sending) -> tuple[int, Answer] | None:
        """Return the status message and what was read; None if the user was told why not."""
        status = await say(bot, user_id, messages.status(sending))
        refusal = None
        try:
            # Whom a failure of Telegram's costs their turn gets in line again.
            answer = await patiently(
                partial(self._look_in_turn, bot, user_id, sending, status.message_id)
            )
        except QueueFull:
            refusal = texts.QUEUE_FULL
        except TimeoutError:
            refusal = texts.FETCH_FAILED
        except NotAtTelegram as error:
            logger.error("a file is not fetched: %s", error)
            refusal = texts.FETCH_FAILED
        except VisionError as error:
            refusal = messages.unreadable(sending, error)
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

    async def _look_in_turn(
        self, bot: Bot, user_id: int, sending: Sending, message_id: int
    ) -> Answer:
        """Wait for the turn of what was sent, then fetch it and have the worker look at it."""
        with self._queue.join(user_id, len(sending.file_ids)) as place:
            await self._wait(bot, place, message_id)
            with self._services.metrics.step("download"):
                async with asyncio.timeout(FETCH_S):
                    files = await fetch(bot, sending)
            return await self._look(sending, files)

    async def _wait(self, bot: Bot, place: Place, message_id: int) -> None:
        """Wait for a photo's turn; who waits long is told how far it is."""

        async def tell() -> None:
            await asyncio.sleep(TELL_PLACE_AFTER_S)
            last = 0
            while (number := self._queue.number(place)) > 0:
                if number != last:
                    last = number
                    with suppress(TelegramError):  # it matters less than the photo
                        await edit(
                            bot,
                            place.user_id,
                            message_id,
                            texts.STATUS_WAITING.format(number=number),
                        )
                await asyncio.sleep(TELL_PLACE_EVERY_S)

        telling = asyncio.create_task(tell())
        try:
            await place.turn()
        finally:
            telling.cancel()

    async def _look(self, sending: Sending, files: list[bytes]) -> Answer:
        """Have the worker look at the files; what is none of its kind need not wait for it."""
        worker, metrics = self._services.worker, self._services.metrics
        if sending.kind == "video":
            sniff_video(files[0])
            with metrics.step("read video"):
                return await worker.explain_video(files[0])
        if len(files) == 1:
            sniff(files[0])
        with metrics.step("read"):
            return await worker.explain(files, sending.face)

    async def _answer(
        self, bot: Bot, user_id: int, sending: Sending, message_id: int, answer: Answer
    ) -> None:
        """Turn the status message into the picture, then make the playlist or ask first."""
        heard = sending.heard
        if isinstance(answer, SeveralFaces):
            await self._ask_who(bot, user_id, sending, message_id, answer)
            return
        reading, now = answer.reading, self._services.clock()
        for step, ms in reading.step_ms.items():
            self._services.metrics.time(f"read: {step}", ms / 1000)

        def store_it(stores: Stores) -> int:
            if not stores.people.has_consent(user_id):
                return 0  # withdrawn, or everything forgotten, while the photo was being read
            evidence = heard.evidence if heard else None
            return stores.music.add_reading(
                user_id, reading.probabilities, reading.eyes_found, now, evidence
            )

        reading_id = await self._services.records.once("reading", store_it)
        try:
            stored = await self._playlists.reading(user_id, reading_id)
        except KeyError:
            await remove(bot, user_id, message_id)
            return
        is_sure = messages.is_sure(stored.weighed)
        mode = await self._playlists.mode_of(stored)
        keyboard = (
            keyboards.reading(stored.id, mode=mode)
            if is_sure
            else keyboards.emotions("correct", stored.id)
        )
        about = messages.about_sending(sending, answer)
        caption = messages.reading_caption(reading, stored.weighed, stored.answers, heard, about)
        picture_of = InputMediaPhoto(answer.picture, caption=caption, parse_mode=ParseMode.HTML)
        await show_picture(bot, user_id, message_id, picture_of, keyboard)
        if is_sure:
            await self._playlists.offer_for(bot, stored, mode)

    async def _ask_who(
        self, bot: Bot, user_id: int, sending: Sending, message_id: int, answer: SeveralFaces
    ) -> None:
        """Show the numbered faces as a reply to their photo, by which its handle is found again.

        So nothing about the photo is kept, and the buttons work for as long as it is in the chat.
        """
        await remove(bot, user_id, message_id)
        if not await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            return  # withdrawn while the photo was being read
        await send_picture(
            bot,
            user_id,
            answer.picture,
            messages.whose_mood(sending, answer),
            keyboards.faces(answer.count, sending.heard),
            reply_to=sending.message_ids[answer.photo],
        )
