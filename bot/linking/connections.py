"""The users' Spotify accounts, as the handlers see them.

`bot.linking.oauth` connects them, `bot.linking.authorized_calls` keeps their tokens fresh,
`bot.linking.playlist_writer` writes one living playlist in each.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from bot.linking.authorized_calls import Asking, Sleep
from bot.linking.oauth import Arrival, Consents
from bot.linking.playlist_writer import Mend, SpotifyPlaylist, Writing, leave
from bot.linking.user_locks import Turns
from recommender.services.spotify.intents import PlaylistDraft
from recommender.services.spotify.web_api import SpotifyClient

if TYPE_CHECKING:
    from bot.storage.records import Records

T = TypeVar("T")

__all__ = ["Connections", "Mend", "PlaylistDraft", "SpotifyPlaylist"]


class Connections:
    """Connects users to Spotify and keeps one playlist in each account.

    Each user has a lock, so that two playlists of one user are written one after the other.
    Every method may raise the errors of `recommender.errors` that it names, and those that stand
    for Spotify's failing: `SpotifyBusy` and its kinds, `SpotifyRefused`.

    Args:
        records: The user data.
        spotify: The adapter; its calls run in threads.
        clock: Returns the time now, in UTC.
        shows_digits: Whether consent ends on a page that browsers elsewhere can open, so that
            six digits must say whose chat it is.
        sleep: Waits for so many seconds and lets others go on.
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
        """Called when a consent has ended and its user is to be told."""
        self._records = records
        self._spotify = spotify
        self._clock = clock
        self._turns = Turns()
        self._consents = Consents(records, spotify, self._turns, clock)
        self._asking = Asking(
            records, spotify, self._turns, clock, lambda: self.when_ended(), sleep
        )
        self._writing = Writing(records, spotify, self._asking, self._turns, clock)

    # -- connecting --

    async def begin(self, user_id: int) -> str:
        """Return the address of Spotify's consent page for this user; it works once."""
        return await self._consents.begin(user_id)

    async def finish(self, query: Mapping[str, str]) -> int:
        """Connect the user who came back from the consent page and return who it is.

        Args:
            query: The parameters with which Spotify sent them back.

        Raises:
            AuthorizationDenied: They said no.
            AuthorizationStale: The link is unknown, was used already, or is too old.
            AuthorizationFailed: Spotify reports another failure.
        """
        return await self._consents.finish(query)

    async def finish_pasted(self, user_id: int, query: Mapping[str, str]) -> None:
        """Connect the user who pasted the address on which a browser ended.

        Raises:
            AuthorizationForeign: Another user began; theirs is not used up.
            AuthorizationFailed: One of its kinds, as `finish` raises them.
        """
        await self._consents.finish_pasted(user_id, query)

    async def arrive(self, query: Mapping[str, str]) -> Arrival:
        """Keep what came back in anybody's browser, until six digits say whose it is.

        Raises:
            AuthorizationFailed: One of its kinds, as `finish` raises them.
        """
        return await self._consents.arrive(query)

    async def finish_typed(self, user_id: int, digits: str) -> bool:
        """Connect the user who typed six digits; return whether any were awaited.

        Raises:
            WrongDigits: They are others; says how many tries are left.
            AuthorizationStale: They were shown too long ago.
        """
        return await self._consents.finish_typed(user_id, digits)

    async def is_under_way(self, user_id: int) -> bool:
        """Return whether this user has a link to the consent page that still works."""
        now = self._clock()
        return await self._records.run(
            lambda stores: stores.spotify.authorizations.is_under_way(user_id, now)
        )

    async def app_of(self, user_id: int) -> str:
        """Return the client id of this user's own app, empty where the owner's serves them."""
        return await self._records.run(
            lambda stores: stores.spotify.authorizations.app_of(user_id)
        )

    async def use_app(self, user_id: int, client_id: str) -> None:
        """Connect this user by an app of their own from the next link on; empty: the owner's."""
        await self._records.run(
            lambda stores: stores.spotify.authorizations.use_app(user_id, client_id)
        )

    async def is_connected(self, user_id: int) -> bool:
        """Return whether we may act for this user."""
        return await self._records.run(lambda stores: stores.spotify.is_connected(user_id))

    async def disconnect(self, user_id: int) -> None:
        """Delete what lets us act for this user; their playlists stay theirs."""
        async with self._turns.of(user_id):
            self._consents.drop(user_id)
            self._asking.drop(user_id)
            await self._records.run(lambda stores: stores.spotify.drop_tokens(user_id))

    async def forget(self, user_id: int) -> None:
        """Delete everything about this user's account, once nothing of theirs is under way."""
        async with self._turns.of(user_id):
            self._consents.drop(user_id)
            self._asking.drop(user_id)
            await self._records.run(lambda stores: stores.spotify.forget(user_id))

    # -- writing --

    async def write(
        self, user_id: int, playlist: PlaylistDraft, mend: Mend = leave
    ) -> SpotifyPlaylist | None:
        """Make the user's living playlist hold exactly this; create it if there is none.

        The draft is kept until it stands, whatever is raised: see `resume`.

        Args:
            user_id: Whose playlist.
            playlist: What shall stand there.
            mend: Finds other tracks for those that Spotify does not play.

        Returns:
            What was written; None where a newer draft took its place meanwhile.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
        """
        return await self._writing.write(user_id, playlist, mend)

    async def write_intended(
        self, user_id: int, saved_id: int, mend: Mend = leave
    ) -> SpotifyPlaylist | None:
        """Do as `write` does with a draft that was stored when its playlist was.

        Args:
            user_id: Whose playlist.
            saved_id: Which of their saved playlists it is.
            mend: Finds other tracks for those that Spotify does not play.

        Returns:
            What was written; None where it waits no longer: it was written already, or a newer
            draft took its place.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
        """
        return await self._writing.write_intended(user_id, saved_id, mend)

    async def write_pending(self, user_id: int, mend: Mend = leave) -> SpotifyPlaylist | None:
        """Write the newest draft that could not be written before; None where there is none.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
        """
        return await self._writing.write_pending(user_id, mend)

    async def resume(
        self, mend: Mend = leave, is_wanted: Callable[[int], bool] = lambda _: True
    ) -> dict[int, SpotifyPlaylist]:
        """Write what a stop or a failure left unwritten and is due; return it by user.

        Args:
            mend: Finds other tracks for those that Spotify does not play.
            is_wanted: Whose playlists are written; those of others go on waiting.
        """
        return await self._writing.resume(mend, is_wanted)

    async def undisturbed(self, work: Coroutine[Any, Any, T]) -> T:
        """Finish `work` even if whoever waits for it goes away; a stop waits for it too."""
        return await self._turns.undisturbed(work)

    async def settle(self) -> None:
        """Wait a while for what is under way, before everything is put away; then end it."""
        await self._turns.settle()
        self._spotify.close()
