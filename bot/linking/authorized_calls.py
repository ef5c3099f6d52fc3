"""Web API calls on behalf of a user: refreshes tokens and respects rate limits.

A rate limit of a few seconds is waited out once, without blocking a thread. A longer one is stored
as a cooldown and raised to the caller.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from bot.linking.user_locks import UserLocks
from recommender.errors import ConnectionExpired, NotConnected, QuotaExceeded, RateLimited
from recommender.services.spotify.refusals import LONG_WAIT_S, LONGEST_WAIT_S
from recommender.services.spotify.tokens import Tokens
from recommender.services.spotify.web_api import SpotifyClient

if TYPE_CHECKING:
    from bot.storage.records import Records

T = TypeVar("T")

Sleep = Callable[[float], Awaitable[object]]

REFRESH_BEFORE = timedelta(minutes=1)
"""An access token that expires within this time is refreshed before use."""

SHORT_WAIT_S = 5.0
"""The longest rate limit that is waited out while the user looks at "Choosing your tracks"."""

_MARGIN_S = 0.1
"""Added to each wait: clocks differ, and a request a moment too early counts against us."""


class AuthorizedCalls:
    """Calls the Web API with users' access tokens.

    Refreshes are serialized per user: each one replaces the refresh token, so a second refresh
    with the old token would end the connection.

    Args:
        records: The user data.
        spotify: The Web API client; its calls run in threads.
        locks: Sends the requests and shields refreshes from cancellation.
        clock: Returns the time now, in UTC.
        on_ended: Called when a consent has ended and its user must be told.
        sleep: Waits for a number of seconds without blocking the event loop.
    """

    def __init__(
        self,
        records: "Records",
        spotify: SpotifyClient,
        locks: UserLocks,
        clock: Callable[[], datetime],
        on_ended: Callable[[], object],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._records = records
        self._spotify = spotify
        self._locks = locks
        self._clock = clock
        self._on_ended = on_ended
        self._sleep = sleep
        self._refreshing: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._unstored: dict[int, tuple[Tokens, Tokens]] = {}
        """By user: old tokens, and their replacements that could not be stored yet."""

    def drop(self, user_id: int) -> None:
        """Drop this user's tokens that are not stored yet."""
        self._unstored.pop(user_id, None)

    async def call(self, user_id: int, send: Callable[[str], T]) -> T:
        """Call `send` with a fresh access token, in a thread.

        If Spotify rejects the token before it expires, it is refreshed once. If the new one is
        rejected too, the tokens are deleted.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
            SpotifyBusy: Spotify limits our rate, or cannot be reached.
        """
        try:
            return await self._call(user_id, send)
        except RateLimited as busy:
            if busy.retry_after_s > SHORT_WAIT_S:
                raise
            await self._sleep(busy.retry_after_s + _MARGIN_S)
            return await self._call(user_id, send)

    async def _call(self, user_id: int, send: Callable[[str], T]) -> T:
        client_id = (await self._connected(user_id)).client_id
        await self._respect_cooldown(client_id)
        try:
            tokens = await self._fresh(user_id)
            try:
                return await self._locks.request(send, tokens.access_token)
            except ConnectionExpired:
                tokens = await self._fresh(user_id, refused=tokens)
            try:
                return await self._locks.request(send, tokens.access_token)
            except ConnectionExpired:
                await self._end(user_id, tokens)
                raise
        except (RateLimited, QuotaExceeded) as busy:
            until = self._clock() + timedelta(seconds=busy.retry_after_s)
            await self._records.run(lambda s: s.spotify.cool_down(client_id, until))
            raise

    async def _fresh(self, user_id: int, refused: Tokens | None = None) -> Tokens:
        """Return tokens that are valid for at least `REFRESH_BEFORE` and are not `refused`."""
        return await self._locks.shielded(self._ensure_fresh(user_id, refused))

    async def _ensure_fresh(self, user_id: int, refused: Tokens | None) -> Tokens:
        async with self._refreshing[user_id]:
            tokens = await self._connected(user_id)
            is_spent = tokens.expires_utc - self._clock() < REFRESH_BEFORE
            if tokens != refused and not is_spent:
                return tokens
            return await self._refresh(user_id, tokens)

    async def _refresh(self, user_id: int, tokens: Tokens) -> Tokens:
        """Refresh the tokens and return what is stored afterwards.

        A refresh token works once. So new tokens that cannot be stored are kept for the next try.
        """
        old, new = self._unstored.get(user_id, (None, tokens))
        if old != tokens:
            try:
                new = await self._locks.request(self._spotify.refresh, tokens, self._clock())
            except ConnectionExpired:
                await self._end(user_id, tokens)
                raise
            self._unstored[user_id] = (tokens, new)
        stored = await self._records.run(
            lambda stores: stores.spotify.replace_tokens(user_id, tokens, new)
        )
        self.drop(user_id)
        if stored is None:
            raise NotConnected("the account was disconnected meanwhile")
        return stored

    async def _end(self, user_id: int, tokens: Tokens) -> None:
        """Delete tokens that Spotify no longer honours, unless they were replaced meanwhile."""
        await self._records.run(lambda stores: stores.spotify.end(user_id, tokens))
        self._on_ended()

    async def _connected(self, user_id: int) -> Tokens:
        """Return the stored tokens.

        Tokens that cannot be decrypted are kept: their key may be restored.

        Raises:
            NotConnected: There are none.
            ConnectionExpired: They cannot be decrypted.
        """
        try:
            tokens = await self._records.run(lambda stores: stores.spotify.tokens(user_id))
        except ConnectionExpired:
            await self._records.run(lambda stores: stores.spotify.notices.note_end(user_id))
            self._on_ended()
            raise
        if tokens is None:
            raise NotConnected("no Spotify account is connected")
        return tokens

    async def _respect_cooldown(self, client_id: str) -> None:
        until = await self._records.run(lambda stores: stores.spotify.cooldown(client_id))
        now = self._clock()
        # Later than the longest cooldown means that it was stored by a clock that was ahead.
        if until is not None and now < until <= now + timedelta(seconds=LONGEST_WAIT_S):
            wait_s = (until - now).total_seconds()
            kind = QuotaExceeded if wait_s > LONG_WAIT_S else RateLimited
            raise kind("Spotify asked us to wait", wait_s)
