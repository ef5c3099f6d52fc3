"""Exports a playlist as a list of links, and as a CSV for other services.

The CSV has the column names of Exportify, which services such as Soundiiz and TuneMyMusic import.
There is no M3U, since players cannot play Spotify's track pages.

Titles come from strangers: line breaks are removed, since each would start a new entry. For CSV
cells see `recommender.catalogue.csv_cells`.
"""

import csv
from collections.abc import Mapping
from io import StringIO

from recommender.catalogue.csv_cells import one_line, plain_cell
from recommender.listeners.saved import SavedPlaylist, ShownTrack

COLUMNS = (
    "Track URI",
    "Track Name",
    "Artist Name(s)",
    "Duration (ms)",
    "Position",
    "Link",
    "Vote",
    "Reason",
)
"""The columns of the CSV: Exportify's, then ours."""

_VOTES = {True: "like", False: "dislike", None: ""}


def file_name(saved: SavedPlaylist, ending: str) -> str:
    """Return a name valid on every file system: "mirrortape-sad-lift-2026-11-20.csv"."""
    return f"mirrortape-{saved.emotion}-{saved.mode}-{saved.created:%Y-%m-%d}.{ending}"


def link_list(saved: SavedPlaylist, name: str) -> bytes:
    """Return the playlist as UTF-8 text: its name, then each track with its link below."""
    lines = [one_line(name), ""]
    for track in saved.tracks:
        lines.append(f"{track.position + 1}. {one_line(track.artist)} - {one_line(track.title)}")
        lines.append("    (invented)" if track.invented else f"    {one_line(track.url)}")
    return ("\n".join(lines) + "\n").encode()


def csv_table(saved: SavedPlaylist, seconds: Mapping[str, int]) -> bytes:
    """Return the playlist as CSV, in UTF-8 with a byte order mark for spreadsheets.

    Args:
        saved: The playlist.
        seconds: Length of each track, by id; a missing one is unknown.
    """
    text = StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for track in saved.tracks:
        table.writerow(_row(track, seconds.get(track.track_id)))
    return text.getvalue().encode("utf-8-sig")


def _row(track: ShownTrack, seconds: int | None) -> list[str]:
    cells = [
        "" if track.invented else f"spotify:track:{track.track_id}",
        track.title,
        track.artist,
        "" if seconds is None else str(seconds * 1000),
        str(track.position + 1),
        "" if track.invented else track.url,
        _VOTES[track.vote],
        track.reason,
    ]
    return [plain_cell(cell) for cell in cells]
