"""The local Spotify's Web API, limited to what a newly registered app may call.

It answers like the real service, including its error messages. Routes that Spotify removed, or
closed to new apps, are refused in the same way.
"""

import base64
import binascii
import html
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.sandbox.spotify.asked import (
    checked_uris,
    json_object,
    number,
    page_asked,
    reordered,
    uris_in,
)
from bot.sandbox.spotify.objects import SpotifyObjects
from bot.sandbox.spotify.refusals import ApiRefusal, refusal_response
from bot.sandbox.spotify.state import Account, Grant, Item, SpotifyState, StoredPlaylist

MAX_COVER_BYTES = 256 * 1024
NAME_CHARS = 100
DESCRIPTION_CHARS = 300

READ = "playlist-read-private"

_ID = re.compile(r"[0-9A-Za-z]{22}")

_CLOSED = ("audio-features", "audio-analysis", "recommendations", "users/", "browse/", "markets")
_MOVED = re.compile(r"playlists/[^/]+/(tracks|followers)")

Answer = Awaitable[Response]
Handler = Callable[[Request, Grant], Answer]


class WebApi:
    """The routes under /v1.

    Args:
        state: The local Spotify's memory.
    """

    def __init__(self, state: SpotifyState) -> None:
        self._state = state
        self._objects = SpotifyObjects(state)

    def routes(self) -> list[BaseRoute]:
        """Return all routes, the catch-all last."""
        table: dict[str, dict[str, Handler]] = {
            "/me": {"GET": self._me},
            "/me/playlists": {"GET": self._my_playlists, "POST": self._create},
            "/playlists/{id}": {"GET": self._playlist, "PUT": self._change_details},
            "/playlists/{id}/items": {
                "GET": self._items,
                "POST": self._add_items,
                "PUT": self._update_items,
                "DELETE": self._remove_items,
            },
            "/playlists/{id}/images": {"GET": self._images, "PUT": self._upload_cover},
        }
        routes: list[BaseRoute] = []
        for path, handlers in table.items():
            endpoint = self._endpoint(handlers)
            every = ["GET", "POST", "PUT", "DELETE"]
            routes.append(Route(f"/v1{path}", endpoint, methods=every))
            routes.append(Route(f"/v1{path}/", endpoint, methods=every))
        nothing = self._endpoint({})
        routes.append(Route("/v1/{path:path}", nothing, methods=["GET", "POST", "PUT", "DELETE"]))
        return routes

    def _endpoint(self, handlers: Mapping[str, Handler]) -> Callable[[Request], Answer]:
        """Wrap a route: log the request, inject faults, check the token, then answer."""

        async def endpoint(request: Request) -> Response:
            method, path = request.method, request.url.path.partition("/v1")[2].rstrip("/")
            self._state.calls.append((method, path))
            fault = self._state.faults.hit(method, path, after=False)
            if fault is not None:
                return await fault.answer(request)
            try:
                grant = self._grant(request)
                if method not in handlers:
                    raise _no_route(path, is_known=bool(handlers))
                response = await handlers[method](request, grant)
            except ApiRefusal as refusal:
                return refusal_response(refusal)
            lost = self._state.faults.hit(method, path, after=True)
            return response if lost is None else await lost.answer(request)

        return endpoint

    def _grant(self, request: Request) -> Grant:
        header = request.headers.get("Authorization", "")
        kind, _, token = header.partition(" ")
        if not header:
            raise ApiRefusal(401, "No token provided")
        if kind != "Bearer" or not token:
            raise ApiRefusal(400, "Only valid bearer authentication supported")
        grant = self._state.access_tokens.get(token)
        if grant is None:
            raise ApiRefusal(401, "Invalid access token")
        if self._state.clock() >= grant.expires_utc:
            raise ApiRefusal(401, "The access token expired")
        return grant

    # -- the listener --

    async def _me(self, request: Request, grant: Grant) -> Response:
        return JSONResponse(self._objects.profile(grant.account))

    async def _my_playlists(self, request: Request, grant: Grant) -> Response:
        _need(grant, READ)
        entries = [self._objects.brief(entry) for entry in self._state.library(grant.account)]
        limit, offset = page_asked(request)
        return JSONResponse(self._objects.page("/me/playlists", entries, limit, offset))

    async def _create(self, request: Request, grant: Grant) -> Response:
        body = await json_object(request)
        if not isinstance(body.get("name"), str) or not body["name"].strip():
            raise ApiRefusal(400, "Missing required field: name")
        public = body.get("public", True) is True
        _need(grant, "playlist-modify-public" if public else "playlist-modify-private")
        playlist = self._state.create_playlist(
            grant.account, "", "", public=public, collaborative=body.get("collaborative") is True
        )
        try:
            _apply_details(playlist, body)
        except ApiRefusal:
            del self._state.playlists[playlist.id]
            raise
        return JSONResponse(self._objects.full(playlist), status_code=201)

    # -- one playlist --

    async def _playlist(self, request: Request, grant: Grant) -> Response:
        return JSONResponse(self._objects.full(self._readable(request, grant)))

    async def _change_details(self, request: Request, grant: Grant) -> Response:
        playlist = self._writable(request, grant)
        _apply_details(playlist, await json_object(request))
        self._state.touch(playlist)
        return Response()

    async def _items(self, request: Request, grant: Grant) -> Response:
        _need(grant, READ)
        playlist = self._readable(request, grant)
        if playlist.owner != grant.account:
            raise ApiRefusal(403, "Forbidden")
        limit, offset = page_asked(request)
        return JSONResponse(self._objects.item_page(playlist, limit, offset))

    async def _add_items(self, request: Request, grant: Grant) -> Response:
        playlist = self._writable(request, grant)
        body = await json_object(request)
        uris = uris_in(request, body)
        position = body.get("position", request.query_params.get("position"))
        at = len(playlist.items) if position is None else number(position, "position")
        items = [Item(uri, self._state.clock()) for uri in uris]
        self._state.set_items(playlist, playlist.items[:at] + items + playlist.items[at:])
        return _snapshot(playlist, 201)

    async def _update_items(self, request: Request, grant: Grant) -> Response:
        playlist = self._writable(request, grant)
        body = await json_object(request)
        if "uris" in body or "uris" in request.query_params:
            items = [Item(uri, self._state.clock()) for uri in uris_in(request, body)]
        else:
            items = reordered(playlist.items, body)
        self._state.set_items(playlist, items)
        return _snapshot(playlist, 200)

    async def _remove_items(self, request: Request, grant: Grant) -> Response:
        playlist = self._writable(request, grant)
        gone = (await json_object(request)).get("items")
        if not isinstance(gone, list) or not all(isinstance(entry, dict) for entry in gone):
            raise ApiRefusal(400, "Missing required field: items")
        uris = checked_uris([entry.get("uri") for entry in gone])
        self._state.set_items(playlist, [i for i in playlist.items if i.uri not in uris])
        return _snapshot(playlist, 200)

    async def _images(self, request: Request, grant: Grant) -> Response:
        return JSONResponse(self._objects.images(self._readable(request, grant)))

    async def _upload_cover(self, request: Request, grant: Grant) -> Response:
        _need(grant, "ugc-image-upload")
        playlist = self._writable(request, grant)
        body = await request.body()
        if len(body) > MAX_COVER_BYTES:
            raise ApiRefusal(413, "Payload too large")
        try:
            cover = base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise ApiRefusal(400, "Error decoding image") from error
        if not cover.startswith(b"\xff\xd8\xff"):
            raise ApiRefusal(400, "Error decoding image")
        playlist.cover = cover
        return Response(status_code=202)

    def _readable(self, request: Request, grant: Grant) -> StoredPlaylist:
        playlist_id = request.path_params["id"]
        if not _ID.fullmatch(playlist_id):
            raise ApiRefusal(400, "Invalid base62 id")
        playlist = self._state.playlists.get(playlist_id)
        if playlist is None or not _may_see(playlist, grant.account):
            raise ApiRefusal(404, "Resource not found")
        return playlist

    def _writable(self, request: Request, grant: Grant) -> StoredPlaylist:
        playlist = self._readable(request, grant)
        if playlist.owner != grant.account:
            raise ApiRefusal(403, "You cannot change a playlist you don't own.")
        _need(grant, "playlist-modify-public" if playlist.public else "playlist-modify-private")
        return playlist


def _may_see(playlist: StoredPlaylist, account: Account) -> bool:
    return playlist.public or playlist.owner == account


def _need(grant: Grant, scope: str) -> None:
    if scope not in grant.scopes:
        raise ApiRefusal(403, "Insufficient client scope")


def _no_route(path: str, *, is_known: bool) -> ApiRefusal:
    if is_known:
        return ApiRefusal(405, "Method not allowed")
    route = path.lstrip("/")
    if route.startswith(_CLOSED) or _MOVED.fullmatch(route):
        return ApiRefusal(403, "Forbidden")
    return ApiRefusal(404, "Service not found")


def _apply_details(playlist: StoredPlaylist, body: Mapping[str, Any]) -> None:
    name, description = body.get("name", playlist.name), body.get("description")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= NAME_CHARS:
        raise ApiRefusal(400, "Invalid playlist name")
    if isinstance(description, str):
        if len(description) > DESCRIPTION_CHARS or "\n" in description:
            raise ApiRefusal(400, "Invalid playlist description")
        playlist.description = html.escape(description)  # Spotify keeps it escaped
    playlist.name = name
    playlist.public = body.get("public", playlist.public) is True
    playlist.collaborative = body.get("collaborative", playlist.collaborative) is True


def _snapshot(playlist: StoredPlaylist, status: int) -> Response:
    return JSONResponse({"snapshot_id": playlist.snapshot_id}, status_code=status)
