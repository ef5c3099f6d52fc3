"""A playlist as files for other programs: M3U8 for players, CSV for spreadsheets and importers.

Titles come from strangers, and a file is opened by programs that make more of a text than a text:
a line break would be another entry to a player. None gets through; for cells see
`recommender.csv_cells`.
"""

import csv
from collections.abc import Mapping
from io import StringIO

from recommender.csv_cells import one_line, plain_cell
from recommender.saved import SavedPlaylist, ShownTrack

COLUMNS = ("position", "title", "artist", "url", "seconds", "vote", "reason")
"""The columns of the CSV."""

_VOTES = {True: "like", False: "dislike", None: ""}


def file_name(saved: SavedPlaylist, ending: str) -> str:
    """Return a name that every file system takes: "mirrortape-sad-lift-2026-11-20.csv"."""
    return f"mirrortape-{saved.emotion}-{saved.mode}-{saved.created:%Y-%m-%d}.{ending}"


def m3u8(saved: SavedPlaylist, name: str, seconds: Mapping[str, int]) -> bytes:
    """Return the playlist as an extended M3U in UTF-8.

    Args:
        saved: The playlist.
        name: What it is called.
        seconds: How long each track is, by id; those that it lacks are of unknown length.
    """
    lines = ["#EXTM3U", f"#PLAYLIST:{one_line(name)}"]
    for track in saved.tracks:
        length = seconds.get(track.track_id, -1)
        artist, title = one_line(track.artist), one_line(track.title)
        lines.append(f"#EXTINF:{length},{artist} - {title}")
        lines.append(f"# invented: {track.track_id}" if track.invented else one_line(track.url))
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
        str(track.position + 1),
        track.title,
        track.artist,
        "" if track.invented else track.url,
        "" if seconds is None else str(seconds),
        _VOTES[track.vote],
        track.reason,
    ]
    return [plain_cell(cell) for cell in cells]
