"""/mood, /playlist, moods in plain words, and the buttons under a playlist."""

from telegram import Bot, Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards
from bot.chat.heard import heard_mood, heard_no_mood
from bot.chat.mood_words import Wish, is_story, understand
from bot.chat.playlist_messages import PlaylistMessages
from bot.chat.replies import pressed, say, send_files, sender, toast
from bot.playlists.naming import playlist_name
from bot.playlists.playlists import Playlists
from bot.playlists.selection import Mood
from bot.services import Services
from recommender.listeners.playlist_files import csv_table, file_name, link_list
from recommender.listeners.saved import SavedPlaylist
from recommender.mood.targets import EMOTIONS

Context = ContextTypes.DEFAULT_TYPE

EMOTION_OF_ADJECTIVE = {adjective: emotion for emotion, adjective in texts.ADJECTIVES.items()}
"""So that /mood understands the words with which the bot itself describes people."""


class PlaylistHandlers:
    """Offers playlists for moods that users name, and variants of playlists they have."""

    def __init__(
        self, services: Services, playlists: Playlists, messages: PlaylistMessages
    ) -> None:
        self._services = services
        self._playlists = playlists
        self._messages = messages

    # -- by words --

    async def mood(self, update: Update, context: Context) -> None:
        """Make a playlist for the mood named, or ask which."""
        user_id, words = sender(update), " ".join(context.args or [])
        emotion = EMOTION_OF_ADJECTIVE.get(words.lower(), words.lower())
        if emotion in EMOTIONS:
            await self._messages.offer(context.bot, user_id, Mood.named(emotion))
            return
        question = texts.UNKNOWN_MOOD if words else texts.CHOOSE_MOOD
        wish = understand(words, is_about_mood=True)
        await self._offer_wish(context.bot, user_id, wish, question)

    async def spoken(self, update: Update, context: Context) -> None:
        """Make a playlist for the mood in a plain message, or ask which one it is."""
        message, user_id = update.effective_message, sender(update)
        assert message is not None
        assert message.text is not None
        wish = Wish() if is_story(message.text) else understand(message.text)
        await self._offer_wish(context.bot, user_id, wish, texts.NOT_A_PHOTO["text"])

    async def _offer_wish(self, bot: Bot, user_id: int, wish: Wish, question: str) -> None:
        """Make a playlist for what was understood, or ask `question` if nothing was."""
        if wish.emotion is None:
            question = heard_no_mood(wish.heard) if wish.heard else question
            await say(bot, user_id, question, keyboards.emotions("mood"))
            return
        await say(bot, user_id, heard_mood(wish, wish.emotion))
        mood = Mood.named(wish.emotion, wish.strength)
        await self._messages.offer(bot, user_id, mood, wish.mode)

    async def playlist(self, update: Update, context: Context) -> None:
        """Make another playlist for the user's last mood, in the last mode."""
        user_id = sender(update)
        last = await self._playlists.last(user_id)
        if last is None:
            await say(context.bot, user_id, texts.NO_MOOD_YET)
        else:
            mood = await self._playlists.mood_of(last)
            await self._messages.offer(context.bot, user_id, mood, last.mode)

    # -- by button --

    async def mood_chosen(self, update: Update, context: Context) -> None:
        """Make a playlist for the chosen mood, in the message that asked."""
        query, (emotion,) = pressed(update)
        await toast(query)
        message_id = query.message.message_id if query.message else None
        mood = Mood.named(emotion)
        await self._messages.offer(context.bot, sender(update), mood, message_id=message_id)

    async def another(self, update: Update, context: Context) -> None:
        """Make another playlist for the same mood and mode."""
        saved = await self._pressed_playlist(update)
        if saved is not None:
            mood = await self._playlists.mood_of(saved)
            await self._messages.offer(context.bot, saved.user_id, mood, saved.mode)

    async def more(self, update: Update, context: Context) -> None:
        """Make another playlist as if the user had rated this one with five stars."""
        saved = await self._pressed_playlist(update)
        if saved is not None:
            mood = await self._playlists.mood_of(saved)
            await self._messages.offer(context.bot, saved.user_id, mood, saved.mode, like=saved.id)

    async def mode(self, update: Update, context: Context) -> None:
        """Rewrite a playlist in another mode."""
        query, (playlist_id, mode) = pressed(update)
        saved = await self._messages.find(update, playlist_id)
        if saved is None:
            return
        await toast(query, texts.REWRITTEN.format(mode=texts.MODE_LABELS[mode]))
        message_id = query.message.message_id if query.message else None
        mood = await self._playlists.mood_of(saved)
        await self._messages.offer(context.bot, saved.user_id, mood, mode, message_id)

    async def page(self, update: Update, context: Context) -> None:
        """Show the vote buttons of other tracks."""
        _, (_, page) = pressed(update)
        saved = await self._pressed_playlist(update)
        if saved is not None:
            await self._messages.refresh(update, saved, page)

    async def files(self, update: Update, context: Context) -> None:
        """Send a playlist as files for other music services."""
        saved = await self._pressed_playlist(update)
        if saved is None:
            return
        seconds = self._services.table.seconds(track.track_id for track in saved.tracks)
        files = {
            file_name(saved, "txt"): link_list(saved, playlist_name(saved.emotion, saved.mode)),
            file_name(saved, "csv"): csv_table(saved, seconds),
        }
        caption = texts.AS_FILES
        if any(track.invented for track in saved.tracks):
            caption += f" {texts.FILES_OF_INVENTED}"
        await send_files(context.bot, saved.user_id, files, caption)

    async def _pressed_playlist(self, update: Update) -> SavedPlaylist | None:
        """Return the playlist of a pressed button and acknowledge the press."""
        query, (playlist_id, *_) = pressed(update)
        saved = await self._messages.find(update, playlist_id)
        if saved is not None:
            await toast(query)
        return saved
