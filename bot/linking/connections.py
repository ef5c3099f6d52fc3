"""The users' Spotify accounts: connecting them, calling the Web API, writing playlists."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from bot.linking.authorized_calls import AuthorizedCalls, Sleep
from bot.linking.oauth import OAuth
from bot.linking.playlist_writer import PlaylistWriter
from bot.linking.user_locks import UserLocks
from recommender.services.spotify.web_api import SpotifyClient

if TYPE_CHECKING:
    from bot.storage.records import Records


class Connections:
    """The parts that act on users' Spotify accounts, wired to share one lock per user.

    Any call may raise `SpotifyBusy` (or a subclass) or `SpotifyRefused` when Spotify fails.

    Args:
        records: The user data.
        spotify: The Web API client; its calls run in threads.
        clock: Returns the time now, in UTC.
        shows_digits: Whether other people's browsers can reach the callback page. If so, it shows
            six digits that the user must type into their chat.
        sleep: Waits for a number of seconds without blocking the event loop.

    Attributes:
        locks: One lock per user.
        oauth: Connects an account.
        writer: Writes playlists.
        redirect_uri: Where Spotify sends users back to.
        shows_digits: As given.
        when_ended: Called when a consent has ended and its user must be told.
    """

    def __init__(
        self,
        records: "Records",
        spotify: SpotifyClient,
        clock: Callable[[], datetime],
        *,
        shows_digits: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.redirect_uri = spotify.redirect_uri
        self.shows_digits = shows_digits
        self.when_ended: Callable[[], object] = lambda: None
        self._records = records
        self._spotify = spotify
        self.locks = UserLocks()
        self.oauth = OAuth(records, spotify, self.locks, clock)
        self._calls = AuthorizedCalls(
            records, spotify, self.locks, clock, lambda: self.when_ended(), sleep
        )
        self.writer = PlaylistWriter(records, spotify, self._calls, self.locks, clock)

    async def is_connected(self, user_id: int) -> bool:
        """Return whether the user has an account connected."""
        return await self._records.run(lambda stores: stores.spotify.is_connected(user_id))

    async def disconnect(self, user_id: int) -> None:
        """Delete the user's tokens. Their playlists stay in their account."""
        async with self.locks.of(user_id):
            self._drop_unstored(user_id)
            await self._records.run(lambda stores: stores.spotify.drop_tokens(user_id))

    async def forget(self, user_id: int) -> None:
        """Delete everything stored about the user's account, after requests in flight."""
        async with self.locks.of(user_id):
            self._drop_unstored(user_id)
            await self._records.run(lambda stores: stores.spotify.forget(user_id))

    def _drop_unstored(self, user_id: int) -> None:
        self.oauth.drop(user_id)
        self._calls.drop(user_id)

    async def settle(self) -> None:
        """Wait a while for requests in flight at shutdown, then close the client."""
        await self.locks.settle()
        self._spotify.close()
