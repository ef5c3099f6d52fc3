"""Publishes playlists to the users' Spotify accounts: at once, or later if Spotify says so."""

from dataclasses import dataclass, replace
from datetime import UTC, timedelta

from bot import texts
from bot.current_update import give_way
from bot.linking.playlist_writer import WrittenPlaylist
from bot.playlists.naming import playlist_description, playlist_name
from bot.playlists.selection import Selector
from bot.services import Services
from bot.storage.records import Stores
from recommender.errors import (
    ConnectionExpired,
    NotConnected,
    PlaylistGone,
    RecommenderError,
    SpotifyBusy,
)
from recommender.listeners.published import UNWRITTEN, Publication, State
from recommender.listeners.saved import SavedPlaylist
from recommender.services.spotify.intents import PlaylistDraft

_TRACK = "spotify:track:"

PROMISING = (SpotifyBusy, ConnectionExpired, PlaylistGone)
"""Errors whose message to the user promises to publish the playlist later."""


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome of publishing a playlist.

    Args:
        saved: The playlist as stored now; unavailable tracks may have been replaced.
        place: Whether and where it is in Spotify.
        notice: A sentence in Telegram's HTML about what went wrong. Empty if all went well, or if
            no account is connected.
        is_promised: Whether the notice promises to publish it later.
    """

    saved: SavedPlaylist
    place: Publication
    notice: str = ""
    is_promised: bool = False

    @property
    def url(self) -> str | None:
        """Its address in Spotify; None if it is not there."""
        return self.place.url

    @property
    def told(self) -> Publication:
        """What a message with this notice says about its place."""
        return self.place if self.is_promised else without_promise(self.place)


def without_promise(place: Publication) -> Publication:
    """Return what a message that promises nothing says about a playlist's place."""
    return UNWRITTEN if place.state is State.WAITING else place


class Publisher:
    """Writes playlists to Spotify and replaces the tracks that do not play there."""

    def __init__(self, services: Services, selector: Selector) -> None:
        self._services = services
        self._selector = selector

    def store_intent(self, stores: Stores, saved: SavedPlaylist, rewrites: bool) -> None:
        """Store that a playlist must be published, within the transaction that stores it.

        Args:
            stores: The user data.
            saved: The playlist.
            rewrites: Whether it replaces the one published last, even if the user wants a new
                playlist each time.
        """
        if self._services.connections is None:
            return
        keeps = stores.music.preferences.load(saved.user_id).keeps_playlists
        draft = self._draft(saved, starts_new=keeps and not rewrites)
        stores.spotify.playlists.intend(saved.user_id, draft, self._services.clock())

    async def publish(self, saved: SavedPlaylist) -> Published:
        """Publish a playlist whose intent is stored."""
        connections = self._services.connections
        if connections is None:
            return Published(saved, UNWRITTEN)
        give_way()
        try:
            with self._services.metrics.step("write"):
                written = await connections.writer.write_pending(
                    saved.user_id, self._mend, only=saved.id
                )
        except RecommenderError as error:
            return await self._failed(saved, error)
        return await self._outcome(saved, written)

    async def save(self, saved: SavedPlaylist) -> Published:
        """Publish a playlist at the user's request, unless it is in Spotify already.

        One that was replaced there becomes a second playlist, beside its replacement.
        """
        connections, user_id = self._services.connections, saved.user_id

        def load(stores: Stores) -> tuple[Publication, bool]:
            keeps = stores.music.preferences.load(user_id).keeps_playlists
            return stores.music.publications.of(saved.id), keeps

        place, keeps = await self._services.records.run(load)
        if connections is None or place.state is State.PUBLISHED:
            return Published(saved, place)
        draft = self._draft(saved, starts_new=keeps or place.state is State.REPLACED)
        give_way()
        try:
            with self._services.metrics.step("write"):
                written = await connections.writer.write(user_id, draft, self._mend)
        except RecommenderError as error:
            return await self._failed(saved, error)
        return await self._outcome(saved, written)

    async def publish_pending(self, user_id: int) -> Published | None:
        """Publish what waited for the user to connect; None if nothing did."""
        connections = self._services.connections
        intent = await self._services.records.run(lambda s: s.spotify.playlists.intent(user_id))
        if connections is None or intent is None:
            return None
        saved = await self._find(user_id, intent.draft.saved_id)
        try:
            written = await connections.writer.write_pending(user_id, self._mend)
        except RecommenderError as error:
            return None if saved is None else await self._failed(saved, error)
        if written is not None:
            saved = await self._find(user_id, written.saved_id)
        return None if saved is None else await self._outcome(saved, written)

    async def publish_due(self) -> list[Published]:
        """Publish the pending playlists whose retry is due, and return those that succeeded."""
        connections = self._services.connections
        outcomes: list[Published] = []
        if connections is None:
            return outcomes
        resumed = await connections.writer.resume(self._mend, self._services.guests.admits)
        for user_id, written in resumed.items():
            saved = await self._find(user_id, written.saved_id)
            if saved is not None:
                outcomes.append(await self._outcome(saved, written))
        return outcomes

    def _draft(self, saved: SavedPlaylist, *, starts_new: bool) -> PlaylistDraft:
        day = self._services.clock().strftime("%-d %B %Y")
        return PlaylistDraft(
            name=playlist_name(saved.emotion, saved.mode),
            description=playlist_description(saved.emotion, saved.mode, day),
            uris=_uris(saved),
            saved_id=saved.id,
            starts_new=starts_new,
        )

    async def _outcome(self, saved: SavedPlaylist, written: WrittenPlaylist | None) -> Published:
        """Return the outcome of a write; None was written if the intent was no longer there."""
        place = await self._place(saved)
        if written is None:
            return Published(saved, place, "" if place.url is not None else texts.PASSED_OVER)
        notice = ""
        if written.silent:
            now = await self._find(saved.user_id, saved.id) or saved
            notice = texts.replaced(len(written.silent), len(saved.tracks) - len(now.tracks))
            saved = now
        return Published(saved, place, notice)

    async def _failed(self, saved: SavedPlaylist, error: RecommenderError) -> Published:
        """Return the outcome of a write that failed."""
        place = await self._place(saved)
        if isinstance(error, NotConnected):
            return Published(saved, place)
        until = ""
        if isinstance(error, SpotifyBusy):
            until = await self._until(saved.user_id, error.retry_after_s)
        notice = texts.explain_music_error(error, until)
        return Published(saved, place, notice, is_promised=isinstance(error, PROMISING))

    async def _until(self, user_id: int, wait_s: float) -> str:
        """Return when a wait ends, in the user's time zone."""
        zone = await self._services.records.run(lambda s: s.schedules.clock(user_id))
        until = (self._services.clock() + timedelta(seconds=wait_s)).astimezone(zone)
        return until.strftime("%-d %B, %H:%M") + (" UTC" if zone is UTC else "")

    async def _mend(
        self, user_id: int, draft: PlaylistDraft, silent: frozenset[str]
    ) -> PlaylistDraft:
        """Return a draft with other tracks instead of those that do not play."""
        saved = None
        if draft.saved_id is not None:
            ids = [uri.removeprefix(_TRACK) for uri in silent]
            saved = await self._selector.replace(user_id, draft.saved_id, ids)
        if saved is None:
            return replace(draft, uris=tuple(uri for uri in draft.uris if uri not in silent))
        return replace(draft, uris=_uris(saved))

    async def _place(self, saved: SavedPlaylist) -> Publication:
        return await self._services.records.run(lambda s: s.music.publications.of(saved.id))

    async def _find(self, user_id: int, playlist_id: int | None) -> SavedPlaylist | None:
        if playlist_id is None:
            return None
        known = playlist_id
        try:
            return await self._services.records.run(lambda s: s.music.playlist(known, user_id))
        except KeyError:  # deleted meanwhile
            return None


def _uris(saved: SavedPlaylist) -> tuple[str, ...]:
    return tuple(f"{_TRACK}{track.track_id}" for track in saved.tracks)
