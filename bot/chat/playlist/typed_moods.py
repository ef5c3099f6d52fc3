"""A plain message as a mood: "feeling kind of down today"."""

from telegram import Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat.mood_words import Wish, is_story, understand
from bot.chat.playlist.handlers import Playlists
from bot.chat.replies import sender

Context = ContextTypes.DEFAULT_TYPE


class Talking:
    """Answers plain messages that answer no question of the bot's."""

    def __init__(self, playlists: Playlists) -> None:
        self._playlists = playlists

    async def spoken(self, update: Update, context: Context) -> None:
        """Make a playlist for the mood that the words name, or ask which one it is."""
        message, user_id = update.effective_message, sender(update)
        assert message is not None
        assert message.text is not None
        wish = Wish() if is_story(message.text) else understand(message.text)
        await self._playlists.offer_wish(context.bot, user_id, wish, texts.NOT_A_PHOTO["text"])
