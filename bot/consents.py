"""Connecting an account: the way to Spotify's consent page and back."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from bot.turns import Turns
from recommender.errors import (
    AuthorizationDenied,
    AuthorizationFailed,
    AuthorizationStale,
    ConnectionExpired,
)
from recommender.spotify import SpotifyClient

if TYPE_CHECKING:
    from bot.records import Records


class Consents:
    """Sends users to the consent page and connects those who come back.

    Args:
        records: The user data.
        spotify: The adapter; its calls run in threads.
        turns: One thing at a time for each user.
        clock: Returns the time now, in UTC.
    """

    def __init__(
        self,
        records: "Records",
        spotify: SpotifyClient,
        turns: Turns,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._spotify = spotify
        self._turns = turns
        self._clock = clock

    async def begin(self, user_id: int) -> str:
        """Return the address of Spotify's consent page for this user; it works once."""
        way, now = self._spotify.authorize(), self._clock()
        await self._records.run(
            lambda stores: stores.spotify.begin(user_id, way.state, way.verifier, now)
        )
        return way.url

    async def finish(self, query: Mapping[str, str]) -> int:
        """Connect the user who came back from the consent page and return who it is.

        Args:
            query: The parameters with which Spotify sent them back.

        Raises:
            AuthorizationDenied: They said no.
            AuthorizationStale: The link is unknown, was used already, or is too old.
            AuthorizationFailed: Spotify reports another failure.
        """
        return await self._turns.undisturbed(self._finish(query))

    async def _finish(self, query: Mapping[str, str]) -> int:
        now, state = self._clock(), query.get("state", "")
        pending = await self._records.run(lambda stores: stores.spotify.take(state, now))
        if pending is None:
            raise AuthorizationStale("this way back is unknown, used, or too old")
        if query.get("error") == "access_denied":
            raise AuthorizationDenied("the listener said no")
        if not query.get("code"):
            raise AuthorizationFailed("Spotify sent nobody's consent")
        user_id = pending.user_id
        async with self._turns.of(user_id):
            try:
                tokens = await asyncio.to_thread(
                    self._spotify.exchange, query["code"], pending.verifier, now
                )
            except ConnectionExpired as error:
                raise AuthorizationStale("Spotify no longer knows this consent") from error
            profile = await asyncio.to_thread(self._spotify.profile, tokens.access_token)
            await self._records.run(
                lambda stores: stores.spotify.connect(user_id, profile, tokens)
            )
        return user_id
