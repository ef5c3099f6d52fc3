"""The messages that show playlists: sends them, and keeps them true when a playlist moves.

Which message shows which playlist, and what it says about where that is, comes from
`bot.storage.shown` alone.
"""

import asyncio
import logging
from contextlib import suppress

from telegram import Bot, Message, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, TelegramError

from bot import texts
from bot.chat.playlist_view import in_spotify, open_in_spotify, playlist_keyboard, playlist_text
from bot.chat.replies import NO_PREVIEW, edit, forgiving, pressed, remove, say, sender, toast
from bot.current_update import insisting
from bot.playlists.playlists import Playlists
from bot.playlists.publishing import Published, without_promise
from bot.playlists.selection import Mood
from bot.services import Services
from bot.storage.records import Stores
from bot.storage.shown import Shown, Told
from recommender.errors import TooFewTracks
from recommender.listeners.published import Publication, State
from recommender.listeners.saved import SavedPlaylist, StoredReading

logger = logging.getLogger(__name__)

NEWS_TIMEOUT_S = 60.0
"""How long one run of the job tries to tell users that pending playlists were published."""


class PlaylistMessages:
    """Shows playlists in the chat.

    Args:
        services: The outside world and the state.
        playlists: Makes and finds the playlists.
    """

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists

    # -- a new playlist --

    async def offer(
        self,
        bot: Bot,
        user_id: int,
        mood: Mood,
        mode: str | None = None,
        message_id: int | None = None,
        like: int | None = None,
    ) -> None:
        """Make a playlist for a mood and show it.

        Args:
            bot: Sends the messages.
            user_id: Whose playlist.
            mood: What it is for.
            mode: One of `recommender.mood.targets.MODES`; None for the user's default.
            message_id: The message to rewrite; None sends a new one.
            like: The id of a playlist that it should resemble; None for none.
        """
        async with self._playlists.making(user_id):
            status: Message | None = None
            if message_id is None:
                status = await say(bot, user_id, texts.STATUS_CHOOSING)
            target = status.message_id if status else message_id
            assert target is not None
            is_shown = False
            try:
                published = await self._playlists.make(
                    user_id, mood, mode, target, rewrites=bool(mode and message_id), like=like
                )
                await self.show(bot, published, target)
                is_shown = True
                await self.correct_stale(bot, user_id)
            except TooFewTracks as error:
                await say(bot, user_id, texts.explain_music_error(error))
            finally:
                if status and not is_shown:
                    await remove(bot, user_id, status.message_id)

    async def offer_for(self, bot: Bot, reading: StoredReading, mode: str) -> None:
        """Make the playlist of a reading, in the message that shows its last one if there is."""
        message_id = await self._services.records.run(
            lambda s: s.people.shown.message_of_reading(reading.user_id, reading.id)
        )
        await self.offer(bot, reading.user_id, Mood.of(reading), mode, message_id)

    async def show(self, bot: Bot, published: Published, message_id: int | None = None) -> None:
        """Replace one of our messages with a playlist and its buttons.

        Args:
            bot: Sends the message.
            published: The playlist.
            message_id: Which message; None for the one that shows the playlist, if there is one.
        """
        saved = published.saved
        if message_id is None:
            message_id = await self._services.records.run(
                lambda s: s.people.shown.message_of(saved.user_id, saved.id)
            )
        if message_id is None:
            return
        shown_in = await edit(
            bot,
            saved.user_id,
            message_id,
            playlist_text(saved, url=published.url, notice=published.notice),
            playlist_keyboard(saved, 0, published.place),
        )

        def note(stores: Stores) -> None:
            if shown_in != message_id:
                stores.people.shown.note_moved(saved.user_id, message_id, shown_in)
            stores.people.shown.note_told(saved.user_id, shown_in, saved.id, published.told)

        await self._services.records.run(note)

    async def show_again(self, bot: Bot, saved: SavedPlaylist) -> None:
        """Send an earlier playlist in a message of its own."""
        place = await self._services.records.run(lambda s: s.music.publications.of(saved.id))
        text = playlist_text(saved, url=place.url)
        message = await say(bot, saved.user_id, text, playlist_keyboard(saved, 0, place))
        await self.note_shown(message, saved, told=without_promise(place))

    async def note_shown(
        self,
        message: Message,
        saved: SavedPlaylist,
        position: int | None = None,
        told: Publication | None = None,
    ) -> None:
        """Store which playlist, or which track of it, a message shows, and what it says."""
        shown = Shown(saved.id, position)
        await self._services.records.run(
            lambda s: s.people.shown.note(saved.user_id, message.message_id, shown, told)
        )

    # -- buttons under it --

    async def find(self, update: Update, playlist_id: int) -> SavedPlaylist | None:
        """Return the playlist of a pressed button, or tell its user that it is gone."""
        query, _ = pressed(update)
        saved = await self._playlists.find(sender(update), playlist_id)
        if saved is None:
            await toast(query, texts.GONE)
        return saved

    async def refresh(self, update: Update, saved: SavedPlaylist, page: int) -> None:
        """Renew the buttons under the pressed message, and its text if that is stale."""
        query, _ = pressed(update)
        message_id = query.message.message_id if query.message else 0

        def load(stores: Stores) -> tuple[Told | None, Publication]:
            told = stores.people.shown.told(saved.user_id, message_id)
            return told, stores.music.publications.of(saved.id)

        told, place = await self._services.records.run(load)
        if told is not None and told.playlist_id == saved.id and told.is_wrong:
            await self._correct(query.get_bot(), told, saved, page)
            return
        with forgiving():
            await query.edit_message_reply_markup(playlist_keyboard(saved, page, place))

    # -- keeping messages true --

    async def correct_stale(self, bot: Bot, user_id: int, *, is_news: bool = False) -> None:
        """Rewrite the user's messages about playlists that were published or replaced since.

        Args:
            bot: Sends the messages.
            user_id: Whose messages.
            is_news: Whether to say which playlists are in Spotify now, even if no message promised
                to publish them.
        """
        wrong = await self._services.records.run(lambda s: s.people.shown.wrong(user_id))
        for told in wrong:
            saved = await self._playlists.find(user_id, told.playlist_id)
            if saved is not None:  # else it was deleted meanwhile
                await self._correct(bot, told, saved, is_news=is_news)

    async def _correct(
        self,
        bot: Bot,
        told: Told,
        saved: SavedPlaylist,
        page: int = 0,
        *,
        is_news: bool = False,
    ) -> None:
        """Rewrite a stale message; leave one that cannot be edited as it is."""
        place = told.place
        was_promised = told.told is State.WAITING
        if (was_promised or is_news) and place.url is not None:
            text = in_spotify(saved, place.url)
            await say(bot, saved.user_id, text, open_in_spotify(place.url))
        notice = _what_happened(place)
        try:
            await bot.edit_message_text(
                playlist_text(saved, url=place.url, notice=notice),
                chat_id=saved.user_id,
                message_id=told.message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=playlist_keyboard(saved, page, place),
                link_preview_options=NO_PREVIEW,
            )
        except (BadRequest, Forbidden) as error:  # deleted, too old, or the bot is blocked
            logger.info("a message cannot be corrected: %s", type(error).__name__)
        now = without_promise(place)
        await self._services.records.run(
            lambda s: s.people.shown.note_told(saved.user_id, told.message_id, saved.id, now)
        )

    async def publish_due(self, bot: Bot) -> None:
        """Publish pending playlists, tell their users, and correct stale messages."""
        published = await self._playlists.publisher.publish_due()
        with suppress(TimeoutError):  # the next run continues
            async with asyncio.timeout(NEWS_TIMEOUT_S):
                await asyncio.gather(*(self._announce(bot, each) for each in published))
                await self._correct_all(bot)

    async def publish_pending(self, bot: Bot, user_id: int) -> None:
        """Publish what waited for the user to connect their account, and tell them."""
        published = await self._playlists.publisher.publish_pending(user_id)
        if published is not None:
            await self.show(bot, published)
            if published.url is not None:
                text = in_spotify(published.saved, published.url)
                await say(bot, user_id, text, open_in_spotify(published.url))
            elif published.notice:
                await say(bot, user_id, published.notice)
        # An earlier try may have published it and failed before it told the user.
        await self.correct_stale(bot, user_id, is_news=published is None)

    async def _announce(self, bot: Bot, published: Published) -> None:
        """Tell a user, unasked, that their playlist is in Spotify now."""
        saved = published.saved
        assert published.url is not None
        with suppress(TelegramError), insisting():  # they may have blocked the bot
            await self.show(bot, published)
            text = in_spotify(saved, published.url)
            await say(bot, saved.user_id, text, open_in_spotify(published.url))

    async def _correct_all(self, bot: Bot) -> None:
        """Correct what a crash, or a failure of Telegram, left stale."""
        users = await self._services.records.run(lambda s: s.people.shown.users_told_wrong())
        for user_id in filter(self._services.guests.admits, users):
            if not self._playlists.is_making(user_id):  # else that corrects them
                with suppress(TelegramError):
                    await self.correct_stale(bot, user_id)


def _what_happened(place: Publication) -> str:
    """Return the sentence about a playlist whose message was stale."""
    if place.url is not None:
        return ""  # its button opens it now
    is_replaced = place.state is State.REPLACED
    return texts.NO_LONGER_THERE if is_replaced else texts.PASSED_OVER
