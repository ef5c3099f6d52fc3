"""/history: a picture of a user's moods, and their last playlists with links."""

from contextlib import suppress
from dataclasses import dataclass

from telegram import Bot, InlineKeyboardMarkup, InputMediaPhoto, Update
from telegram.constants import ChatAction, ParseMode
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot import texts
from bot.chat.history import keyboards
from bot.chat.history.drawing import MoodPictures
from bot.chat.history.messages import moods_caption, playlists_text
from bot.chat.history.mood_calendar import MoodPage, page_of
from bot.chat.keyboards import emotions
from bot.chat.playlist_messages import PlaylistMessages
from bot.chat.replies import pressed, say, sender, show_picture, toast
from bot.services import Services
from bot.storage.records import Stores
from recommender.listeners.history import PastMood, last_playlists, past_moods

Context = ContextTypes.DEFAULT_TYPE

PLAYLISTS = 5
"""How many playlists are listed."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page of moods as a message."""

    picture: bytes
    caption: str
    keyboard: InlineKeyboardMarkup | None


class History:
    """Shows a user's past moods and playlists."""

    def __init__(self, services: Services, playlist_messages: PlaylistMessages) -> None:
        self._services = services
        self._playlist_messages = playlist_messages
        self._pictures = MoodPictures()

    async def history(self, update: Update, context: Context) -> None:
        """Show the moods of the last weeks and the last playlists."""
        user_id = sender(update)
        moods, page = await self._page(user_id, 0)
        if not moods:
            await say(context.bot, user_id, texts.NO_HISTORY, emotions("mood"))
            return
        with suppress(TelegramError):  # only shows that something comes
            await context.bot.send_chat_action(user_id, ChatAction.UPLOAD_PHOTO)
        shown = await self._draw(moods, page, 0)
        await context.bot.send_photo(
            user_id,
            shown.picture,
            caption=shown.caption,
            parse_mode=ParseMode.HTML,
            reply_markup=shown.keyboard,
        )
        await self._list_playlists(context.bot, user_id)

    async def turn(self, update: Update, context: Context) -> None:
        """Show other weeks in the same message."""
        query, (number,) = pressed(update)
        user_id = sender(update)
        moods, page = await self._page(user_id, number)
        if not moods or query.message is None:
            await toast(query, texts.GONE)
            return
        await toast(query)
        shown = await self._draw(moods, page, number)
        picture = InputMediaPhoto(shown.picture, shown.caption, parse_mode=ParseMode.HTML)
        message_id = query.message.message_id
        await show_picture(context.bot, user_id, message_id, picture, shown.keyboard)

    async def again(self, update: Update, context: Context) -> None:
        """Show an earlier playlist again, with its buttons."""
        query, (playlist_id,) = pressed(update)
        saved = await self._playlist_messages.find(update, playlist_id)
        if saved is not None:
            await toast(query)
            await self._playlist_messages.show_again(context.bot, saved)

    async def _page(self, user_id: int, number: int) -> tuple[list[PastMood], MoodPage]:
        now = self._services.clock()

        def look_up(stores: Stores) -> tuple[list[PastMood], MoodPage]:
            moods = past_moods(stores.music, user_id)
            pairs = stores.music.mood_pairs(user_id)
            return moods, page_of(moods, pairs, now, stores.schedules.clock(user_id), number)

        return await self._services.records.run(look_up)

    async def _draw(self, moods: list[PastMood], page: MoodPage, number: int) -> _Shown:
        picture = await self._pictures.draw(page)
        keyboard = keyboards.weeks(number, has_earlier=page.has_earlier)
        return _Shown(picture, moods_caption(page, len(moods)), keyboard)

    async def _list_playlists(self, bot: Bot, user_id: int) -> None:
        def look_up(stores: Stores) -> tuple[str, list[int]]:
            playlists = last_playlists(stores.music, user_id, PLAYLISTS)
            ids = [saved.id for saved in playlists]
            clock = stores.schedules.clock(user_id)
            return playlists_text(playlists, stores.music.publications.urls(ids), clock), ids

        text, ids = await self._services.records.run(look_up)
        if ids:
            await say(bot, user_id, text, keyboards.playlists(ids))
