"""From a mood to a playlist in the chat and in Spotify: /mood, /playlist and the mode buttons."""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from functools import partial

from telegram import Bot, Message, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, TelegramError
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards, messages
from bot.chat.mood_words import Wish, understand
from bot.chat.replies import (
    NO_PREVIEW,
    edit,
    forgiving,
    pressed,
    remove,
    say,
    send_files,
    sender,
    toast,
)
from bot.current_update import give_way, insisting
from bot.playlists.publishing import Saving, Written, without_promise
from bot.playlists.selection import Choosing, Mood
from bot.services import Services
from bot.storage.records import Stores
from bot.storage.shown import Shown, Told
from recommender.errors import TooFewTracks
from recommender.listeners.playlist_files import csv_table, file_name, link_list
from recommender.listeners.published import Place, State
from recommender.listeners.saved import SavedPlaylist, StoredReading
from recommender.mood.targets import EMOTIONS

Context = ContextTypes.DEFAULT_TYPE

logger = logging.getLogger(__name__)

TELL_WITHIN_S = 60.0
"""For so long it is tried to tell listeners of playlists that had waited."""

NOUNS = {adjective: emotion for emotion, adjective in texts.ADJECTIVES.items()}
"""The emotion for each word with which the bot itself describes people."""


class Playlists:
    """Makes playlists and keeps their messages up to date."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._choosing = Choosing(services)
        self.saving = Saving(services, self._choosing)
        self.locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Held for each user while a playlist of theirs is being made."""

    # -- commands and buttons --

    async def mood(self, update: Update, context: Context) -> None:
        """Make a playlist for the mood named, or ask which."""
        user_id, words = sender(update), context.args or []
        word = " ".join(words).lower()
        emotion = NOUNS.get(word, word)
        if emotion in EMOTIONS:
            await self.offer(context.bot, user_id, Mood.named(emotion))
            return
        question = texts.UNKNOWN_MOOD if words else texts.CHOOSE_MOOD
        wish = understand(" ".join(words), is_about_mood=True)
        await self.offer_wish(context.bot, user_id, wish, question)

    async def offer_wish(self, bot: Bot, user_id: int, wish: Wish, question: str) -> None:
        """Make a playlist for the mood that words name, or ask which one it is.

        Args:
            bot: Sends the messages.
            user_id: Whom it is for.
            wish: What the words say.
            question: What is asked where they say nothing.
        """
        if wish.emotion is None:
            question = messages.heard_no_mood(wish.heard) if wish.heard else question
            await say(bot, user_id, question, keyboards.emotions("mood"))
            return
        await say(bot, user_id, messages.heard_mood(wish, wish.emotion))
        await self.offer(bot, user_id, Mood.named(wish.emotion, wish.strength), wish.mode)

    async def mood_chosen(self, update: Update, context: Context) -> None:
        """Make a playlist for the mood whose button was pressed, where the question stood."""
        query, (emotion,) = pressed(update)
        await toast(query)
        message_id = query.message.message_id if query.message else None
        mood = Mood.named(emotion)
        await self.offer(context.bot, sender(update), mood, message_id=message_id)

    async def playlist(self, update: Update, context: Context) -> None:
        """Make another playlist for the user's last mood, in the last mode."""
        user_id = sender(update)
        last = await self._services.records.run(lambda s: s.music.last_playlist(user_id))
        if last is None:
            await say(context.bot, user_id, texts.NO_MOOD_YET)
        else:
            mood = await self._choosing.mood_of(last)
            await self.offer(context.bot, user_id, mood, last.mode)

    async def another(self, update: Update, context: Context) -> None:
        """Make another playlist for the mood and in the mode of one."""
        await self._offer_another(update, context.bot, is_like_it=False)

    async def more(self, update: Update, context: Context) -> None:
        """Make another playlist like one, as if its listener had given it five stars."""
        await self._offer_another(update, context.bot, is_like_it=True)

    async def _offer_another(self, update: Update, bot: Bot, *, is_like_it: bool) -> None:
        query, (playlist_id,) = pressed(update)
        saved = await self.find(update, playlist_id)
        if saved is None:
            return
        await toast(query)
        mood = await self._choosing.mood_of(saved)
        like = saved.id if is_like_it else None
        await self.offer(bot, saved.user_id, mood, saved.mode, like=like)

    async def mode_of_reading(self, update: Update, context: Context) -> None:
        """Rewrite a reading's playlist in another mode; the buttons are under the picture."""
        query, (reading_id, mode) = pressed(update)
        user_id = sender(update)
        try:
            reading = await self.reading(user_id, reading_id)
        except KeyError:
            await toast(query, texts.GONE)
            return
        await toast(query, texts.REWRITTEN.format(mode=texts.MODE_LABELS[mode]))
        with forgiving():
            await query.edit_message_reply_markup(
                keyboards.reading(reading.id, mode=mode, is_settled=reading.corrected is not None)
            )
        await self.offer_for(context.bot, reading, mode)

    async def mode_of_playlist(self, update: Update, context: Context) -> None:
        """Rewrite a playlist in another mode; the buttons are under the playlist itself."""
        query, (playlist_id, mode) = pressed(update)
        saved = await self.find(update, playlist_id)
        if saved is None:
            return
        await toast(query, texts.REWRITTEN.format(mode=texts.MODE_LABELS[mode]))
        message_id = query.message.message_id if query.message else None
        mood = await self._choosing.mood_of(saved)
        await self.offer(context.bot, saved.user_id, mood, mode, message_id)

    async def page(self, update: Update, context: Context) -> None:
        """Show the vote buttons of other tracks."""
        query, (playlist_id, page) = pressed(update)
        saved = await self.find(update, playlist_id)
        if saved is not None:
            await toast(query)
            await self.show_buttons(update, saved, page)

    async def files(self, update: Update, context: Context) -> None:
        """Send a playlist as files, for whoever plays it elsewhere."""
        query, (playlist_id,) = pressed(update)
        saved = await self.find(update, playlist_id)
        if saved is None:
            return
        await toast(query)
        seconds = self._services.table.seconds(track.track_id for track in saved.tracks)
        name = messages.playlist_name(saved.emotion, saved.mode)
        files = {
            file_name(saved, "txt"): link_list(saved, name),
            file_name(saved, "csv"): csv_table(saved, seconds),
        }
        await send_files(context.bot, saved.user_id, files, messages.files_caption(saved))

    # -- what they share --

    async def offer(
        self,
        bot: Bot,
        user_id: int,
        mood: Mood,
        mode: str | None = None,
        message_id: int | None = None,
        like: int | None = None,
    ) -> None:
        """Choose tracks for a mood, store what was chosen, write it to Spotify, and show it.

        Args:
            bot: Sends the messages.
            user_id: Whom it is for.
            mood: What it is for.
            mode: One of `recommender.mood.targets.MODES`; None for the one that the user settled
                on.
            message_id: The message to rewrite; None sends a new one.
            like: The playlist that it is to be like; None for none.
        """
        lock = self.locks[user_id]
        if lock.locked():  # mostly for Spotify
            give_way()
        async with lock:
            status: Message | None = None
            if message_id is None:
                status = await say(bot, user_id, texts.STATUS_CHOOSING)
            shown_in = status.message_id if status else message_id
            assert shown_in is not None
            is_shown = False
            try:
                saved = await self._choosing.choose(
                    user_id,
                    mood,
                    mode,
                    shown_in,
                    rewrites=bool(mode and message_id),
                    intend=partial(self.saving.intend, shown_in),
                    like=like,
                )
                written = await self.saving.write(saved)
                await self.show(bot, written, shown_in)
                is_shown = True
                await self.put_right(bot, user_id)
            except TooFewTracks as error:
                await say(bot, user_id, texts.explain_music_error(error))
            finally:
                if status and not is_shown:
                    await remove(bot, user_id, status.message_id)

    async def show_again(self, bot: Bot, saved: SavedPlaylist) -> None:
        """Send a playlist of before in a message of its own."""
        place = await self._services.records.run(lambda s: s.music.standing.of(saved.id))
        text = messages.playlist_text(saved, url=place.url)
        message = await say(bot, saved.user_id, text, keyboards.playlist(saved, 0, place))
        await self.note_shown(message, saved, told=without_promise(place))

    async def note_shown(
        self,
        message: Message,
        saved: SavedPlaylist,
        position: int | None = None,
        told: Place | None = None,
    ) -> None:
        """Remember which playlist, or which of its tracks, a message shows, and what it says."""
        shown = Shown(saved.id, position)
        await self._services.records.run(
            lambda s: s.people.shown.note(saved.user_id, message.message_id, shown, told)
        )

    async def find(self, update: Update, playlist_id: int) -> SavedPlaylist | None:
        """Return a playlist of the user who pressed a button, or tell them that it is gone."""
        query, _ = pressed(update)
        user_id = sender(update)
        try:
            return await self._services.records.run(
                lambda s: s.music.playlist(playlist_id, user_id)
            )
        except KeyError:
            await toast(query, texts.GONE)
            return None

    async def show_buttons(self, update: Update, saved: SavedPlaylist, page: int) -> None:
        """Renew the buttons under a playlist's message, and its text where that became wrong."""
        query, _ = pressed(update)
        message_id = query.message.message_id if query.message else 0

        def look_up(stores: Stores) -> tuple[Told | None, Place]:
            told = stores.people.shown.told(saved.user_id, message_id)
            return told, stores.music.standing.of(saved.id)

        told, place = await self._services.records.run(look_up)
        if told is not None and told.playlist_id == saved.id and told.is_wrong:
            await self._put_right(query.get_bot(), told, saved, page)
            return
        with forgiving():
            await query.edit_message_reply_markup(keyboards.playlist(saved, page, place))

    async def reading(self, user_id: int, reading_id: int) -> StoredReading:
        """Return a stored reading, as corrected; `KeyError` if it is not this user's."""
        return await self._services.records.run(lambda s: s.music.reading(reading_id, user_id))

    async def mode_of(self, reading: StoredReading) -> str:
        """Return the mode that was last chosen for a reading, else the one the user settled on."""

        def look_up(stores: Stores) -> str:
            last = stores.music.last_playlist(reading.user_id)
            if last and last.reading_id == reading.id:
                return last.mode
            return stores.music.preferences.load(reading.user_id).mode

        return await self._services.records.run(look_up)

    async def offer_for(self, bot: Bot, reading: StoredReading, mode: str) -> None:
        """Make the playlist of a reading, or rewrite it in the message that shows it."""
        message_id = await self._services.records.run(
            lambda s: s.people.answer(reading.user_id, reading.id)
        )
        await self.offer(bot, reading.user_id, Mood.of(reading), mode, message_id)

    async def show(self, bot: Bot, written: Written, message_id: int) -> None:
        """Put a playlist and its buttons in the place of a message of ours."""
        saved, place = written.saved, written.place
        notice = " ".join(filter(None, [*saved.relaxed, written.notice]))
        shown_in = await edit(
            bot,
            saved.user_id,
            message_id,
            messages.playlist_text(saved, url=place.url, notice=notice),
            keyboards.playlist(saved, 0, place),
        )

        def note(stores: Stores) -> None:
            if shown_in != message_id:
                stores.note_moved(saved.user_id, message_id, shown_in)
            stores.people.shown.note_told(saved.user_id, shown_in, saved.id, written.told)

        await self._services.records.run(note)

    async def put_right(self, bot: Bot, user_id: int) -> None:
        """Rewrite what messages say of playlists that were written, or replaced, since then."""
        wrong = await self._services.records.run(lambda s: s.people.shown.wrong(user_id))
        for told in wrong:
            saved = await self.saving.find(user_id, told.playlist_id)
            if saved is not None:  # else it was deleted meanwhile
                await self._put_right(bot, told, saved)

    async def _put_right(self, bot: Bot, told: Told, saved: SavedPlaylist, page: int = 0) -> None:
        """Rewrite a message; one that cannot be rewritten is left as it is."""
        place = told.place
        was_promised = told.told is State.WAITING
        if was_promised and place.url is not None:
            text = messages.in_spotify(saved, place.url)
            await say(bot, saved.user_id, text, keyboards.open_in_spotify(place.url))
        try:
            await bot.edit_message_text(
                messages.playlist_text(
                    saved, url=place.url, notice=_what_became_of_it(place, was_promised)
                ),
                chat_id=saved.user_id,
                message_id=told.message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=keyboards.playlist(saved, page, place),
                link_preview_options=NO_PREVIEW,
            )
        except (BadRequest, Forbidden) as error:  # deleted, too old, or the bot is blocked
            logger.info("a message stays as it is: %s", type(error).__name__)
        now = without_promise(place)
        await self._services.records.run(
            lambda s: s.people.shown.note_told(saved.user_id, told.message_id, saved.id, now)
        )

    async def write_waiting(self, bot: Bot) -> None:
        """Write the playlists that had to wait, tell their listeners, and put messages right."""
        written = await self.saving.write_waiting()
        with suppress(TimeoutError):  # the next ones wait
            async with asyncio.timeout(TELL_WITHIN_S):
                await asyncio.gather(*(self._tell(bot, each) for each in written))
                await self._put_all_right(bot)

    async def _tell(self, bot: Bot, written: Written) -> None:
        """Tell a listener, who does not wait for it, that a playlist is in Spotify now."""
        assert written.url is not None
        with suppress(TelegramError), insisting():  # they may have blocked the bot
            if written.shown_in is not None:
                await self.show(bot, written, written.shown_in)
            text = messages.in_spotify(written.saved, written.url)
            await say(bot, written.saved.user_id, text, keyboards.open_in_spotify(written.url))

    async def _put_all_right(self, bot: Bot) -> None:
        """Put right what a crash, or an unreachable Telegram, kept from being put right."""
        users = await self._services.records.run(lambda s: s.people.shown.users_told_wrong())
        for user_id in filter(self._services.guests.admits, users):
            if not self.locks[user_id].locked():  # else a playlist of theirs is under way
                with suppress(TelegramError):
                    await self.put_right(bot, user_id)


def _what_became_of_it(place: Place, was_promised: bool) -> str:
    """Return the sentence about a playlist in a message that said something else of it."""
    if place.url is not None:
        return texts.WRITTEN_NOW if was_promised else ""
    is_replaced = place.state is State.REPLACED
    return texts.NO_LONGER_THERE if is_replaced else texts.PASSED_OVER
