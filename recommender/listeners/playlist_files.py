"""A playlist as files: a list of links to read, and a CSV that other services import.

The CSV has the column names of Exportify, which services such as Soundiiz and TuneMyMusic read.
There is no M3U: the tracks are pages of Spotify, and no player plays those.

Titles come from strangers, and a file is opened by programs that make more of a text than a text:
a line break would be another entry. None gets through; for cells see
`recommender.catalogue.csv_cells`.
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
    """Return a name that every file system takes: "mirrortape-sad-lift-2026-11-20.csv"."""
    return f"mirrortape-{saved.emotion}-{saved.mode}-{saved.created:%Y-%m-%d}.{ending}"


def link_list(saved: SavedPlaylist, name: str) -> bytes:
    """Return the playlist as a text in UTF-8: each track, and below it its link.

    Args:
        saved: The playlist.
        name: What it is called.
    """
    lines = [one_line(name), ""]
    for track in saved.tracks:
        lines.append(f"{track.position + 1}. {one_line(track.artist)} - {one_line(track.title)}")
        lines.append("    (invented)" if track.invented else f"    {one_line(track.url)}")
    return ("\n".join(lines) + "\n").encode()


def csv_table(saved: SavedPlaylist, seconds: Mapping[str, int]) -> bytes:
    """Return the playlist as CSV, in UTF-8 with the mark by which spreadsheets know it.

    Args:
        saved: The playlist.
        seconds: How long each track is, by id; those that it lacks are of unknown length.
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
