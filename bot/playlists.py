"""From a mood to a playlist in the chat and in Spotify: /mood, /playlist and the mode buttons."""

import asyncio
from collections import defaultdict
from contextlib import suppress

from telegram import Bot, InlineKeyboardMarkup, Message, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot import keyboards, messages, texts
from bot.choosing import Choosing, Mood
from bot.handling import give_way, insisting
from bot.records import Stores
from bot.replies import edit, forgiving, pressed, remove, say, send_files, sender, toast
from bot.saving import Saving, Written
from bot.services import Services
from bot.shown import Shown
from recommender.errors import TooFewTracks
from recommender.playlist_files import csv_table, file_name, m3u8
from recommender.saved import SavedPlaylist, StoredReading
from recommender.targets import EMOTIONS

Context = ContextTypes.DEFAULT_TYPE

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
        word = words[0].lower() if words else None
        emotion = NOUNS.get(word, word) if word else None
        if emotion in EMOTIONS:
            await self.offer(context.bot, user_id, Mood.named(emotion))
        else:
            question = texts.UNKNOWN_MOOD if emotion else texts.CHOOSE_MOOD
            await say(context.bot, user_id, question, keyboards.emotions("mood"))

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
        saved = await self.find(update, int(playlist_id))
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
            reading = await self.reading(user_id, int(reading_id))
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
        saved = await self.find(update, int(playlist_id))
        if saved is None:
            return
        await toast(query, texts.REWRITTEN.format(mode=texts.MODE_LABELS[mode]))
        message_id = query.message.message_id if query.message else None
        mood = await self._choosing.mood_of(saved)
        await self.offer(context.bot, saved.user_id, mood, mode, message_id)

    async def page(self, update: Update, context: Context) -> None:
        """Show the vote buttons of other tracks."""
        query, (playlist_id, page) = pressed(update)
        saved = await self.find(update, int(playlist_id))
        if saved is not None:
            await toast(query)
            await self.show_buttons(update, saved, int(page))

    async def files(self, update: Update, context: Context) -> None:
        """Send a playlist as files, for whoever plays it elsewhere."""
        query, (playlist_id,) = pressed(update)
        saved = await self.find(update, int(playlist_id))
        if saved is None:
            return
        await toast(query)
        seconds = self._services.table.seconds(track.track_id for track in saved.tracks)
        name = messages.playlist_name(saved.emotion, saved.mode)
        files = {
            file_name(saved, "m3u8"): m3u8(saved, name, seconds),
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
            mode: One of `recommender.targets.MODES`; None for the one that the user settled on.
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
                rewrites = bool(mode and message_id)
                is_last = rewrites and await self._is_last(user_id, mood)
                saved = await self._choosing.choose(
                    user_id, mood, mode, shown_in, rewrites=rewrites, like=like
                )
                written = await self.saving.write(saved, shown_in, rewrites=is_last)
                await self.show(bot, written, shown_in)
                is_shown = True
            except TooFewTracks as error:
                await say(bot, user_id, texts.explain_music_error(error))
            finally:
                if status and not is_shown:
                    await remove(bot, user_id, status.message_id)

    async def show_again(self, bot: Bot, saved: SavedPlaylist) -> None:
        """Send a playlist of before in a message of its own."""
        urls = await self._services.records.run(lambda s: s.music.standing.urls([saved.id]))
        url = urls.get(saved.id)
        text = messages.playlist_text(saved, url=url)
        message = await say(bot, saved.user_id, text, keyboards.playlist(saved, 0, url))
        await self.note_shown(message, saved)

    async def note_shown(
        self, message: Message, saved: SavedPlaylist, position: int | None = None
    ) -> None:
        """Remember which playlist, or which of its tracks, a message shows."""
        shown = Shown(saved.id, position)
        await self._services.records.run(
            lambda s: s.people.shown.note(saved.user_id, message.message_id, shown)
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
        """Renew the buttons under a playlist's message and leave its text."""
        query, _ = pressed(update)
        url = keyboards.spotify_url(_markup(query.message))
        with forgiving():
            await query.edit_message_reply_markup(keyboards.playlist(saved, page, url))

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

    async def _is_last(self, user_id: int, mood: Mood) -> bool:
        """Return whether the user's last playlist was made for the same mood."""
        last = await self._services.records.run(lambda s: s.music.last_playlist(user_id))
        if last is None or last.reading_id != mood.reading_id:
            return False
        return mood.reading_id is not None or last.emotion == mood.emotion

    async def show(self, bot: Bot, written: Written, message_id: int) -> None:
        """Put a playlist and its buttons in the place of a message of ours."""
        saved, url = written.saved, written.url
        notice = " ".join(filter(None, [*saved.relaxed, written.notice]))
        shown_in = await edit(
            bot,
            saved.user_id,
            message_id,
            messages.playlist_text(saved, url=url, notice=notice),
            keyboards.playlist(saved, 0, url),
        )
        if shown_in != message_id:
            await self._services.records.run(
                lambda s: s.note_moved(saved.user_id, message_id, shown_in)
            )

    async def write_waiting(self, bot: Bot) -> None:
        """Write the playlists that had to wait, and tell their listeners."""
        written = await self.saving.write_waiting()
        with suppress(TimeoutError):  # the next ones wait
            async with asyncio.timeout(TELL_WITHIN_S):
                await asyncio.gather(*(self._tell(bot, each) for each in written))

    async def _tell(self, bot: Bot, written: Written) -> None:
        """Tell a listener, who does not wait for it, that a playlist is in Spotify now."""
        assert written.url is not None
        with suppress(TelegramError), insisting():  # they may have blocked the bot
            if written.shown_in is not None:
                await self.show(bot, written, written.shown_in)
            text = messages.in_spotify(written.saved, written.url)
            await say(bot, written.saved.user_id, text, keyboards.open_in_spotify(written.url))


def _markup(message: object) -> InlineKeyboardMarkup | None:
    """Return the buttons of a message; Telegram no longer shows us those of very old ones."""
    return message.reply_markup if isinstance(message, Message) else None
