"""Writes one playlist per user into their Spotify account, safely across crashes.

Writing takes several requests, and the process or the network may fail between any two. So the
draft is stored as an intent first, and every step can be repeated from the start without harm. A
newer draft may replace the stored one at any time, even while that is being written; then the
newer one is written next.

1. If the user's playlist of ours is still in their library, it is reused. If not, one is created
   with a marker in its description; the marker is stored before the request. If an earlier try may
   have created a playlist whose id we never learned, the marker finds it.
2. The items are replaced, which is idempotent.
3. The items are read back. Tracks that do not play are swapped, the stored draft changes, and the
   items are replaced again.
4. Name and description are updated if they differ, which removes the marker.
5. In one transaction the intent is deleted and the playlist is recorded as published.

If Spotify refuses or asks to wait, the intent stays and `resume` retries it.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from bot.linking.authorized_calls import AuthorizedCalls
from bot.linking.user_locks import UserLocks
from recommender.errors import (
    PlaylistGone,
    QuotaExceeded,
    RateLimited,
    RecommenderError,
    SpotifyUnreachable,
)
from recommender.services.spotify.contents import Playlist, unplayed
from recommender.services.spotify.intents import Intent, Intents, PlaylistDraft, PublishedList
from recommender.services.spotify.web_api import SpotifyClient
from recommender.storage.database import immediate

if TYPE_CHECKING:
    from bot.storage.records import Records, Stores

T = TypeVar("T")

LIBRARY_LAG = timedelta(minutes=10)
"""How long a new playlist may be missing from Spotify's list of the user's playlists."""

LISTED_WITHIN = timedelta(minutes=1)
"""If a create request got no answer, another playlist is created only after this time, when the
first would be listed. Listing takes seconds; a minute is also the first retry delay."""

MAX_MENDS = 3
"""How many times tracks that do not play are replaced in one write."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WrittenPlaylist:
    """A playlist that was written to a user's account.

    Args:
        id: Spotify's id.
        url: Its address in Spotify.
        name: Its title.
        created: Whether it was created, rather than rewritten.
        saved_id: The saved playlist it holds; None if there is none.
        silent: URIs of wanted tracks that Spotify does not play.
    """

    id: str
    url: str
    name: str
    created: bool
    saved_id: int | None = None
    silent: frozenset[str] = frozenset()


FindReplacements = Callable[[int, PlaylistDraft, frozenset[str]], Awaitable[PlaylistDraft]]
"""Replaces the given tracks of a user's draft, which do not play, and returns the new draft."""


async def leave(user_id: int, draft: PlaylistDraft, silent: frozenset[str]) -> PlaylistDraft:
    """Return the draft unchanged."""
    return draft


class PlaylistWriter:
    """Creates or updates the one playlist that we keep in each account.

    Writes for one user run one after the other.
    """

    def __init__(
        self,
        records: "Records",
        spotify: SpotifyClient,
        calls: AuthorizedCalls,
        locks: UserLocks,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._spotify = spotify
        self._calls = calls
        self._locks = locks
        self._clock = clock

    async def write(
        self, user_id: int, draft: PlaylistDraft, find_replacements: FindReplacements = leave
    ) -> WrittenPlaylist | None:
        """Store a draft as the user's intent and write it, as `write_pending` does."""
        now = self._clock()

        def intend(stores: "Stores") -> int:
            stores.spotify.playlists.intend(user_id, draft, now)
            return 1

        async def work() -> WrittenPlaylist | None:
            async with self._locks.of(user_id):
                await self._records.once("intent", intend)
                return await self._carry_out(user_id, find_replacements, draft.saved_id)

        return await self._locks.shielded(work())

    async def write_pending(
        self, user_id: int, find_replacements: FindReplacements = leave, *, only: int | None = None
    ) -> WrittenPlaylist | None:
        """Make the user's playlist equal to the draft that is pending.

        Whatever is raised, the draft stays stored until it is written: see `resume`. Runs to its
        end even if the caller is cancelled.

        Args:
            user_id: Whose playlist.
            find_replacements: Finds replacements for tracks that Spotify does not play.
            only: Write nothing unless the pending draft is this saved playlist.

        Returns:
            What was written; None if nothing is pending, or something other than `only`.

        Raises:
            NotConnected: The user has no account connected.
            ConnectionExpired: Spotify no longer honours the consent; the tokens are deleted.
        """

        async def work() -> WrittenPlaylist | None:
            async with self._locks.of(user_id):
                return await self._carry_out(user_id, find_replacements, only)

        return await self._locks.shielded(work())

    async def resume(
        self,
        find_replacements: FindReplacements = leave,
        is_wanted: Callable[[int], bool] = lambda _: True,
    ) -> dict[int, WrittenPlaylist]:
        """Write every pending draft whose retry is due and return what was written, by user.

        Args:
            find_replacements: Finds replacements for tracks that Spotify does not play.
            is_wanted: Selects users by id; drafts of the others stay pending.
        """
        written, now = {}, self._clock()
        unfinished = await self._store(lambda kept: kept.unfinished(now))
        for user_id in filter(is_wanted, unfinished):
            try:
                playlist = await self.write_pending(user_id, find_replacements)
            except RecommenderError as error:
                _log.warning("a playlist could not be written yet: %s", type(error).__name__)
            else:
                if playlist is not None:
                    written[user_id] = playlist
        return written

    async def _carry_out(
        self, user_id: int, find_replacements: FindReplacements, only: int | None
    ) -> WrittenPlaylist | None:
        """Do as `write_pending` says. The caller holds the lock."""
        now = self._clock()

        def begin(stores: "Stores") -> Intent | None:
            intents = stores.spotify.playlists
            pending = intents.intent(user_id)
            if pending is None or only not in (None, pending.draft.saved_id):
                return None
            return intents.begin(user_id, now)

        intent = await self._records.run(begin)
        if intent is None:
            return None
        draft = intent.draft
        try:
            try:
                draft, written = await self._fill_playlist(user_id, draft, find_replacements)
            except PlaylistGone:  # deleted between two of our requests
                await self._let_go(user_id)
                draft, written = await self._fill_playlist(user_id, draft, find_replacements)
        except RecommenderError as error:
            await self._postpone(user_id, error)
            raise

        def finish(stores: "Stores") -> None:
            with immediate(stores.people.db):
                stores.spotify.playlists.fulfil(user_id, draft)
                if draft.saved_id is not None:
                    stores.music.publications.note(draft.saved_id, written.url)

        await self._records.run(finish)
        return written

    async def _postpone(self, user_id: int, error: RecommenderError) -> None:
        now, wait = self._clock(), None
        if isinstance(error, RateLimited | QuotaExceeded):
            wait = timedelta(seconds=error.retry_after_s)
        await self._store(lambda kept: kept.postpone(user_id, now, wait))

    async def _fill_playlist(
        self, user_id: int, draft: PlaylistDraft, find_replacements: FindReplacements
    ) -> tuple[PlaylistDraft, WrittenPlaylist]:
        """Write a draft; return the draft as written, and the playlist that holds it."""
        playlist = await self._find_living(user_id)
        is_new = playlist is None
        if playlist is None:
            playlist = await self._create(user_id, draft)
            await self._set_living(user_id, playlist.id)
            await self._store(lambda kept: kept.unmark(user_id))
        draft, silent = await self._replace_items(user_id, playlist.id, draft, find_replacements)
        if (playlist.name, playlist.description) != (draft.name, draft.description):
            playlist_id = playlist.id
            await self._calls.call(
                user_id,
                lambda token: self._spotify.change_details(
                    token, playlist_id, draft.name, draft.description
                ),
            )
        return draft, WrittenPlaylist(
            id=playlist.id,
            url=playlist.url,
            name=draft.name,
            created=is_new,
            saved_id=draft.saved_id,
            silent=silent,
        )

    async def _replace_items(
        self,
        user_id: int,
        playlist_id: str,
        draft: PlaylistDraft,
        find_replacements: FindReplacements,
    ) -> tuple[PlaylistDraft, frozenset[str]]:
        """Write a draft's tracks, replacing those that do not play.

        Returns:
            The draft as written, and the URIs that did not play.
        """
        silent = seen = await self._write_items(user_id, playlist_id, draft.uris)
        for _ in range(MAX_MENDS):
            replaced = await find_replacements(user_id, draft, silent) if silent else draft
            if replaced.uris == draft.uris:
                break
            draft = await self._amend(user_id, replaced)
            silent = await self._write_items(user_id, playlist_id, draft.uris)
            seen |= silent
        return draft, seen

    async def _write_items(
        self, user_id: int, playlist_id: str, uris: tuple[str, ...]
    ) -> frozenset[str]:
        """Replace the playlist's items and return the URIs that do not play."""
        version = await self._calls.call(
            user_id, lambda token: self._spotify.replace_items(token, playlist_id, uris)
        )
        found = await self._calls.call(
            user_id, lambda token: self._spotify.contents(token, playlist_id)
        )
        if found.snapshot_id != version:  # changed by somebody else meanwhile
            return frozenset()
        return unplayed(uris, found)

    async def _amend(self, user_id: int, replaced: PlaylistDraft) -> PlaylistDraft:
        await self._store(lambda kept: kept.amend(user_id, replaced))
        return replaced

    async def _find_living(self, user_id: int) -> Playlist | None:
        """Return the playlist that is rewritten each time, unless the user deleted it.

        Deleting a playlist at Spotify only unfollows it: its id still works, but it is no longer
        in the user's library.
        """
        living = await self._store(lambda kept: kept.living(user_id))
        if living is None:
            return None
        known: PublishedList = living
        playlist = await self._find(user_id, lambda entry: entry.id == known.id)
        if playlist is None and abs(self._clock() - known.created_utc) < LIBRARY_LAG:
            try:
                return await self._calls.call(
                    user_id, lambda token: self._spotify.playlist(token, known.id)
                )
            except PlaylistGone:
                playlist = None
        if playlist is None:
            await self._let_go(user_id)
        return playlist

    async def _create(self, user_id: int, draft: PlaylistDraft) -> Playlist:
        """Create the playlist, or find the one that an earlier try created.

        Raises:
            SpotifyUnreachable: An earlier try is so recent that its playlist may not be listed.
        """
        intent, now = await self._intent(user_id), self._clock()
        if intent is not None and intent.marker is not None:
            marker = intent.marker
            orphan = await self._find(user_id, lambda entry: marker in entry.description)
            if orphan is not None:
                return orphan
            if intent.marked_utc is not None and abs(now - intent.marked_utc) < LISTED_WITHIN:
                wait_s = LISTED_WITHIN.total_seconds()
                raise SpotifyUnreachable("an unconfirmed playlist may not be listed yet", wait_s)
        else:
            marker = f"[mt-{secrets.token_hex(4)}]"
        await self._store(lambda kept: kept.mark(user_id, marker, now))
        description = f"{draft.description} {marker}"
        try:
            return await self._calls.call(
                user_id,
                lambda token: self._spotify.create_playlist(token, draft.name, description),
            )
        except SpotifyUnreachable:
            raise  # it may have been created all the same
        except RecommenderError:
            await self._store(lambda kept: kept.unmark(user_id))
            raise

    async def _find(self, user_id: int, is_wanted: Callable[[Playlist], bool]) -> Playlist | None:
        """Return the first playlist in the user's library that `is_wanted` accepts."""
        return await self._calls.call(
            user_id,
            lambda token: next(filter(is_wanted, self._spotify.playlists(token)), None),
        )

    async def _intent(self, user_id: int) -> Intent | None:
        return await self._store(lambda kept: kept.intent(user_id))

    async def _set_living(self, user_id: int, playlist_id: str) -> None:
        now = self._clock()
        await self._store(lambda kept: kept.set_living(user_id, playlist_id, now))

    async def _let_go(self, user_id: int) -> None:
        """Record that our playlist is no longer in the user's library."""
        now = self._clock()

        def let_go(stores: "Stores") -> None:
            with immediate(stores.people.db):
                living = stores.spotify.playlists.living(user_id)
                if living is not None:
                    stores.music.publications.note_gone(living.id)
                stores.spotify.playlists.set_living(user_id, None, now)

        await self._records.run(let_go)

    async def _store(self, work: Callable[[Intents], T]) -> T:
        return await self._records.run(lambda stores: work(stores.spotify.playlists))
