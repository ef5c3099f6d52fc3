"""What the user thinks of what they were shown: by button, by /feedback, by reaction.

After a rating the user is asked how they feel now, which with the mood that the playlist was made
for tells whether it did what it should. What was said last can be undone where it was said.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from telegram import Bot, InlineKeyboardMarkup, ReactionType, ReactionTypeEmoji, Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat import keyboards, messages
from bot.chat.playlist.handlers import Playlists
from bot.chat.replies import edit, pressed, say, sender, toast
from bot.services import Services
from bot.storage.records import Stores
from recommender.listeners.mood_pairs import MoodPair
from recommender.listeners.saved import SavedPlaylist

Context = ContextTypes.DEFAULT_TYPE

WISHES = {"up": True, "down": False, "none": None}
SIGNS = {"+": True, "-": False, "👍": True, "👎": False}

REACTIONS = {
    **dict.fromkeys("❤🔥🥰😍🤩🎉💯🏆👏💘🕊", 5),
    **dict.fromkeys("👍😁👌🤗😇😎🤝🫡🙏", 4),
    **dict.fromkeys("👎🥱😴🤨", 2),
    **dict.fromkeys("💩🤮🤬🖕💔😡", 1),
}
"""How many stars a reaction is worth; at a single track, 3 and more are a like."""


class Feedback:
    """Stores what the user thinks of what they were shown."""

    def __init__(self, services: Services, playlists: Playlists) -> None:
        self._services = services
        self._playlists = playlists
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    # -- buttons --

    async def vote(self, update: Update, context: Context) -> None:
        """Like or dislike the track whose button was pressed, or take that back."""
        query, (playlist_id, position, wish) = pressed(update)
        user_id, liked = sender(update), WISHES[wish]
        async with self._locks[user_id]:  # so that the buttons show the votes in their order
            try:
                saved = await self._vote(user_id, playlist_id, position, liked)
            except KeyError:
                await toast(query, texts.GONE)
                return
            await toast(query, texts.VOTED[liked])
            await self._playlists.show_buttons(update, saved, position // keyboards.PAGE)

    async def stars(self, update: Update, context: Context) -> None:
        """Rate the whole playlist by button, then ask how its listener feels now."""
        query, (playlist_id, stars) = pressed(update)
        saved = await self._playlists.find(update, playlist_id)
        if saved is None:
            return
        before = await self._rate(saved.user_id, saved.id, stars)
        await toast(query)
        await self._replace(update, context.bot, *_rated(saved, stars, before))

    async def felt(self, update: Update, context: Context) -> None:
        """Note how the user feels after a playlist."""
        query, (playlist_id, emotion) = pressed(update)
        user_id, now = sender(update), self._services.clock()

        def note(stores: Stores) -> MoodPair:
            stores.music.after.note(playlist_id, user_id, emotion, now)
            pairs = stores.music.mood_pairs(user_id)
            return next(pair for pair in pairs if pair.playlist_id == playlist_id)

        try:
            pair = await self._services.records.run(note)
        except KeyError:
            await toast(query, texts.GONE)
            return
        await toast(query)
        undo = keyboards.undo("felt", playlist_id)
        await self._replace(update, context.bot, messages.felt(pair), undo)

    async def undo(self, update: Update, context: Context) -> None:
        """Put back what the user thought before the button's message was written."""
        query, (what, playlist_id, *before) = pressed(update)
        saved = await self._playlists.find(update, playlist_id)
        if saved is None:
            return
        match what, before:
            case "vote", [track_id, wish]:
                await self._undo_vote(update, context.bot, saved, track_id, WISHES[wish])
            case "stars", [stars]:
                await toast(query, texts.VOTED[None])
                await self._rate(saved.user_id, saved.id, stars or None)
                keyboard = keyboards.stars(saved.id, stars)
                await self._replace(update, context.bot, texts.ASK_STARS, keyboard)
            case "felt", []:
                await toast(query, texts.VOTED[None])
                now = self._services.clock()
                await self._services.records.run(
                    lambda s: s.music.after.note(saved.id, saved.user_id, None, now)
                )
                keyboard = keyboards.how_now(saved.id)
                await self._replace(update, context.bot, texts.HOW_NOW, keyboard)

    async def _undo_vote(
        self, update: Update, bot: Bot, saved: SavedPlaylist, track_id: str, liked: bool | None
    ) -> None:
        """Put back the vote on a track, wherever in its playlist it stands by now."""
        query, _ = pressed(update)
        track = next((each for each in saved.tracks if each.track_id == track_id), None)
        if track is None:  # Spotify no longer plays it, so another stands there
            await toast(query, texts.GONE)
            return
        await toast(query, texts.VOTED[None])
        await self._vote(saved.user_id, saved.id, track.position, liked)
        await self._replace(update, bot, messages.voted(track, liked=liked))

    # -- words --

    async def feedback(self, update: Update, context: Context) -> None:
        """Rate or vote by words, or show the buttons for it."""
        user_id, words = sender(update), context.args or []
        last = await self._services.records.run(lambda s: s.music.last_playlist(user_id))
        if last is None:
            await say(context.bot, user_id, texts.NO_PLAYLIST_YET)
            return
        match words:
            case []:
                await self._playlists.show_again(context.bot, last)
                stars = keyboards.stars(last.id, last.stars)
                await say(context.bot, user_id, texts.ASK_STARS, stars)
            case [number] if number in {"1", "2", "3", "4", "5"}:
                before = await self._rate(user_id, last.id, int(number))
                await say(context.bot, user_id, *_rated(last, int(number), before))
            case [number, sign] if number.isdecimal() and sign in SIGNS:
                await self._vote_by_words(context.bot, last, int(number) - 1, SIGNS[sign])
            case _:
                await say(context.bot, user_id, texts.FEEDBACK_USAGE)

    async def _vote_by_words(
        self, bot: Bot, saved: SavedPlaylist, position: int, liked: bool
    ) -> None:
        if not 0 <= position < len(saved.tracks):
            text = texts.NO_SUCH_TRACK.format(count=len(saved.tracks))
            await say(bot, saved.user_id, text)
            return
        track = saved.tracks[position]
        wishes = list(WISHES)
        before = await self._services.records.once(
            "vote before",
            lambda s: wishes.index(
                _wish(s.music.playlist(saved.id, saved.user_id).tracks[position].vote)
            ),
        )
        await self._vote(saved.user_id, saved.id, position, liked)
        undo = keyboards.undo("vote", saved.id, track.track_id, wishes[before])
        text = messages.voted(track, liked=liked)
        message = await say(bot, saved.user_id, text, undo)
        await self._playlists.note_shown(message, saved, position)

    # -- reactions --

    async def reacted(self, update: Update, context: Context) -> None:
        """Take a reaction on a playlist for a rating, on a track for a vote; taken off, for none.

        Where Telegram delivers reactions. Those that say nothing of liking change nothing.
        """
        change, user_id = update.message_reaction, sender(update)
        assert change is not None
        stars = _stars(change.new_reaction)
        if stars is None and _stars(change.old_reaction) is None:
            return
        shown = await self._services.records.run(
            lambda s: s.people.shown.find(user_id, change.message_id)
        )
        if shown is None:
            return
        try:
            saved = await self._services.records.run(
                lambda s: s.music.playlist(shown.playlist_id, user_id)
            )
            if shown.position is not None:
                liked = None if stars is None else stars >= 3
                await self._vote(user_id, saved.id, shown.position, liked)
                return
            before = await self._rate(user_id, saved.id, stars)
        except KeyError:
            return  # deleted, or shorter by now
        if stars is not None:
            await say(context.bot, user_id, *_rated(saved, stars, before))

    # -- what they share --

    async def _vote(
        self, user_id: int, playlist_id: int, position: int, liked: bool | None
    ) -> SavedPlaylist:
        """Store a vote and return its playlist; `KeyError` if there is no such track."""
        now = self._services.clock()

        def vote(stores: Stores) -> SavedPlaylist:
            stores.music.vote(user_id, playlist_id, position, liked, now)
            return stores.music.playlist(playlist_id, user_id)

        saved = await self._services.records.run(vote)
        self._services.metrics.votes.labels(_wish(liked)).inc()
        return saved

    async def _rate(self, user_id: int, playlist_id: int, stars: int | None) -> int:
        """Store a rating and return the one before, 0 for none."""
        now = self._services.clock()

        def rate(stores: Stores) -> int:
            before = stores.music.playlist(playlist_id, user_id).stars
            stores.music.rate(user_id, playlist_id, stars, now)
            return before or 0

        before = await self._services.records.once("rate", rate)
        self._services.metrics.ratings.labels(str(stars or "none")).inc()
        return before

    async def _replace(
        self, update: Update, bot: Bot, text: str, keyboard: InlineKeyboardMarkup | None = None
    ) -> None:
        """Put this in the place of the message whose button was pressed."""
        if update.effective_message is not None:
            await edit(bot, sender(update), update.effective_message.message_id, text, keyboard)


def _rated(saved: SavedPlaylist, stars: int, before: int) -> tuple[str, InlineKeyboardMarkup]:
    """Return what follows a rating of a playlist, with the way back to the one before."""
    return texts.RATED.format(stars=stars), keyboards.how_now(saved.id, before)


def _wish(vote: bool | None) -> str:
    return next(wish for wish, liked in WISHES.items() if liked is vote)


def _stars(reactions: Sequence[ReactionType]) -> int | None:
    """Return how many stars the last of these reactions is worth that is worth any."""
    emoji = [each.emoji for each in reactions if isinstance(each, ReactionTypeEmoji)]
    return next((REACTIONS[each] for each in reversed(emoji) if each in REACTIONS), None)
