"""Asking Spotify on behalf of a user: with a fresh token, and not while it wants peace.

Nothing here sleeps. Where Spotify asks for patience, the wait is stored and the caller is told.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from recommender.errors import ConnectionExpired, NotConnected, QuotaExceeded, RateLimited
from recommender.refusals import LONG_WAIT_S
from recommender.spotify import SpotifyClient
from recommender.tokens import Tokens

if TYPE_CHECKING:
    from bot.records import Records

T = TypeVar("T")

REFRESH_BEFORE = timedelta(minutes=1)
"""An access token that ends this soon is replaced before it is used."""


class Asking:
    """Lends users' tokens to questions.

    Args:
        records: The user data.
        spotify: The adapter; its calls run in threads.
        clock: Returns the time now, in UTC.
    """

    def __init__(
        self, records: "Records", spotify: SpotifyClient, clock: Callable[[], datetime]
    ) -> None:
        self._records = records
        self._spotify = spotify
        self._clock = clock

    async def ask(self, user_id: int, question: Callable[[str], T]) -> T:
        """Call the adapter with a fresh access token, off the event loop.

        An access token can be refused before its time; then one refresh is tried. If that does
        not help either, the tokens are deleted.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
            SpotifyBusy: Spotify wants peace, or cannot be reached.
        """
        await self._respect_cooldown()
        tokens = await self._records.run(lambda stores: stores.spotify.tokens(user_id))
        if tokens is None:
            raise NotConnected("no Spotify account is connected")
        try:
            if tokens.expires_utc - self._clock() < REFRESH_BEFORE:
                tokens = await self._refreshed(user_id, tokens)
            try:
                return await asyncio.to_thread(question, tokens.access_token)
            except ConnectionExpired:
                tokens = await self._refreshed(user_id, tokens)
                return await asyncio.to_thread(question, tokens.access_token)
        except ConnectionExpired:
            await self._records.run(lambda stores: stores.spotify.drop_tokens(user_id))
            raise
        except (RateLimited, QuotaExceeded) as busy:
            until = self._clock() + timedelta(seconds=busy.retry_after_s)
            await self._records.run(lambda stores: stores.spotify.cool_down(until))
            raise

    async def _respect_cooldown(self) -> None:
        until, now = (
            await self._records.run(lambda stores: stores.spotify.cooldown()),
            self._clock(),
        )
        if until is not None and now < until:
            wait_s = (until - now).total_seconds()
            kind = QuotaExceeded if wait_s > LONG_WAIT_S else RateLimited
            raise kind("Spotify asked for patience", wait_s)

    async def _refreshed(self, user_id: int, tokens: Tokens) -> Tokens:
        fresh = await asyncio.to_thread(self._spotify.refresh, tokens, self._clock())
        await self._records.run(lambda stores: stores.spotify.save_tokens(user_id, fresh))
        return fresh
