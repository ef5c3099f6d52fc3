"""Stores what users think of what they were shown: votes, ratings, and how they feel after it."""

import asyncio
from collections import defaultdict

from bot.services import Services
from bot.storage.records import Stores
from recommender.listeners.mood_pairs import MoodPair
from recommender.listeners.saved import SavedPlaylist

WISHES = {"up": True, "down": False, "none": None}
"""A vote by the word in callback data and metrics."""


def wish_of(vote: bool | None) -> str:
    """Return the word for a vote."""
    return next(wish for wish, liked in WISHES.items() if liked is vote)


class Opinions:
    """Stores votes and ratings, and counts them.

    Each method raises `KeyError` if the playlist or track was deleted or is another user's.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def voting(self, user_id: int) -> asyncio.Lock:
        """Return the lock to hold from a vote until its buttons show it, to keep their order."""
        return self._locks[user_id]

    async def vote(
        self, user_id: int, playlist_id: int, position: int, liked: bool | None
    ) -> SavedPlaylist:
        """Store a vote, or None to remove it, and return its playlist."""
        now = self._services.clock()

        def store(stores: Stores) -> SavedPlaylist:
            stores.music.vote(user_id, playlist_id, position, liked, now)
            return stores.music.playlist(playlist_id, user_id)

        saved = await self._services.records.run(store)
        self._services.metrics.votes.labels(wish_of(liked)).inc()
        return saved

    async def vote_before(self, saved: SavedPlaylist, position: int) -> str:
        """Return the word for the vote on a track before this update, also in a retry."""
        wishes = list(WISHES)

        def load(stores: Stores) -> int:
            tracks = stores.music.playlist(saved.id, saved.user_id).tracks
            return wishes.index(wish_of(tracks[position].vote))

        return wishes[await self._services.records.once("vote before", load)]

    async def rate(self, user_id: int, playlist_id: int, stars: int | None) -> int:
        """Store a rating of 1 to 5 stars, or None to remove it; return the one before, or 0."""
        now = self._services.clock()

        def store(stores: Stores) -> int:
            before = stores.music.playlist(playlist_id, user_id).stars
            stores.music.rate(user_id, playlist_id, stars, now)
            return before or 0

        before = await self._services.records.once("rate", store)
        self._services.metrics.ratings.labels(str(stars or "none")).inc()
        return before

    async def note_felt(self, user_id: int, playlist_id: int, emotion: str) -> MoodPair:
        """Store how a user feels after a playlist; return that with the mood before."""
        now = self._services.clock()

        def store(stores: Stores) -> MoodPair:
            stores.music.after.note(playlist_id, user_id, emotion, now)
            pairs = stores.music.mood_pairs(user_id)
            return next(pair for pair in pairs if pair.playlist_id == playlist_id)

        return await self._services.records.run(store)

    async def drop_felt(self, user_id: int, playlist_id: int) -> None:
        """Remove how a user felt after a playlist."""
        now = self._services.clock()
        await self._services.records.run(
            lambda s: s.music.after.note(playlist_id, user_id, None, now)
        )
