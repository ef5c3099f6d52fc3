"""Playlists on their way into the users' Spotify: at once, or later where that cannot be."""

from dataclasses import dataclass, replace
from datetime import UTC, timedelta

from bot import texts
from bot.chat import messages
from bot.current_update import give_way
from bot.linking.playlist_writer import WrittenPlaylist
from bot.playlists.selection import Choosing
from bot.services import Services
from bot.storage.records import Stores
from recommender.errors import (
    ConnectionExpired,
    NotConnected,
    PlaylistGone,
    RecommenderError,
    SpotifyBusy,
)
from recommender.listeners.published import UNWRITTEN, Place, State
from recommender.listeners.saved import SavedPlaylist
from recommender.services.spotify.intents import PlaylistDraft

_TRACK = "spotify:track:"

PROMISING = (SpotifyBusy, ConnectionExpired, PlaylistGone)
"""Errors whose sentence promises to write the playlist later."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a playlist.

    Args:
        saved: The playlist as it is now; some of its tracks may have been replaced.
        place: Where it is.
        notice: A sentence about what did not go as asked, already markup; empty if there is
            nothing to say, or simply no account is connected.
        shown_in: The message that shows it; None where that is unknown.
        is_promised: Whether the sentence promises to write it later.
    """

    saved: SavedPlaylist
    place: Place
    notice: str
    shown_in: int | None = None
    is_promised: bool = False

    @property
    def url(self) -> str | None:
        """Where it is in Spotify; None if it is not there."""
        return self.place.url

    @property
    def told(self) -> Place:
        """What a message with this notice says of its place."""
        return self.place if self.is_promised else without_promise(self.place)


def without_promise(place: Place) -> Place:
    """Return what a message says of a playlist's place that promises nothing."""
    return UNWRITTEN if place.state is State.WAITING else place


class Saving:
    """Writes playlists to Spotify and replaces what does not play there."""

    def __init__(self, services: Services, choosing: Choosing) -> None:
        self._services = services
        self._choosing = choosing

    def intend(
        self, shown_in: int | None, stores: Stores, saved: SavedPlaylist, rewrites: bool
    ) -> None:
        """Store that a playlist is to be written, in the transaction that stores the playlist.

        Args:
            shown_in: The message that shows it.
            stores: Where it is stored.
            saved: The playlist.
            rewrites: Whether it takes the place of the one written last, even where the user
                wants a new one each time.
        """
        if self._services.connections is None:
            return
        keeps = stores.music.preferences.load(saved.user_id).keeps_playlists
        draft = self._draft(saved, shown_in, starts_new=keeps and not rewrites)
        stores.spotify.playlists.intend(saved.user_id, draft, self._services.clock())

    async def write(self, saved: SavedPlaylist) -> Written:
        """Write a playlist of which it is stored that it is to be written."""
        connections = self._services.connections
        if connections is None:
            return Written(saved, UNWRITTEN, "")
        give_way()
        try:
            with self._services.metrics.step("write"):
                written = await connections.writer.write_pending(
                    saved.user_id, self._mend, only=saved.id
                )
        except RecommenderError as error:
            return await self._unwritten(saved, error)
        return await self._outcome(saved, written)

    async def save(self, saved: SavedPlaylist, shown_in: int | None) -> Written:
        """Write a playlist at the wish of its listener, unless it stands in Spotify.

        One that was there before becomes a playlist of its own, beside what took its place.

        Args:
            saved: The playlist.
            shown_in: The message that shows it.
        """
        connections, user_id = self._services.connections, saved.user_id

        def look_up(stores: Stores) -> tuple[Place, bool]:
            keeps = stores.music.preferences.load(user_id).keeps_playlists
            return stores.music.standing.of(saved.id), keeps

        place, keeps = await self._services.records.run(look_up)
        if connections is None or place.state is State.STANDING:
            return Written(saved, place, "")
        starts_new = keeps or place.state is State.REPLACED
        draft = self._draft(saved, shown_in, starts_new=starts_new)
        give_way()
        try:
            with self._services.metrics.step("write"):
                written = await connections.writer.write(user_id, draft, self._mend)
        except RecommenderError as error:
            return await self._unwritten(saved, error)
        return await self._outcome(saved, written)

    async def write_pending(self, user_id: int) -> Written | None:
        """Write what waits for a user's account to be connected; None where nothing does."""
        connections = self._services.connections
        intent = await self._services.records.run(lambda s: s.spotify.playlists.intent(user_id))
        if connections is None or intent is None:
            return None
        saved = await self.find(user_id, intent.draft.saved_id)
        try:
            written = await connections.writer.write_pending(user_id, self._mend)
        except RecommenderError as error:
            if saved is None:
                return None
            unwritten = await self._unwritten(saved, error)
            return replace(unwritten, shown_in=intent.draft.shown_in)
        if written is not None:
            saved = await self.find(user_id, written.saved_id)
        return None if saved is None else await self._outcome(saved, written)

    async def write_waiting(self) -> list[Written]:
        """Write the guests' playlists that wait and are due now; return those."""
        connections = self._services.connections
        outcomes: list[Written] = []
        if connections is None:
            return outcomes
        resumed = await connections.writer.resume(self._mend, self._services.guests.admits)
        for user_id, written in resumed.items():
            saved = await self.find(user_id, written.saved_id)
            if saved is not None:
                outcomes.append(await self._outcome(saved, written))
        return outcomes

    def _draft(
        self, saved: SavedPlaylist, shown_in: int | None, *, starts_new: bool
    ) -> PlaylistDraft:
        day = self._services.clock().strftime("%-d %B %Y")
        return PlaylistDraft(
            name=messages.playlist_name(saved.emotion, saved.mode),
            description=messages.playlist_description(saved.emotion, saved.mode, day),
            uris=_uris(saved),
            saved_id=saved.id,
            shown_in=shown_in,
            starts_new=starts_new,
        )

    async def _outcome(self, saved: SavedPlaylist, written: WrittenPlaylist | None) -> Written:
        """Return what became of a playlist; None was written where it waited no longer."""
        place = await self._place(saved)
        if written is None:
            return Written(saved, place, "" if place.url is not None else texts.PASSED_OVER)
        notice = ""
        if written.silent:
            now = await self.find(saved.user_id, saved.id) or saved
            notice = texts.replaced(len(written.silent), len(saved.tracks) - len(now.tracks))
            saved = now
        return Written(saved, place, notice, written.shown_in)

    async def _unwritten(self, saved: SavedPlaylist, error: RecommenderError) -> Written:
        """Return what became of a playlist that could not be written."""
        place = await self._place(saved)
        if isinstance(error, NotConnected):
            return Written(saved, place, "")
        until = ""
        if isinstance(error, SpotifyBusy):
            until = await self._until(saved.user_id, error.retry_after_s)
        notice = texts.explain_music_error(error, until)
        return Written(saved, place, notice, is_promised=isinstance(error, PROMISING))

    async def _until(self, user_id: int, wait_s: float) -> str:
        """Return when a wait ends, by the listener's clock."""
        zone = await self._services.records.run(lambda s: s.schedules.clock(user_id))
        until = (self._services.clock() + timedelta(seconds=wait_s)).astimezone(zone)
        return until.strftime("%-d %B, %H:%M") + (" UTC" if zone is UTC else "")

    async def _mend(
        self, user_id: int, draft: PlaylistDraft, silent: frozenset[str]
    ) -> PlaylistDraft:
        """Return a draft without tracks that do not play, with others in their place."""
        saved = None
        if draft.saved_id is not None:
            ids = [uri.removeprefix(_TRACK) for uri in silent]
            saved = await self._choosing.replace(user_id, draft.saved_id, ids)
        if saved is None:
            return replace(draft, uris=tuple(uri for uri in draft.uris if uri not in silent))
        return replace(draft, uris=_uris(saved))

    async def _place(self, saved: SavedPlaylist) -> Place:
        return await self._services.records.run(lambda s: s.music.standing.of(saved.id))

    async def find(self, user_id: int, playlist_id: int | None) -> SavedPlaylist | None:
        """Return a user's playlist; None where there is none, or it was deleted."""
        if playlist_id is None:
            return None
        known = playlist_id
        try:
            return await self._services.records.run(lambda s: s.music.playlist(known, user_id))
        except KeyError:  # deleted meanwhile
            return None


def _uris(saved: SavedPlaylist) -> tuple[str, ...]:
    return tuple(f"{_TRACK}{track.track_id}" for track in saved.tracks)
