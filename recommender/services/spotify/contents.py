"""A playlist as Spotify tells of it: its name, what it holds, and what of that no longer plays."""

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
    """One place in a playlist.

    Args:
        uri: What stands there; None where Spotify has nothing to show any more. A track that
            Spotify replaced by another edition keeps the URI under which it was written.
        is_playable: Whether it plays where the listener lives.
    """

    uri: str | None
    is_playable: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a playlist holds, in order, and the version that was read."""

    snapshot_id: str
    entries: tuple[Entry, ...]

    @property
    def uris(self) -> tuple[str, ...]:
        """Everything that still has a URI, in order."""
        return tuple(entry.uri for entry in self.entries if entry.uri is not None)


def unplayed(wanted: Sequence[str], found: Contents) -> frozenset[str]:
    """Return which of the tracks that were written do not play.

    Args:
        wanted: The URIs that were written, in order.
        found: What was read back of that same version.
    """
    if len(found.entries) == len(wanted):
        # By place: where Spotify plays another edition, the URI differs.
        pairs = zip(wanted, found.entries, strict=True)
        return frozenset(uri for uri, entry in pairs if not (entry.uri and entry.is_playable))
    playing = {entry.uri for entry in found.entries if entry.is_playable}
    return frozenset(wanted) - playing


def as_object(answer: Any) -> dict[str, Any]:
    """Return an answer that is an object.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(answer, dict):  # spotipy returns None for a body that is no JSON
        raise TypeError(f"an object was expected, not {type(answer).__name__}")
    return answer


def as_text(answer: Any) -> str:
    """Return what an answer names.

    Raises:
        TypeError: It names nothing: null, empty, or no text.
    """
    if not isinstance(answer, str) or not answer:
        raise TypeError(f"a text was expected, not {type(answer).__name__}")
    return answer


def as_entry(answer: object) -> Entry:
    """Return one place of a playlist, whose track may be null or silent."""
    entry = as_object(answer)
    track = entry.get("item") or entry.get("track")
    if track is None:
        return Entry(None, is_playable=False)
    written = track.get("linked_from") or track  # another edition may play in its stead
    return Entry(str(written["uri"]), is_playable=track.get("is_playable") is not False)


def as_playlist(answer: object) -> Playlist:
    """Return a playlist of which the answer tells at least its name and where it opens."""
    entry = as_object(answer)
    return Playlist(
        id=str(entry["id"]),
        url=str(entry["external_urls"]["spotify"]),
        name=str(entry["name"]),
        # Spotify escapes descriptions for HTML, and may say null for an empty one.
        description=html.unescape(str(entry.get("description") or "")),
    )
