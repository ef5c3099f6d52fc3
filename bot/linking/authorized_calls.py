"""Asking Spotify on behalf of a user: with a fresh token, and not while it wants peace.

Where Spotify asks for a few seconds, they are waited out once, while the event loop goes on and no
thread sleeps. A longer wait is stored and the caller is told.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from bot.linking.user_locks import Turns
from recommender.errors import ConnectionExpired, NotConnected, QuotaExceeded, RateLimited
from recommender.services.spotify.refusals import LONG_WAIT_S, LONGEST_WAIT_S
from recommender.services.spotify.tokens import Tokens
from recommender.services.spotify.web_api import SpotifyClient

if TYPE_CHECKING:
    from bot.storage.records import Records

T = TypeVar("T")

Sleep = Callable[[float], Awaitable[object]]

REFRESH_BEFORE = timedelta(minutes=1)
"""An access token that ends this soon is replaced before it is used."""

SHORT_WAIT_S = 5.0
"""A wait that a user who looks at "Choosing your tracks" does not mind."""

_MARGIN_S = 0.1
"""Clocks differ; asking a moment too early would count as another request too many."""


class Asking:
    """Lends users' tokens to questions.

    For each user, one refresh at a time is under way: Spotify replaces the refresh token with it,
    so that a second one with the old token would end the connection.

    Args:
        records: The user data.
        spotify: The adapter; its calls run in threads.
        turns: Makes the requests; a refresh is finished even if whoever asked goes away.
        clock: Returns the time now, in UTC.
        on_ended: Called when a consent has ended and its user is to be told.
        sleep: Waits for so many seconds and lets others go on.
    """

    def __init__(
        self,
        records: "Records",
        spotify: SpotifyClient,
        turns: Turns,
        clock: Callable[[], datetime],
        on_ended: Callable[[], object],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._records = records
        self._spotify = spotify
        self._turns = turns
        self._clock = clock
        self._on_ended = on_ended
        self._sleep = sleep
        self._refreshing: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._bought: dict[int, tuple[Tokens, Tokens]] = {}
        """By user: tokens, and those that they bought and that could not be stored yet."""

    def drop(self, user_id: int) -> None:
        """Forget tokens of this user that are not stored."""
        self._bought.pop(user_id, None)

    async def ask(self, user_id: int, question: Callable[[str], T]) -> T:
        """Call the adapter with a fresh access token, off the event loop.

        An access token can be refused before its time; then one refresh is tried. If that does
        not help either, the tokens are deleted.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
            SpotifyBusy: Spotify wants peace, or cannot be reached.
        """
        try:
            return await self._ask(user_id, question)
        except RateLimited as busy:
            if busy.retry_after_s > SHORT_WAIT_S:
                raise
            await self._sleep(busy.retry_after_s + _MARGIN_S)
            return await self._ask(user_id, question)

    async def _ask(self, user_id: int, question: Callable[[str], T]) -> T:
        client_id = (await self._connected(user_id)).client_id
        await self._respect_cooldown(client_id)
        try:
            tokens = await self._fresh(user_id)
            try:
                return await self._turns.request(question, tokens.access_token)
            except ConnectionExpired:
                tokens = await self._fresh(user_id, refused=tokens)
            try:
                return await self._turns.request(question, tokens.access_token)
            except ConnectionExpired:
                await self._end(user_id, tokens)
                raise
        except (RateLimited, QuotaExceeded) as busy:
            until = self._clock() + timedelta(seconds=busy.retry_after_s)
            await self._records.run(lambda s: s.spotify.cool_down(client_id, until))
            raise

    async def _fresh(self, user_id: int, refused: Tokens | None = None) -> Tokens:
        """Return tokens that are good for a while and are not those that Spotify refused."""
        return await self._turns.undisturbed(self._ensure_fresh(user_id, refused))

    async def _ensure_fresh(self, user_id: int, refused: Tokens | None) -> Tokens:
        async with self._refreshing[user_id]:
            tokens = await self._connected(user_id)
            is_spent = tokens.expires_utc - self._clock() < REFRESH_BEFORE
            if tokens != refused and not is_spent:
                return tokens
            return await self._refresh(user_id, tokens)

    async def _refresh(self, user_id: int, tokens: Tokens) -> Tokens:
        """Buy new tokens and return them once they are stored, or what took their place since.

        The old ones buy only once. So new ones that cannot be stored are kept for the next try.
        """
        old, new = self._bought.get(user_id, (None, tokens))
        if old != tokens:
            try:
                new = await self._turns.request(self._spotify.refresh, tokens, self._clock())
            except ConnectionExpired:
                await self._end(user_id, tokens)
                raise
            self._bought[user_id] = (tokens, new)
        stored = await self._records.run(
            lambda stores: stores.spotify.replace_tokens(user_id, tokens, new)
        )
        self.drop(user_id)
        if stored is None:
            raise NotConnected("the account was disconnected meanwhile")
        return stored

    async def _end(self, user_id: int, tokens: Tokens) -> None:
        """Delete tokens that Spotify no longer honours, unless others took their place."""
        await self._records.run(lambda stores: stores.spotify.end(user_id, tokens))
        self._on_ended()

    async def _connected(self, user_id: int) -> Tokens:
        """Return the stored tokens; those that cannot be read stay, as their key may come back.

        Raises:
            NotConnected: There are none.
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
        # One that ends later than any can was stored by a clock that was ahead.
        if until is not None and now < until <= now + timedelta(seconds=LONGEST_WAIT_S):
            wait_s = (until - now).total_seconds()
            kind = QuotaExceeded if wait_s > LONG_WAIT_S else RateLimited
            raise kind("Spotify asked for patience", wait_s)
