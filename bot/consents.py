"""Connecting an account: the way to Spotify's consent page and back.

There are three ways back. On the bot's own computer the browser comes to our page, and that is
all. On a public address any browser can come there, also that of somebody who was sent a link of
another's: so the page shows six digits, and nothing is connected before they are typed into the
chat that began. And where a phone's browser ends on an address of the bot's computer, which it
cannot open, its user pastes that address into the chat.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.handling import current, earlier
from bot.turns import Turns
from recommender.authorizations import PendingAuthorization
from recommender.errors import (
    AuthorizationDenied,
    AuthorizationFailed,
    AuthorizationForeign,
    AuthorizationStale,
    ConnectionExpired,
)
from recommender.spotify import SpotifyClient
from recommender.tokens import Profile, Tokens

if TYPE_CHECKING:
    from bot.records import Records, Stores

_CONNECTED = "connected"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody came back; these six digits must be typed into the chat of the user who began."""

    user_id: int
    digits: str = field(repr=False)


class Consents:
    """Sends users to the consent page and connects those who come back.

    Args:
        records: The user data.
        spotify: The adapter; its calls run in threads.
        turns: Makes the requests, one thing at a time for each user.
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
        self._bought: dict[int, tuple[int, Profile, Tokens]] = {}
        """By update: whose account, whose tokens could not be stored; the next try does."""

    async def begin(self, user_id: int) -> str:
        """Return the address of Spotify's consent page for this user; it works once."""
        client_id = await self._records.run(lambda s: s.spotify.authorizations.app_of(user_id))
        way, now = self._spotify.authorize(client_id), self._clock()
        pending = PendingAuthorization(user_id, way.verifier, client_id)
        await self._records.run(lambda s: s.spotify.authorizations.begin(pending, way.state, now))
        return way.url

    async def finish(self, query: Mapping[str, str]) -> int:
        """Connect whoever came back in a browser on this computer; see `Connections.finish`."""
        return await self._turns.undisturbed(self._finish(query, await self._owner(query)))

    async def finish_pasted(self, user_id: int, query: Mapping[str, str]) -> None:
        """Connect who pasted where a browser ended; see `Connections.finish_pasted`."""
        if await self._owner(query) != user_id:
            raise AuthorizationForeign("another listener began this")
        await self._turns.undisturbed(self._finish(query, user_id))

    async def arrive(self, query: Mapping[str, str]) -> Arrival:
        """Keep what came back until six digits say whose it is; see `Connections.arrive`."""
        async with self._turns.of(await self._owner(query)):
            pending = await self._take(query)
            digits, now = f"{secrets.randbelow(10**6):06}", self._clock()
            await self._records.run(
                lambda s: s.spotify.authorizations.arrive(pending, digits, now)
            )
        return Arrival(pending.user_id, digits)

    async def finish_typed(self, user_id: int, digits: str) -> bool:
        """Connect the user who typed six digits; see `Connections.finish_typed`."""
        return await self._turns.undisturbed(self._finish_typed(user_id, digits))

    async def _finish_typed(self, user_id: int, digits: str) -> bool:
        async with self._turns.of(user_id):
            now = self._clock()
            pending = await self._records.run(
                lambda s: s.spotify.authorizations.try_digits(user_id, digits, now)
            )
            if pending is not None:
                await self._connect(pending)
        return pending is not None

    async def _finish(self, query: Mapping[str, str], user_id: int) -> int:
        async with self._turns.of(user_id):  # else a user could be forgotten in between
            await self._connect(await self._take(query))
        return user_id

    async def _owner(self, query: Mapping[str, str]) -> int:
        state = query.get("state", "")
        owner = await self._records.run(lambda s: s.spotify.authorizations.owner(state))
        if owner is None:
            raise AuthorizationStale("this way back is unknown or used")
        return owner

    async def _take(self, query: Mapping[str, str]) -> PendingAuthorization:
        """Use the link up and return who came back by it, and with which code."""
        now, state = self._clock(), query.get("state", "")
        pending = await self._records.run(lambda s: s.spotify.authorizations.take(state, now))
        if pending is None:
            raise AuthorizationStale("this way back is used or too old")
        if query.get("error") == "access_denied":
            raise AuthorizationDenied("the listener said no")
        if not query.get("code"):
            raise AuthorizationFailed("Spotify sent nobody's consent")
        return replace(pending, code=query["code"])

    async def _connect(self, pending: PendingAuthorization) -> None:
        now = self._clock()
        try:
            tokens = await self._turns.request(
                self._spotify.exchange, pending.code, pending.verifier, now, pending.client_id
            )
        except ConnectionExpired as error:
            raise AuthorizationStale("Spotify no longer knows this consent") from error
        profile = await self._turns.request(self._spotify.profile, tokens.access_token)
        await self._keep(pending.user_id, profile, tokens)

    async def finish_earlier(self, user_id: int) -> bool:
        """Return whether an earlier try connected this user; see `Connections.finish_earlier`."""
        return await self._turns.undisturbed(self._finish_earlier(user_id))

    async def _finish_earlier(self, user_id: int) -> bool:
        handling = current()
        async with self._turns.of(user_id):
            if handling is not None and handling.update_id in self._bought:
                await self._keep(*self._bought[handling.update_id])
        return earlier(_CONNECTED) is not None

    def drop(self, user_id: int) -> None:
        """Forget tokens of this user that are not stored."""
        for update_id, (owner, *_) in list(self._bought.items()):
            if owner == user_id:
                del self._bought[update_id]

    async def _keep(self, user_id: int, profile: Profile, tokens: Tokens) -> None:
        """Store an account; if that fails, its tokens are kept for another try."""
        handling = current()
        if handling is not None:
            self._bought[handling.update_id] = (user_id, profile, tokens)

        def connect(stores: "Stores") -> int:
            stores.spotify.connect(user_id, profile, tokens)
            return 1

        await self._records.once(_CONNECTED, connect)
        self.drop(user_id)
