"""What a playlist holds when it is read back, and which tracks of it Spotify no longer plays."""

from collections.abc import Sequence
from dataclasses import dataclass


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
