"""Writing one living playlist in each user's account.

A playlist takes several requests, and the program or the network may fail between any two. So the
draft is stored before anything is sent, and the way from there to the finished playlist can be
walked again from the start without harm. A newer draft may take the place of the stored one at any
time, also while this one is written; then the newer one is written next.

1. Is our living playlist still in the user's library? Then it is used. If not, one is created,
   with a marker in its description that was stored before. Where an earlier try may have created
   one whose id we never learned, it is looked for first, and not made again at once.
2. Its items are replaced, which gives the same result however often it is done.
3. They are read back. For tracks that do not play, others are asked for and the draft that is
   stored changes; then its items are replaced again.
4. Its name and description are changed where they differ; the marker goes.
5. The draft is deleted from our store, and it is noted what stands there now: in one transaction.

Where Spotify refuses or asks for patience, the draft stays for `resume`.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from bot.linking.authorized_calls import Asking
from bot.linking.user_locks import Turns
from recommender.errors import (
    PlaylistGone,
    QuotaExceeded,
    RateLimited,
    RecommenderError,
    SpotifyUnreachable,
)
from recommender.services.spotify.contents import Playlist, unplayed
from recommender.services.spotify.intents import Intent, Intents, LivingPlaylist, PlaylistDraft
from recommender.services.spotify.web_api import SpotifyClient
from recommender.storage.database import immediate

if TYPE_CHECKING:
    from bot.storage.records import Records, Stores

T = TypeVar("T")

LIBRARY_LAG = timedelta(minutes=10)
"""A new playlist may be missing from Spotify's list of the user's playlists for a while."""

LISTED_WITHIN = timedelta(minutes=1)
"""A playlist of which we learned nothing is not made again before it should have been listed. That
takes seconds; a minute is the first wait for another try, so that it rarely costs more time."""

MENDED_AT_MOST = 3
"""How often other tracks are tried in the place of those that do not play."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpotifyPlaylist:
    """A playlist that stands in a user's account as it should.

    Args:
        id: Spotify's id.
        url: Where it opens.
        name: What it is called.
        created: Whether it is new, rather than rewritten.
        saved_id: The playlist of our own that it is; None where there is none.
        shown_in: The message that shows that; None where it is unknown.
        silent: URIs of tracks that it was to hold but which Spotify does not play.
    """

    id: str
    url: str
    name: str
    created: bool
    saved_id: int | None = None
    shown_in: int | None = None
    silent: frozenset[str] = frozenset()


Mend = Callable[[int, PlaylistDraft, frozenset[str]], Awaitable[PlaylistDraft]]
"""Finds other tracks for those of a user's draft that do not play, and returns the new draft."""


async def leave(user_id: int, draft: PlaylistDraft, silent: frozenset[str]) -> PlaylistDraft:
    """Leave a draft as it is, whatever of it does not play."""
    return draft


class Writing:
    """Keeps one playlist in each account; those of one user are written one after the other."""

    def __init__(
        self,
        records: "Records",
        spotify: SpotifyClient,
        asking: Asking,
        turns: Turns,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._spotify = spotify
        self._asking = asking
        self._turns = turns
        self._clock = clock

    async def write(
        self, user_id: int, playlist: PlaylistDraft, mend: Mend = leave
    ) -> SpotifyPlaylist | None:
        """Make the user's living playlist hold exactly this; see `Connections.write`."""
        return await self._turns.undisturbed(self._write(user_id, playlist, mend))

    async def _write(
        self, user_id: int, playlist: PlaylistDraft, mend: Mend
    ) -> SpotifyPlaylist | None:
        now = self._clock()

        def intend(stores: "Stores") -> int:
            stores.spotify.playlists.intend(user_id, playlist, now)
            return 1

        async with self._turns.of(user_id):
            await self._records.once("intent", intend)
            return await self._write_waiting(user_id, playlist.saved_id, mend)

    async def write_intended(
        self, user_id: int, saved_id: int, mend: Mend = leave
    ) -> SpotifyPlaylist | None:
        """Write a draft that is stored already; see `Connections.write_intended`."""
        return await self._turns.undisturbed(self._write_intended(user_id, saved_id, mend))

    async def _write_intended(
        self, user_id: int, saved_id: int, mend: Mend
    ) -> SpotifyPlaylist | None:
        async with self._turns.of(user_id):
            return await self._write_waiting(user_id, saved_id, mend)

    async def _write_waiting(
        self, user_id: int, saved_id: int | None, mend: Mend
    ) -> SpotifyPlaylist | None:
        """Write the draft that waits, if it is the one meant; the lock is held."""
        intent = await self._intent(user_id)
        if intent is None or intent.draft.saved_id != saved_id:
            return None
        return await self._carry_out(user_id, mend)

    async def write_pending(self, user_id: int, mend: Mend = leave) -> SpotifyPlaylist | None:
        """Write the newest draft that still waits; see `Connections.write_pending`."""
        return await self._turns.undisturbed(self._write_pending(user_id, mend))

    async def _write_pending(self, user_id: int, mend: Mend) -> SpotifyPlaylist | None:
        async with self._turns.of(user_id):
            return await self._carry_out(user_id, mend)

    async def resume(
        self, mend: Mend, is_wanted: Callable[[int], bool]
    ) -> dict[int, SpotifyPlaylist]:
        """Write what is left unwritten and is due; see `Connections.resume`."""
        written, now = {}, self._clock()
        unfinished = await self._store(lambda kept: kept.unfinished(now))
        for user_id in filter(is_wanted, unfinished):
            try:
                playlist = await self.write_pending(user_id, mend)
            except RecommenderError as error:
                _log.warning("a playlist stays unwritten: %s", type(error).__name__)
            else:
                if playlist is not None:
                    written[user_id] = playlist
        return written

    async def _carry_out(self, user_id: int, mend: Mend) -> SpotifyPlaylist | None:
        """Write the draft that waits; None where there is none."""
        now = self._clock()
        intent = await self._store(lambda kept: kept.begin(user_id, now))
        if intent is None:
            return None
        draft = intent.draft
        try:
            try:
                draft, written = await self._fill_playlist(user_id, draft, mend)
            except PlaylistGone:  # deleted between two of our requests
                await self._let_go(user_id)
                draft, written = await self._fill_playlist(user_id, draft, mend)
        except RecommenderError as error:
            await self._postpone(user_id, error)
            raise

        def finish(stores: "Stores") -> None:
            with immediate(stores.people.db):
                stores.spotify.playlists.fulfil(user_id, draft)
                if draft.saved_id is not None:
                    stores.music.standing.note(draft.saved_id, written.url)

        await self._records.run(finish)
        return written

    async def _postpone(self, user_id: int, error: RecommenderError) -> None:
        now, wait = self._clock(), None
        if isinstance(error, RateLimited | QuotaExceeded):
            wait = timedelta(seconds=error.retry_after_s)
        await self._store(lambda kept: kept.postpone(user_id, now, wait))

    async def _fill_playlist(
        self, user_id: int, draft: PlaylistDraft, mend: Mend
    ) -> tuple[PlaylistDraft, SpotifyPlaylist]:
        """Write a draft; return it as it was written in the end, and where."""
        playlist = await self._find_living(user_id)
        is_new = playlist is None
        if playlist is None:
            playlist = await self._create(user_id, draft)
            await self._set_living(user_id, playlist.id)
            await self._store(lambda kept: kept.unmark(user_id))
        draft, silent = await self._replace_items(user_id, playlist.id, draft, mend)
        if (playlist.name, playlist.description) != (draft.name, draft.description):
            playlist_id = playlist.id
            await self._asking.ask(
                user_id,
                lambda token: self._spotify.change_details(
                    token, playlist_id, draft.name, draft.description
                ),
            )
        return draft, SpotifyPlaylist(
            id=playlist.id,
            url=playlist.url,
            name=draft.name,
            created=is_new,
            saved_id=draft.saved_id,
            shown_in=draft.shown_in,
            silent=silent,
        )

    async def _replace_items(
        self, user_id: int, playlist_id: str, draft: PlaylistDraft, mend: Mend
    ) -> tuple[PlaylistDraft, frozenset[str]]:
        """Write a draft's tracks, or others for those that do not play.

        Returns:
            The draft as it stands now, and the tracks that did not play.
        """
        silent = seen = await self._write_items(user_id, playlist_id, draft.uris)
        for _ in range(MENDED_AT_MOST):
            mended = await mend(user_id, draft, silent) if silent else draft
            if mended.uris == draft.uris:
                break
            draft = await self._amend(user_id, mended)
            silent = await self._write_items(user_id, playlist_id, draft.uris)
            seen |= silent
        return draft, seen

    async def _write_items(
        self, user_id: int, playlist_id: str, uris: tuple[str, ...]
    ) -> frozenset[str]:
        """Make the playlist hold these tracks and return those that do not play."""
        version = await self._asking.ask(
            user_id, lambda token: self._spotify.replace_items(token, playlist_id, uris)
        )
        found = await self._asking.ask(
            user_id, lambda token: self._spotify.contents(token, playlist_id)
        )
        if found.snapshot_id != version:  # somebody else's version tells nothing of our tracks
            return frozenset()
        return unplayed(uris, found)

    async def _amend(self, user_id: int, mended: PlaylistDraft) -> PlaylistDraft:
        await self._store(lambda kept: kept.amend(user_id, mended))
        return mended

    async def _find_living(self, user_id: int) -> Playlist | None:
        """Return the living playlist, unless the user deleted it.

        To Spotify, deleting a playlist is leaving it: it still answers to its id, but is no
        longer in the library.
        """
        living = await self._store(lambda kept: kept.living(user_id))
        if living is None:
            return None
        known: LivingPlaylist = living
        playlist = await self._find(user_id, lambda entry: entry.id == known.id)
        if playlist is None and abs(self._clock() - known.created_utc) < LIBRARY_LAG:
            try:
                return await self._asking.ask(
                    user_id, lambda token: self._spotify.playlist(token, known.id)
                )
            except PlaylistGone:
                playlist = None
        if playlist is None:
            await self._let_go(user_id)
        return playlist

    async def _create(self, user_id: int, draft: PlaylistDraft) -> Playlist:
        """Create the playlist, unless an earlier try did without our learning of it.

        Raises:
            SpotifyUnreachable: Such a try is so fresh that what it made may not be listed yet.
        """
        intent, now = await self._intent(user_id), self._clock()
        if intent is not None and intent.marker is not None:
            marker = intent.marker
            orphan = await self._find(user_id, lambda entry: marker in entry.description)
            if orphan is not None:
                return orphan
            if intent.marked_utc is not None and abs(now - intent.marked_utc) < LISTED_WITHIN:
                wait_s = LISTED_WITHIN.total_seconds()
                raise SpotifyUnreachable("whether a playlist was made shows later", wait_s)
        else:
            marker = f"[mt-{secrets.token_hex(4)}]"
        await self._store(lambda kept: kept.mark(user_id, marker, now))
        description = f"{draft.description} {marker}"
        try:
            return await self._asking.ask(
                user_id,
                lambda token: self._spotify.create_playlist(token, draft.name, description),
            )
        except SpotifyUnreachable:
            raise  # it may have been made all the same
        except RecommenderError:
            await self._store(lambda kept: kept.unmark(user_id))
            raise

    async def _find(self, user_id: int, is_wanted: Callable[[Playlist], bool]) -> Playlist | None:
        """Return the first playlist in the user's library that is wanted."""
        return await self._asking.ask(
            user_id,
            lambda token: next(filter(is_wanted, self._spotify.playlists(token)), None),
        )

    async def _intent(self, user_id: int) -> Intent | None:
        return await self._store(lambda kept: kept.intent(user_id))

    async def _set_living(self, user_id: int, playlist_id: str) -> None:
        now = self._clock()
        await self._store(lambda kept: kept.set_living(user_id, playlist_id, now))

    async def _let_go(self, user_id: int) -> None:
        """Remember that the living playlist is no longer in the user's library."""
        now = self._clock()

        def let_go(stores: "Stores") -> None:
            with immediate(stores.people.db):
                living = stores.spotify.playlists.living(user_id)
                if living is not None:
                    stores.music.standing.note_gone(living.id)
                stores.spotify.playlists.set_living(user_id, None, now)

        await self._records.run(let_go)

    async def _store(self, work: Callable[[Intents], T]) -> T:
        return await self._records.run(lambda stores: work(stores.spotify.playlists))
