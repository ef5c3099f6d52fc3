"""Makes and finds users' playlists: the service behind every handler that deals with them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.current_update import give_way
from bot.playlists.publishing import Published, Publisher
from bot.playlists.selection import Mood, Selector, load_mood
from bot.services import Services
from bot.storage.records import Stores
from recommender.listeners.saved import SavedPlaylist, StoredReading


class Playlists:
    """Makes playlists, one at a time for each user, and finds those made before.

    Args:
        services: The outside world and the state.

    Attributes:
        publisher: Writes playlists to Spotify.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._selector = Selector(services)
        self.publisher = Publisher(services, self._selector)
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def making(self, user_id: int) -> AsyncIterator[None]:
        """Hold the user's lock, so that their playlists are made and shown one after the other."""
        lock = self._locks[user_id]
        if lock.locked():  # usually waiting for Spotify
            give_way()
        async with lock:
            yield

    def is_making(self, user_id: int) -> bool:
        """Return whether a playlist of this user's is being made."""
        return self._locks[user_id].locked()

    async def make(
        self,
        user_id: int,
        mood: Mood,
        mode: str | None,
        message_id: int,
        *,
        rewrites: bool = False,
        like: int | None = None,
    ) -> Published:
        """Select tracks, store them as a playlist, and publish it. Call it within `making`.

        Args:
            user_id: Whose playlist.
            mood: What it is for.
            mode: One of `recommender.mood.targets.MODES`; None for the user's default.
            message_id: The message that will show it.
            rewrites: Whether it replaces the playlist that this message shows.
            like: The id of a playlist that it should resemble; None for none.

        Raises:
            TooFewTracks: The user's filters leave too few tracks.
        """
        saved = await self._selector.select(
            user_id,
            mood,
            mode,
            message_id,
            rewrites=rewrites,
            store_intent=self.publisher.store_intent,
            like=like,
        )
        return await self.publisher.publish(saved)

    # -- made before --

    async def find(self, user_id: int, playlist_id: int) -> SavedPlaylist | None:
        """Return a user's playlist; None if it was deleted or is another user's."""

        def load(stores: Stores) -> SavedPlaylist | None:
            try:
                return stores.music.playlist(playlist_id, user_id)
            except KeyError:
                return None

        return await self._services.records.run(load)

    async def last(self, user_id: int) -> SavedPlaylist | None:
        """Return the user's newest playlist, if there is one."""
        return await self._services.records.run(lambda s: s.music.last_playlist(user_id))

    async def mood_of(self, saved: SavedPlaylist) -> Mood:
        """Return the mood that a playlist was made for."""
        return await self._services.records.run(lambda stores: load_mood(stores, saved))

    # -- of a reading --

    async def reading(self, user_id: int, reading_id: int) -> StoredReading | None:
        """Return a user's reading, as corrected; None if it was deleted or is another user's."""

        def load(stores: Stores) -> StoredReading | None:
            try:
                return stores.music.reading(reading_id, user_id)
            except KeyError:
                return None

        return await self._services.records.run(load)

    async def mode_of(self, reading: StoredReading) -> str:
        """Return the mode last chosen for a reading, else the user's default."""

        def load(stores: Stores) -> str:
            last = stores.music.last_playlist(reading.user_id)
            if last and last.reading_id == reading.id:
                return last.mode
            return stores.music.preferences.load(reading.user_id).mode

        return await self._services.records.run(load)
