"""Votes and ratings, by button and by /feedback."""

import asyncio
from collections import defaultdict

from telegram import Update
from telegram.ext import ContextTypes

from bot import keyboards, messages, texts
from bot.playlists import Playlists
from bot.records import Stores
from bot.replies import edit, pressed, say, sender, toast
from bot.services import Services
from recommender.saved import SavedPlaylist

Context = ContextTypes.DEFAULT_TYPE

WISHES = {"up": True, "down": False, "none": None}
SIGNS = {"+": True, "-": False, "👍": True, "👎": False}


class Feedback:
    """Stores what the user thinks of what they were shown."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def vote(self, update: Update, context: Context) -> None:
        """Like or dislike the track whose button was pressed, or take that back."""
        query, (playlist, place, wish) = pressed(update)
        user_id, playlist_id, position = sender(update), int(playlist), int(place)
        now = self._services.clock()

        liked = WISHES[wish]

        def vote(stores: Stores) -> SavedPlaylist:
            stores.music.vote(user_id, playlist_id, position, liked, now)
            return stores.music.playlist(playlist_id, user_id)

        async with self._locks[user_id]:  # so that the buttons show the votes in their order
            try:
                saved = await self._services.records.run(vote)
            except KeyError:
                await toast(query, texts.GONE)
                return
            await toast(query, texts.VOTED[liked])
            await self._playlists.show_buttons(update, saved, position // keyboards.PAGE)

    async def stars(self, update: Update, context: Context) -> None:
        """Rate the whole playlist by button."""
        query, (playlist, stars) = pressed(update)
        saved = await self._playlists.find(update, int(playlist))
        if saved is None:
            return
        await self._rate(saved.user_id, saved.id, int(stars))
        await toast(query)
        if query.message is not None:
            text = texts.RATED.format(stars=stars)
            await edit(context.bot, saved.user_id, query.message.message_id, text)

    async def feedback(self, update: Update, context: Context) -> None:
        """Rate or vote by words, or show the buttons for it."""
        user_id, words = sender(update), context.args or []
        last = await self._services.records.run(lambda s: s.music.last_playlist(user_id))
        if last is None:
            await say(context.bot, user_id, texts.NO_PLAYLIST_YET)
            return
        match words:
            case []:
                text = messages.playlist_text(last, url=None)
                await say(context.bot, user_id, text, keyboards.playlist(last, 0, None))
                await say(context.bot, user_id, texts.ASK_STARS, keyboards.stars(last.id))
            case [stars] if stars in {"1", "2", "3", "4", "5"}:
                await self._rate(user_id, last.id, int(stars))
                await say(context.bot, user_id, texts.RATED.format(stars=stars))
            case [number, sign] if number.isdecimal() and sign in SIGNS:
                if not 1 <= int(number) <= len(last.tracks):
                    text = texts.NO_SUCH_TRACK.format(count=len(last.tracks))
                    await say(context.bot, user_id, text)
                    return
                await self._vote(user_id, last.id, int(number) - 1, SIGNS[sign])
                track = last.tracks[int(number) - 1]
                await say(context.bot, user_id, messages.voted(track, liked=SIGNS[sign]))
            case _:
                await say(context.bot, user_id, texts.FEEDBACK_USAGE)

    async def _vote(
        self, user_id: int, playlist_id: int, position: int, liked: bool | None
    ) -> None:
        now = self._services.clock()
        await self._services.records.run(
            lambda s: s.music.vote(user_id, playlist_id, position, liked, now)
        )

    async def _rate(self, user_id: int, playlist_id: int, stars: int) -> None:
        now = self._services.clock()
        await self._services.records.run(lambda s: s.music.rate(user_id, playlist_id, stars, now))
