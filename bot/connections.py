"""The users' Spotify accounts: connecting them, and writing one living playlist in each.

A playlist takes several requests, and the program or the network may fail between any two. So the
draft is stored before anything is sent, and the way from there to the finished playlist can be
walked again from the start without harm:

1. Is our living playlist still in the user's library? Then it is used. If not, one is created,
   with a marker in its description that was stored before. Where a marker was stored by an earlier
   try, that playlist may exist although we never learned its id, so it is looked for first.
2. Its items are replaced, which gives the same result however often it is done.
3. Its name and description are changed where they differ; the marker goes.
4. The draft is deleted from our store.

Nothing here sleeps. Where Spotify asks for patience, the wait is stored, the caller is told, and
the draft stays for `write_pending`.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from recommender.accounts import Intent, LivingPlaylist, PlaylistDraft
from recommender.errors import (
    AuthorizationDenied,
    AuthorizationFailed,
    AuthorizationStale,
    ConnectionExpired,
    NotConnected,
    PlaylistGone,
    QuotaExceeded,
    RateLimited,
    RecommenderError,
)
from recommender.refusals import LONG_WAIT_S
from recommender.spotify import Playlist, SpotifyClient
from recommender.tokens import Tokens

if TYPE_CHECKING:
    from bot.records import Records

__all__ = ["Connections", "PlaylistDraft", "SpotifyPlaylist"]

T = TypeVar("T")

REFRESH_BEFORE = timedelta(minutes=1)
"""An access token that ends this soon is replaced before it is used."""

LIBRARY_LAG = timedelta(minutes=10)
"""A new playlist may be missing from Spotify's list of the user's playlists for a while."""

GRACE_S = 20.0
"""How long a stop waits for requests that are under way."""

_MARKER_CHARS = len(" [mt-01234567]")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpotifyPlaylist:
    """A playlist that stands in a user's account as it should.

    Args:
        id: Spotify's id.
        url: Where it opens.
        name: What it is called.
        created: Whether it is new, rather than rewritten.
    """

    id: str
    url: str
    name: str
    created: bool


class Connections:
    """Connects users to Spotify and keeps one playlist in each account.

    Each user has a lock, so that two playlists of one user are written one after the other.
    Every method may raise the errors of `recommender.errors` that it names, and those that stand
    for Spotify's failing: `SpotifyBusy` and its kinds, `SpotifyRefused`.

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
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._under_way: set[asyncio.Future[Any]] = set()

    # -- connecting --

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
        return await self._undisturbed(self._finish(query))

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
        async with self._locks[user_id]:
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

    async def is_connected(self, user_id: int) -> bool:
        """Return whether we may act for this user."""
        return await self._records.run(lambda stores: stores.spotify.is_connected(user_id))

    async def disconnect(self, user_id: int) -> None:
        """Delete what lets us act for this user; their playlists stay theirs."""
        async with self._locks[user_id]:
            await self._records.run(lambda stores: stores.spotify.drop_tokens(user_id))

    async def forget(self, user_id: int) -> None:
        """Delete everything about this user's account, once nothing of theirs is under way."""
        async with self._locks[user_id]:
            await self._records.run(lambda stores: stores.spotify.forget(user_id))

    # -- writing --

    async def write(self, user_id: int, playlist: PlaylistDraft) -> SpotifyPlaylist:
        """Make the user's living playlist hold exactly this; create it if there is none.

        The draft is kept until it stands, whatever is raised: see `write_pending`.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
        """
        return await self._undisturbed(self._write(user_id, playlist))

    async def _write(self, user_id: int, playlist: PlaylistDraft) -> SpotifyPlaylist:
        draft, now = playlist.fitted(spare_chars=_MARKER_CHARS), self._clock()
        async with self._locks[user_id]:
            await self._records.run(lambda stores: stores.spotify.intend(user_id, draft, now))
            return await self._carry_out(user_id, draft)

    async def write_pending(self, user_id: int) -> SpotifyPlaylist | None:
        """Write the newest draft that could not be written before; None where there is none.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
        """
        return await self._undisturbed(self._write_pending(user_id))

    async def _write_pending(self, user_id: int) -> SpotifyPlaylist | None:
        async with self._locks[user_id]:
            intent = await self._intent(user_id)
            return None if intent is None else await self._carry_out(user_id, intent.draft)

    async def resume(self) -> dict[int, SpotifyPlaylist]:
        """Write what a stop or a failure left unwritten and return it by user."""
        written = {}
        for user_id in await self._records.run(lambda stores: stores.spotify.unfinished()):
            try:
                playlist = await self.write_pending(user_id)
            except RecommenderError as error:
                _log.warning("a playlist stays unwritten: %s", type(error).__name__)
            else:
                if playlist is not None:
                    written[user_id] = playlist
        return written

    async def settle(self) -> None:
        """Wait a while for what is under way, before everything is put away."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE_S)

    async def _undisturbed(self, work: Coroutine[Any, Any, T]) -> T:
        """Finish `work` even if whoever waits for it is cancelled.

        A request cannot be called back: Spotify may have made the playlist, or replaced the
        refresh token, and if we did not store that, it would be lost.
        """
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _carry_out(self, user_id: int, draft: PlaylistDraft) -> SpotifyPlaylist:
        try:
            written = await self._fill_playlist(user_id, draft)
        except PlaylistGone:  # deleted between two of our requests
            await self._set_living(user_id, None)
            written = await self._fill_playlist(user_id, draft)
        await self._records.run(lambda stores: stores.spotify.fulfil(user_id))
        return written

    async def _fill_playlist(self, user_id: int, draft: PlaylistDraft) -> SpotifyPlaylist:
        playlist = await self._find_living(user_id)
        is_new = playlist is None
        if playlist is None:
            playlist = await self._create(user_id, draft)
            await self._set_living(user_id, playlist.id)
        playlist_id = playlist.id
        await self._ask(
            user_id, lambda token: self._spotify.replace_items(token, playlist_id, draft.uris)
        )
        if (playlist.name, playlist.description) != (draft.name, draft.description):
            await self._ask(
                user_id,
                lambda token: self._spotify.change_details(
                    token, playlist_id, draft.name, draft.description
                ),
            )
        return SpotifyPlaylist(playlist_id, playlist.url, draft.name, created=is_new)

    async def _find_living(self, user_id: int) -> Playlist | None:
        """Return the living playlist, unless the user deleted it.

        To Spotify, deleting a playlist is leaving it: it still answers to its id, but is no
        longer in the library.
        """
        living = await self._records.run(lambda stores: stores.spotify.living_playlist(user_id))
        if living is None:
            return None
        known: LivingPlaylist = living
        playlist = await self._find(user_id, lambda entry: entry.id == known.id)
        if playlist is None and self._clock() - known.created_utc < LIBRARY_LAG:
            try:
                return await self._ask(
                    user_id, lambda token: self._spotify.playlist(token, known.id)
                )
            except PlaylistGone:
                return None
        return playlist

    async def _create(self, user_id: int, draft: PlaylistDraft) -> Playlist:
        intent = await self._intent(user_id)
        marker = intent.marker if intent is not None else None
        if marker is not None:
            known = marker
            orphan = await self._find(user_id, lambda entry: known in entry.description)
            if orphan is not None:
                return orphan
        else:
            marker = f"[mt-{secrets.token_hex(4)}]"
            new = marker
            await self._records.run(lambda stores: stores.spotify.mark(user_id, new))
        description = f"{draft.description} {marker}"
        return await self._ask(
            user_id,
            lambda token: self._spotify.create_playlist(token, draft.name, description),
        )

    async def _find(self, user_id: int, is_wanted: Callable[[Playlist], bool]) -> Playlist | None:
        """Return the first playlist in the user's library that is wanted."""
        return await self._ask(
            user_id,
            lambda token: next(filter(is_wanted, self._spotify.playlists(token)), None),
        )

    async def _intent(self, user_id: int) -> Intent | None:
        return await self._records.run(lambda stores: stores.spotify.intent(user_id))

    async def _set_living(self, user_id: int, playlist_id: str | None) -> None:
        now = self._clock()
        await self._records.run(
            lambda stores: stores.spotify.set_living_playlist(user_id, playlist_id, now)
        )

    # -- asking Spotify --

    async def _ask(self, user_id: int, question: Callable[[str], T]) -> T:
        """Call the adapter with a fresh access token, off the event loop.

        An access token can be refused before its time; then one refresh is tried. If that does
        not help either, the tokens are deleted.
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
