"""Spotify's playlists and their items, parsed from the Web API's answers."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist without its items; `description` is plain text."""

    id: str
    url: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a playlist.

    Args:
        uri: Its URI; None if Spotify no longer has the item. A track that Spotify plays in another
            edition keeps the URI that was written.
        is_playable: Whether it plays in the listener's country.
    """

    uri: str | None
    is_playable: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """All items of a playlist in order, and its version."""

    snapshot_id: str
    entries: tuple[Entry, ...]

    @property
    def uris(self) -> tuple[str, ...]:
        """The URIs of the items that have one, in order."""
        return tuple(entry.uri for entry in self.entries if entry.uri is not None)


def unplayed(wanted: Sequence[str], found: Contents) -> frozenset[str]:
    """Return the written tracks that do not play.

    Args:
        wanted: The written URIs, in order.
        found: The contents read back from the same version.
    """
    if len(found.entries) == len(wanted):
        # Compare by position, since another edition has another URI.
        pairs = zip(wanted, found.entries, strict=True)
        return frozenset(uri for uri, entry in pairs if not (entry.uri and entry.is_playable))
    playing = {entry.uri for entry in found.entries if entry.is_playable}
    return frozenset(wanted) - playing


def as_object(answer: Any) -> dict[str, Any]:
    """Return an answer that must be a JSON object.

    Raises:
        TypeError: It is not an object.
    """
    if not isinstance(answer, dict):  # spotipy returns None for invalid JSON
        raise TypeError(f"an object was expected, not {type(answer).__name__}")
    return answer


def as_text(answer: Any) -> str:
    """Return an answer that must be a non-empty text.

    Raises:
        TypeError: It is empty or not a text.
    """
    if not isinstance(answer, str) or not answer:
        raise TypeError(f"a text was expected, not {type(answer).__name__}")
    return answer


def as_entry(answer: object) -> Entry:
    """Parse one item of a playlist; its track may be null or unplayable."""
    entry = as_object(answer)
    track = entry.get("item") or entry.get("track")
    if track is None:
        return Entry(None, is_playable=False)
    written = track.get("linked_from") or track  # set if another edition plays instead
    return Entry(str(written["uri"]), is_playable=track.get("is_playable") is not False)


def as_playlist(answer: object) -> Playlist:
    """Parse a playlist; its id, name and URL are required."""
    entry = as_object(answer)
    return Playlist(
        id=str(entry["id"]),
        url=str(entry["external_urls"]["spotify"]),
        name=str(entry["name"]),
        # Spotify escapes descriptions for HTML, and may say null for an empty one.
        description=html.unescape(str(entry.get("description") or "")),
    )
