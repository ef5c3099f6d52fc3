"""A plain message as a mood: "feeling kind of down today"."""

from telegram import Update
from telegram.ext import ContextTypes

from bot import keyboards, messages, texts
from bot.choosing import Mood
from bot.playlists import Playlists
from bot.replies import say, sender
from bot.words import NOTHING, hear, is_story

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
        heard = NOTHING if is_story(message.text) else hear(message.text)
        if heard.emotion is not None:
            await say(context.bot, user_id, messages.heard_mood(heard, heard.emotion))
            await self._playlists.offer(context.bot, user_id, Mood.named(heard.emotion))
        else:
            question = messages.heard_no_mood(heard) if heard else texts.NOT_A_PHOTO["text"]
            await say(context.bot, user_id, question, keyboards.emotions("mood"))
