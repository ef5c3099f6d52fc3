"""The JSON objects of the local Spotify's Web API, with the fields that a new app still gets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.sandbox.spotify.state import Account, Item, SpotifyState, StoredPlaylist
from recommender.catalogue.tracks import Track

ITEMS_WITH_PLAYLIST = 50
"""How many items a playlist object includes."""


class SpotifyObjects:
    """Builds objects with absolute URLs.

    Args:
        state: The local Spotify's state.
    """

    def __init__(self, state: SpotifyState) -> None:
        self._state = state
        self._web = state.base_url
        self._api = f"{state.base_url}/v1"

    def profile(self, account: Account) -> dict[str, Any]:
        """Return PrivateUserObject."""
        return self._user(account) | {
            "account_id": account.account_id,
            "display_name": account.display_name,
            "images": [],
        }

    def full(self, playlist: StoredPlaylist) -> dict[str, Any]:
        """Return PlaylistObject."""
        return self._common(playlist) | {
            "followers": {"href": None, "total": 0},
            "items": self.item_page(playlist, ITEMS_WITH_PLAYLIST, 0),
        }

    def brief(self, playlist: StoredPlaylist) -> dict[str, Any]:
        """Return SimplifiedPlaylistObject."""
        href = f"{self._api}/playlists/{playlist.id}/items"
        return self._common(playlist) | {"items": {"href": href, "total": len(playlist.items)}}

    def item_page(self, playlist: StoredPlaylist, limit: int, offset: int) -> dict[str, Any]:
        """Return PagingPlaylistTrackObject."""
        silent = self._state.silent
        there = [item for item in playlist.items if silent.get(item.uri) != "missing"]
        shown = there[offset : offset + limit]
        tracks = self._state.describe([item.uri for item in shown])
        entries = [self._entry(playlist, item, tracks) for item in shown]
        path = f"/playlists/{playlist.id}/items"
        return self._paging(path, entries, len(there), limit, offset)

    def page(
        self, path: str, entries: list[dict[str, Any]], limit: int, offset: int
    ) -> dict[str, Any]:
        """Return PagingObject with the requested part of the entries."""
        return self._paging(path, entries[offset : offset + limit], len(entries), limit, offset)

    def images(self, playlist: StoredPlaylist) -> list[dict[str, Any]]:
        """Return a list of ImageObject."""
        if playlist.cover is None:
            return []
        url = f"{self._web}/cover/{playlist.id}"
        return [{"url": url, "height": None, "width": None}]

    def _common(self, playlist: StoredPlaylist) -> dict[str, Any]:
        owner = playlist.owner
        return {
            "collaborative": playlist.collaborative,
            "description": playlist.description,
            "external_urls": {"spotify": f"{self._web}/playlist/{playlist.id}"},
            "href": f"{self._api}/playlists/{playlist.id}",
            "id": playlist.id,
            "images": self.images(playlist),
            "name": playlist.name,
            "owner": self._user(owner) | {"display_name": owner.display_name},
            "public": playlist.public,
            "snapshot_id": playlist.snapshot_id,
            "type": "playlist",
            "uri": f"spotify:playlist:{playlist.id}",
        }

    def _user(self, account: Account) -> dict[str, Any]:
        return {
            "external_urls": {"spotify": f"{self._web}/user/{account.id}"},
            "href": f"{self._api}/users/{account.id}",
            "id": account.id,
            "type": "user",
            "uri": f"spotify:user:{account.id}",
        }

    def _entry(
        self, playlist: StoredPlaylist, item: Item, tracks: Mapping[str, Track]
    ) -> dict[str, Any]:
        return {
            "added_at": _timestamp(item.added_utc),
            "added_by": self._user(playlist.owner),
            "is_local": False,
            "item": self._played(item.uri, tracks.get(item.uri)),
        }

    def _played(self, uri: str, track: Track | None) -> dict[str, Any] | None:
        """Return a track, playable or not."""
        how = self._state.silent.get(uri)
        if how == "null":
            return None
        return self._track(uri, track) | {"is_playable": how is None}

    def _track(self, uri: str, track: Track | None) -> dict[str, Any]:
        """Return TrackObject without its album, since the catalogue only knows the album's name.

        A track that is not in the catalogue has few fields.
        """
        track_id = uri.rpartition(":")[2]
        known = {
            "external_urls": {"spotify": f"https://open.spotify.com/track/{track_id}"},
            "href": f"{self._api}/tracks/{track_id}",
            "id": track_id,
            "is_local": False,
            "name": f"Unknown track {track_id}",
            "artists": [],
            "type": "track",
            "uri": uri,
        }
        if track is None:
            return known
        return known | {
            "name": track.name,
            "artists": [{"name": name, "type": "artist"} for name in track.artist.split(", ")],
            "duration_ms": track.duration_ms,
            "explicit": track.explicit,
        }

    def _paging(
        self, path: str, entries: list[dict[str, Any]], total: int, limit: int, offset: int
    ) -> dict[str, Any]:
        def address(start: int) -> str:
            return f"{self._api}{path}?offset={start}&limit={limit}"

        return {
            "href": address(offset),
            "items": entries,
            "limit": limit,
            "next": address(offset + limit) if offset + limit < total else None,
            "offset": offset,
            "previous": address(max(0, offset - limit)) if offset > 0 else None,
            "total": total,
        }


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
