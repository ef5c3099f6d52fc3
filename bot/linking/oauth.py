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

from bot.linking.user_locks import Turns
from recommender.errors import (
    AuthorizationDenied,
    AuthorizationFailed,
    AuthorizationForeign,
    AuthorizationStale,
    ConnectionExpired,
    RecommenderError,
)
from recommender.services.spotify.authorizations import PendingAuthorization
from recommender.services.spotify.tokens import Profile, Tokens
from recommender.services.spotify.web_api import SpotifyClient
from recommender.storage.database import immediate

if TYPE_CHECKING:
    from bot.storage.records import Records, Stores

CONNECTED = "connected"
"""The step of an update that connects an account; see `bot.current_update.earlier`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody came back; these six digits must be typed into the chat of the user who began."""

    user_id: int
    digits: str = field(repr=False)


class Consents:
    """Sends users to the consent page and connects those who come back.

    A link, or the digits of a page, are used up in the transaction that stores the connection. A
    code buys tokens only once, so tokens that could not be stored wait here for the next visit by
    the same link.

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
        self._unstored: dict[int, tuple[PendingAuthorization, Profile, Tokens]] = {}

    def drop(self, user_id: int) -> None:
        """Forget what could not be stored yet of this user's."""
        self._unstored.pop(user_id, None)

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
            pending = await self._returning(query)
            digits, now = f"{secrets.randbelow(10**6):06}", self._clock()

            def arrive(stores: "Stores") -> None:
                with immediate(stores.people.db):
                    stores.spotify.authorizations.use_up(query["state"])
                    stores.spotify.authorizations.arrive(pending, digits, now)

            await self._records.run(arrive)
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
                await self._connect(
                    pending, lambda s: s.spotify.authorizations.end_arrival(user_id)
                )
        return pending is not None

    async def _finish(self, query: Mapping[str, str], user_id: int) -> int:
        async with self._turns.of(user_id):  # else a user could be forgotten in between
            pending = await self._returning(query)
            await self._connect(pending, lambda s: s.spotify.authorizations.use_up(query["state"]))
        return user_id

    async def _owner(self, query: Mapping[str, str]) -> int:
        state = query.get("state", "")
        owner = await self._records.run(lambda s: s.spotify.authorizations.owner(state))
        if owner is None:
            raise AuthorizationStale("this way back is unknown or used")
        return owner

    async def _returning(self, query: Mapping[str, str]) -> PendingAuthorization:
        """Return who came back by the link, and with which code; without one it is used up."""
        now, state = self._clock(), query.get("state", "")
        pending = await self._records.run(lambda s: s.spotify.authorizations.returning(state, now))
        if pending is None:
            raise AuthorizationStale("this way back is used or too old")
        is_denied = query.get("error") == "access_denied"
        if is_denied or not query.get("code"):
            await self._records.run(lambda s: s.spotify.authorizations.use_up(state))
            raise (
                AuthorizationDenied("the listener said no")
                if is_denied
                else AuthorizationFailed("Spotify sent nobody's consent")
            )
        return replace(pending, code=query["code"])

    async def _connect(
        self, pending: PendingAuthorization, use_up: Callable[["Stores"], None]
    ) -> None:
        """Connect an account, and use up what brought its user here, at one stroke.

        Where Spotify does not play along that is used up too; where the database does not, it can
        be tried again.
        """
        try:
            profile, tokens = await self._bought(pending)
        except RecommenderError:
            await self._records.run(use_up)
            raise

        def connect(stores: "Stores") -> int:
            with immediate(stores.people.db):
                use_up(stores)
                stores.spotify.connect(pending.user_id, profile, tokens)
            return 1

        await self._records.once(CONNECTED, connect)
        self.drop(pending.user_id)

    async def _bought(self, pending: PendingAuthorization) -> tuple[Profile, Tokens]:
        """Return whose account it is, and the tokens that the code buys or has bought before."""
        unstored = self._unstored.get(pending.user_id)
        if unstored is not None and unstored[0] == pending:
            return unstored[1:]
        now = self._clock()
        try:
            tokens = await self._turns.request(
                self._spotify.exchange, pending.code, pending.verifier, now, pending.client_id
            )
        except ConnectionExpired as error:
            raise AuthorizationStale("Spotify no longer knows this consent") from error
        profile = await self._turns.request(self._spotify.profile, tokens.access_token)
        self._unstored[pending.user_id] = (pending, profile, tokens)
        return profile, tokens
