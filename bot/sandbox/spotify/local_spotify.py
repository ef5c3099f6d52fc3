"""A local Spotify: accounts, consent, the Web API and playlist pages, all in memory.

It replaces the real service in the demo and in tests, over real HTTP: only the addresses in the
bot's settings differ. It answers what the real one answers to a newly registered app; its music is
the catalogue's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.sandbox.same_origin import SameOriginOnly
from bot.sandbox.spotify.api import WebApi
from bot.sandbox.spotify.faults import SWITCHES, Fault
from bot.sandbox.spotify.login import Login
from bot.sandbox.spotify.pages import notice_page, playlist_page
from bot.sandbox.spotify.state import Item, SpotifyState, StoredPlaylist
from recommender.catalogue.tracks import Track


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalSpotify:
    """The whole service, to be mounted at `base_url`.

    Args:
        base_url: Its public address, such as "http://127.0.0.1:8765/spotify".
        describe: Finds the catalogue's tracks by URI; unknown ones are left out.
        client_id: The owner's app. Any other valid id counts as a listener's own app.
        client_secret: The secret of the owner's app; empty if it has none.
        clock: Returns the time now, in UTC.
        offers_phone: Whether one can consent as if on a phone, whose browser cannot come back.
    """

    def __init__(
        self,
        base_url: str,
        describe: Callable[[Sequence[str]], Mapping[str, Track]],
        *,
        client_id: str = "mirrortape-demo",
        client_secret: str = "",
        clock: Callable[[], datetime] = _utc_now,
        offers_phone: bool = False,
    ) -> None:
        self._state = SpotifyState(
            base_url, client_id, client_secret, describe, clock, offers_phone=offers_phone
        )

    def routes(self) -> list[BaseRoute]:
        """Return all routes, relative to the base address."""
        changes = [
            Route("/switch", self._turn, methods=["POST"]),
            Route("/delete", self._delete, methods=["POST"]),
        ]
        return [
            *Login(self._state).routes(),
            *WebApi(self._state).routes(),
            Route("/playlist/{id}", self._playlist_page),
            Route("/cover/{id}", self._cover),
            Route("/panel", self._panel),
            Mount("/change", routes=changes, middleware=[Middleware(SameOriginOnly)]),
        ]

    # -- what tests ask for --

    @property
    def calls(self) -> list[tuple[str, str]]:
        """The latest thousand requests of apps: method, and path below /v1 (or /api/token)."""
        return list(self._state.calls)

    def fail_next(
        self,
        method: str,
        path: str,
        *,
        status: int,
        retry_after: int | None = None,
        reason: str | None = None,
        after: bool = False,
        times: int = 1,
    ) -> None:
        """Answer the next matching requests with an error.

        Args:
            method: Such as "PUT".
            path: A part of the path below /v1.
            status: The HTTP status.
            retry_after: Seconds in the Retry-After header, if any.
            reason: The machine-readable reason in the body, if any.
            after: Whether to carry the request out and lose its answer.
            times: How many requests.
        """
        self._state.faults.waiting.append(
            Fault(method, path, status, retry_after, reason, after, times)
        )

    def turn(self, switch: str) -> None:
        """Turn on one switch and turn off all others; an empty name turns off all.

        Args:
            switch: A name in `bot.sandbox.spotify.faults.SWITCHES`.

        Raises:
            KeyError: There is no such switch.
        """
        self._state.faults.turn(switch)

    def list_late(self, lag_s: float) -> None:
        """Make new playlists appear in the library only after this long."""
        self._state.listing_lag = timedelta(seconds=lag_s)

    def expire_access_tokens(self) -> None:
        """Expire every access token now."""
        now = self._state.clock()
        for token, grant in self._state.access_tokens.items():
            self._state.access_tokens[token] = replace(grant, expires_utc=now)

    def revoke(self) -> None:
        """Revoke every token, as if all listeners had removed the app."""
        self._state.access_tokens.clear()
        self._state.refresh_tokens.clear()

    def delete_playlist(self, playlist_id: str) -> None:
        """Delete a playlist as its owner does: it leaves the library, but its id still works."""
        self._state.playlists[playlist_id].in_library = False

    def erase_playlist(self, playlist_id: str) -> None:
        """Remove a playlist completely: its id gives 404."""
        del self._state.playlists[playlist_id]

    def silence(self, uri: str, how: str = "unplayable") -> None:
        """Make a track unplayable.

        Args:
            uri: The track's URI.
            how: One of `bot.sandbox.spotify.state.SILENT`.
        """
        self._state.silent[uri] = how

    def playlists(self) -> list[StoredPlaylist]:
        """Return the playlists in an account's library, most recently changed first."""
        kept = [playlist for playlist in self._state.playlists.values() if playlist.in_library]
        return sorted(kept, key=lambda playlist: playlist.changed_utc, reverse=True)

    # -- pages --

    async def _panel(self, request: Request) -> Response:
        shown = {
            "playlists": [self._summary(playlist) for playlist in self.playlists()],
            "switches": {name: switch.label for name, switch in SWITCHES.items()},
            "switch": self._state.faults.switch,
        }
        return JSONResponse(shown, headers={"Cache-Control": "no-store"})

    async def _turn(self, request: Request) -> Response:
        return await self._change(request, self.turn)

    async def _delete(self, request: Request) -> Response:
        return await self._change(request, self.delete_playlist)

    async def _change(self, request: Request, change: Callable[[str], None]) -> Response:
        """Do what the page posts, with the name or id that it sends."""
        try:
            change(str(await request.json()))
        except (ValueError, KeyError):
            return JSONResponse({"error": "The local Spotify has no such thing."}, 400)
        return JSONResponse({})

    def _summary(self, playlist: StoredPlaylist) -> dict[str, object]:
        tracks = self._describe(playlist.items)
        return {
            "id": playlist.id,
            "name": playlist.name,
            "description": unescape(playlist.description),
            "url": f"{self._state.base_url}/playlist/{playlist.id}",
            "public": playlist.public,
            "tracks": [_row(item.uri, tracks.get(item.uri)) for item in playlist.items],
        }

    async def _playlist_page(self, request: Request) -> Response:
        playlist = self._state.playlists.get(request.path_params["id"])
        if playlist is None:
            return notice_page("There is no such playlist in this demo.", 404)
        cover = None
        if playlist.cover is not None:
            cover = f"{self._state.base_url}/cover/{playlist.id}"
        return playlist_page(playlist, self._describe(playlist.items), cover)

    async def _cover(self, request: Request) -> Response:
        playlist = self._state.playlists.get(request.path_params["id"])
        if playlist is None or playlist.cover is None:
            return notice_page("This playlist has no cover.", 404)
        headers = {"X-Content-Type-Options": "nosniff"}
        return Response(playlist.cover, media_type="image/jpeg", headers=headers)

    def _describe(self, items: Sequence[Item]) -> Mapping[str, Track]:
        return self._state.describe([item.uri for item in items])


def _row(uri: str, track: Track | None) -> dict[str, object]:
    if track is None:
        track_id = uri.rpartition(":")[2]
        return {
            "name": track_id,
            "artist": "not in the catalogue",
            "duration_ms": 0,
            "url": f"https://open.spotify.com/track/{track_id}",
            "invented": False,
        }
    return {
        "name": track.name,
        "artist": track.artist,
        "duration_ms": track.duration_ms,
        "url": track.url,
        "invented": track.invented,
    }
