"""Connects an account: OAuth's authorization code flow with PKCE.

There are three ways back from Spotify's consent page:

- On the bot's own computer, the browser opens our callback page. That connects the account.
- On a public address, any browser can open the callback page, even that of a person who was
  tricked into opening another user's link. So the page shows six digits, and the account is
  connected when they are typed into the chat that began.
- A phone's browser cannot open an address of the bot's computer. Its user pastes that address into
  the chat.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from bot.linking.user_locks import UserLocks
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
    """A return from the consent page, with the digits that its user must type in their chat."""

    user_id: int
    digits: str = field(repr=False)


class OAuth:
    """Sends users to the consent page and connects those who come back.

    A link, or the digits of a page, expire in the transaction that stores the connection. An
    authorization code works once, so tokens that could not be stored are kept here for the next
    visit by the same link.

    Args:
        records: The user data.
        spotify: The Web API client; its calls run in threads.
        locks: Sends the requests, with one lock per user.
        clock: Returns the time now, in UTC.
    """

    def __init__(
        self,
        records: "Records",
        spotify: SpotifyClient,
        locks: UserLocks,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._spotify = spotify
        self._locks = locks
        self._clock = clock
        self._unstored: dict[int, tuple[PendingAuthorization, Profile, Tokens]] = {}

    def drop(self, user_id: int) -> None:
        """Drop this user's tokens that are not stored yet."""
        self._unstored.pop(user_id, None)

    async def begin(self, user_id: int) -> str:
        """Return the address of Spotify's consent page for this user; it works once."""
        client_id = await self.app_of(user_id)
        way, now = self._spotify.authorize(client_id), self._clock()
        pending = PendingAuthorization(user_id, way.verifier, client_id)
        await self._records.run(lambda s: s.spotify.authorizations.begin(pending, way.state, now))
        return way.url

    async def finish(self, query: Mapping[str, str]) -> int:
        """Connect the user who came back from the consent page and return their id.

        Args:
            query: The parameters with which Spotify sent them back.

        Raises:
            AuthorizationDenied: They said no.
            AuthorizationStale: The link is unknown, used or too old.
            AuthorizationFailed: Spotify reports another failure.
        """
        return await self._locks.shielded(self._finish(query, await self._owner(query)))

    async def finish_pasted(self, user_id: int, query: Mapping[str, str]) -> None:
        """Connect the user who pasted the address on which their browser ended.

        Raises:
            AuthorizationForeign: Another user began this; their link stays valid.
            AuthorizationFailed: As in `finish`.
        """
        if await self._owner(query) != user_id:
            raise AuthorizationForeign("another listener began this")
        await self._locks.shielded(self._finish(query, user_id))

    async def arrive(self, query: Mapping[str, str]) -> Arrival:
        """Store a return from any browser until its six digits are typed in the user's chat.

        Raises:
            AuthorizationFailed: As in `finish`.
        """
        async with self._locks.of(await self._owner(query)):
            pending = await self._returning(query)
            digits, now = f"{secrets.randbelow(10**6):06}", self._clock()

            def arrive(stores: "Stores") -> None:
                with immediate(stores.people.db):
                    stores.spotify.authorizations.use_up(query["state"])
                    stores.spotify.authorizations.arrive(pending, digits, now)

            await self._records.run(arrive)
        return Arrival(pending.user_id, digits)

    async def finish_typed(self, user_id: int, digits: str) -> bool:
        """Connect the user who typed six digits; return whether any were awaited.

        Raises:
            WrongDigits: They do not match; says how many tries are left.
            AuthorizationStale: They were shown too long ago.
        """
        return await self._locks.shielded(self._finish_typed(user_id, digits))

    async def is_under_way(self, user_id: int) -> bool:
        """Return whether the user has a link to the consent page that still works."""
        now = self._clock()
        return await self._records.run(
            lambda s: s.spotify.authorizations.is_under_way(user_id, now)
        )

    async def app_of(self, user_id: int) -> str:
        """Return the client id of the user's own Spotify app; empty for the bot owner's."""
        return await self._records.run(lambda s: s.spotify.authorizations.app_of(user_id))

    async def use_app(self, user_id: int, client_id: str) -> None:
        """Use the user's own Spotify app from the next link on; empty: the bot owner's."""
        await self._records.run(lambda s: s.spotify.authorizations.use_app(user_id, client_id))

    async def _finish_typed(self, user_id: int, digits: str) -> bool:
        async with self._locks.of(user_id):
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
        async with self._locks.of(user_id):  # else a user could be forgotten in between
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
        """Return the authorization with its code; without a code, the link expires."""
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
        """Connect an account and expire its link or digits, in one transaction.

        They expire if Spotify refuses, too. If the database fails, they can be used again.
        """
        try:
            profile, tokens = await self._exchange(pending)
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

    async def _exchange(self, pending: PendingAuthorization) -> tuple[Profile, Tokens]:
        """Return the profile and the tokens for a code, exchanging it if that was not done."""
        unstored = self._unstored.get(pending.user_id)
        if unstored is not None and unstored[0] == pending:
            return unstored[1:]
        now = self._clock()
        try:
            tokens = await self._locks.request(
                self._spotify.exchange, pending.code, pending.verifier, now, pending.client_id
            )
        except ConnectionExpired as error:
            raise AuthorizationStale("Spotify no longer knows this consent") from error
        profile = await self._locks.request(self._spotify.profile, tokens.access_token)
        self._unstored[pending.user_id] = (pending, profile, tokens)
        return profile, tokens
