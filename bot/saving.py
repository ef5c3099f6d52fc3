"""Playlists on their way into the users' Spotify: at once, or later where that cannot be."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bot import messages, texts
from bot.choosing import Choosing
from bot.connections import PlaylistDraft, SpotifyPlaylist
from bot.handling import give_way
from bot.services import Services
from recommender.errors import NotConnected, RecommenderError, SpotifyBusy
from recommender.saved import SavedPlaylist

_TRACK = "spotify:track:"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a playlist.

    Args:
        saved: The playlist as it is now; some of its tracks may have been replaced.
        url: Where it is in Spotify; None if it was not written.
        notice: A sentence about what did not go as asked, already markup; empty if there is
            nothing to say, or simply no account is connected.
        shown_in: The message that shows it; None where that is unknown.
    """

    saved: SavedPlaylist
    url: str | None
    notice: str
    shown_in: int | None = None


class Saving:
    """Writes playlists to Spotify and replaces what does not play there."""

    def __init__(self, services: Services, choosing: Choosing) -> None:
        self._services = services
        self._choosing = choosing

    async def write(
        self, saved: SavedPlaylist, shown_in: int | None = None, *, rewrites: bool = False
    ) -> Written:
        """Write a playlist to its listener's Spotify, where there is one.

        Args:
            saved: The playlist.
            shown_in: The message that shows it.
            rewrites: Whether it takes the place of the one written last, even where the user
                wants a new one each time.
        """
        connections, user_id = self._services.connections, saved.user_id
        if connections is None:
            return Written(saved, None, "")
        preferences = await self._services.records.run(
            lambda stores: stores.music.preferences.load(user_id)
        )
        day = self._services.clock().strftime("%-d %B %Y")
        draft = PlaylistDraft(
            name=messages.playlist_name(saved.emotion, saved.mode),
            description=messages.playlist_description(saved.emotion, saved.mode, day),
            uris=_uris(saved),
            saved_id=saved.id,
            shown_in=shown_in,
            starts_new=preferences.keeps_playlists and not rewrites,
        )
        give_way()
        try:
            with self._services.metrics.step("write"):
                written = await connections.write(user_id, draft, self._mend)
        except NotConnected:
            return Written(saved, None, "")
        except SpotifyBusy as error:
            until = self._services.clock() + timedelta(seconds=error.retry_after_s)
            told = texts.explain_music_error(error, until.strftime("%-d %B, %H:%M"))
            return Written(saved, None, told)
        except RecommenderError as error:
            return Written(saved, None, texts.explain_music_error(error))
        return await self._outcome(saved, written)

    async def write_waiting(self) -> list[Written]:
        """Write the guests' playlists that wait and are due now; return those."""
        connections = self._services.connections
        outcomes: list[Written] = []
        if connections is None:
            return outcomes
        resumed = await connections.resume(self._mend, self._services.guests.admits)
        for user_id, written in resumed.items():
            saved = await self._find(user_id, written.saved_id)
            if saved is not None:
                outcomes.append(await self._outcome(saved, written))
        return outcomes

    async def _outcome(self, saved: SavedPlaylist, written: SpotifyPlaylist) -> Written:
        await self._services.records.run(lambda s: s.music.standing.note(saved.id, written.url))
        if not written.silent:
            return Written(saved, written.url, "", written.shown_in)
        now = await self._find(saved.user_id, saved.id) or saved
        missing = len(saved.tracks) - len(now.tracks)
        notice = texts.replaced(len(written.silent), missing)
        return Written(now, written.url, notice, written.shown_in)

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
