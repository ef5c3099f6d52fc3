"""Votes and ratings: by button, by /feedback, by reaction.

After a rating the bot asks how the user feels now. Compared with the mood before, that tells
whether the music helped. Each answer has an undo button.
"""

from collections.abc import Sequence

from telegram import Bot, InlineKeyboardMarkup, ReactionType, ReactionTypeEmoji, Update
from telegram.ext import ContextTypes

from bot import texts
from bot.chat.feedback import keyboards, messages
from bot.chat.playlist_messages import PlaylistMessages
from bot.chat.playlist_view import PAGE_TRACKS
from bot.chat.replies import edit, pressed, say, sender, toast
from bot.playlists.opinions import WISHES, Opinions
from bot.playlists.playlists import Playlists
from bot.services import Services
from recommender.listeners.saved import SavedPlaylist

Context = ContextTypes.DEFAULT_TYPE

SIGNS = {"+": True, "-": False, "👍": True, "👎": False}

REACTIONS = {
    **dict.fromkeys("❤🔥🥰😍🤩🎉💯🏆👏💘🕊", 5),
    **dict.fromkeys("👍😁👌🤗😇😎🤝🫡🙏", 4),
    **dict.fromkeys("👎🥱😴🤨", 2),
    **dict.fromkeys("💩🤮🤬🖕💔😡", 1),
}
"""The stars that a reaction stands for. On a single track, 4 or 5 count as a like, 1 or 2 as a
dislike."""


class Feedback:
    """Takes votes and ratings."""

    def __init__(
        self, services: Services, playlists: Playlists, playlist_messages: PlaylistMessages
    ) -> None:
        self._services = services
        self._playlists = playlists
        self._playlist_messages = playlist_messages
        self._opinions = Opinions(services)

    # -- buttons --

    async def vote(self, update: Update, context: Context) -> None:
        """Like or dislike a track, or take that back."""
        query, (playlist_id, position, wish) = pressed(update)
        user_id, liked = sender(update), WISHES[wish]
        async with self._opinions.voting(user_id):
            try:
                saved = await self._opinions.vote(user_id, playlist_id, position, liked)
            except KeyError:
                await toast(query, texts.GONE)
                return
            await toast(query, texts.VOTED[liked])
            await self._playlist_messages.refresh(update, saved, position // PAGE_TRACKS)

    async def stars(self, update: Update, context: Context) -> None:
        """Rate a playlist, then ask how the user feels now."""
        query, (playlist_id, stars) = pressed(update)
        saved = await self._playlist_messages.find(update, playlist_id)
        if saved is None:
            return
        before = await self._opinions.rate(saved.user_id, saved.id, stars)
        await toast(query)
        await self._replace(update, context.bot, *_rated(saved, stars, before))

    async def felt(self, update: Update, context: Context) -> None:
        """Store how the user feels after a playlist."""
        query, (playlist_id, emotion) = pressed(update)
        try:
            pair = await self._opinions.note_felt(sender(update), playlist_id, emotion)
        except KeyError:
            await toast(query, texts.GONE)
            return
        await toast(query)
        undo = keyboards.undo("felt", playlist_id)
        await self._replace(update, context.bot, messages.felt(pair), undo)

    async def undo(self, update: Update, context: Context) -> None:
        """Restore what the user had said before the message with this button."""
        query, (what, playlist_id, *before) = pressed(update)
        saved = await self._playlist_messages.find(update, playlist_id)
        if saved is None:
            return
        match what, before:
            case "vote", [track_id, wish]:
                await self._undo_vote(update, context.bot, saved, track_id, WISHES[wish])
            case "stars", [stars]:
                await toast(query, texts.VOTED[None])
                await self._opinions.rate(saved.user_id, saved.id, stars or None)
                keyboard = keyboards.stars(saved.id, stars)
                await self._replace(update, context.bot, texts.ASK_STARS, keyboard)
            case "felt", []:
                await toast(query, texts.VOTED[None])
                await self._opinions.drop_felt(saved.user_id, saved.id)
                keyboard = keyboards.how_now(saved.id)
                await self._replace(update, context.bot, texts.HOW_NOW, keyboard)

    async def _undo_vote(
        self, update: Update, bot: Bot, saved: SavedPlaylist, track_id: str, liked: bool | None
    ) -> None:
        """Restore the vote on a track, whatever its position is now."""
        query, _ = pressed(update)
        track = next((each for each in saved.tracks if each.track_id == track_id), None)
        if track is None:  # Spotify no longer plays it, so it was replaced
            await toast(query, texts.GONE)
            return
        await toast(query, texts.VOTED[None])
        await self._opinions.vote(saved.user_id, saved.id, track.position, liked)
        await self._replace(update, bot, messages.voted(track, liked=liked))

    # -- words --

    async def feedback(self, update: Update, context: Context) -> None:
        """Rate or vote by words, or show the buttons for it."""
        user_id, words = sender(update), context.args or []
        last = await self._playlists.last(user_id)
        if last is None:
            await say(context.bot, user_id, texts.NO_PLAYLIST_YET)
            return
        match words:
            case []:
                await self._playlist_messages.show_again(context.bot, last)
                stars = keyboards.stars(last.id, last.stars)
                await say(context.bot, user_id, texts.ASK_STARS, stars)
            case [number] if number in {"1", "2", "3", "4", "5"}:
                before = await self._opinions.rate(user_id, last.id, int(number))
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
        before = await self._opinions.vote_before(saved, position)
        await self._opinions.vote(saved.user_id, saved.id, position, liked)
        undo = keyboards.undo("vote", saved.id, track.track_id, before)
        message = await say(bot, saved.user_id, messages.voted(track, liked=liked), undo)
        await self._playlist_messages.note_shown(message, saved, position)

    # -- reactions --

    async def reacted(self, update: Update, context: Context) -> None:
        """Take a reaction to a playlist as a rating, to a track as a vote; removing it undoes it.

        Reactions outside `REACTIONS` change nothing.
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
        saved = await self._playlists.find(user_id, shown.playlist_id)
        if saved is None:
            return
        try:
            if shown.position is not None:
                liked = None if stars is None else stars >= 3
                await self._opinions.vote(user_id, saved.id, shown.position, liked)
                return
            before = await self._opinions.rate(user_id, saved.id, stars)
        except KeyError:
            return  # deleted, or shorter by now
        if stars is not None:
            await say(context.bot, user_id, *_rated(saved, stars, before))

    async def _replace(
        self, update: Update, bot: Bot, text: str, keyboard: InlineKeyboardMarkup | None = None
    ) -> None:
        """Replace the message whose button was pressed."""
        if update.effective_message is not None:
            await edit(bot, sender(update), update.effective_message.message_id, text, keyboard)


def _rated(saved: SavedPlaylist, stars: int, before: int) -> tuple[str, InlineKeyboardMarkup]:
    """Return the answer to a rating, with an undo."""
    return texts.RATED.format(stars=stars), keyboards.how_now(saved.id, before)


def _stars(reactions: Sequence[ReactionType]) -> int | None:
    """Return the stars of the last of these reactions that is in `REACTIONS`."""
    emoji = [each.emoji for each in reactions if isinstance(each, ReactionTypeEmoji)]
    return next((REACTIONS[each] for each in reversed(emoji) if each in REACTIONS), None)
