"""Tracks, tables and votes for tests of the recommender."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from recommender.catalogue.catalogue import Catalogue, TrackTable
from recommender.catalogue.tracks import Track
from recommender.taste.taste import Opinion

ROW = {
    "track_id": "MirrortapeInvented0001",
    "track_name": "Paper Lanterns",
    "track_artist": "Zora Valcourt",
    "track_popularity": "66",
    "track_album_name": "Slow Comet",
    "track_album_release_date": "2019-06-14",
    "playlist_genre": "pop",
    "danceability": "0.712",
    "energy": "0.843",
    "loudness": "-5.217",
    "mode": "1",
    "acousticness": "0.102",
    "valence": "0.518",
    "tempo": "118.402",
    "duration_ms": "201340",
}

HEADER = list(ROW)

TRACK = Track(
    id=ROW["track_id"],
    name="Paper Lanterns",
    artist="Zora Valcourt",
    album="Slow Comet",
    genre="pop",
    duration_ms=201340,
    explicit=False,
    valence=0.518,
    energy=0.843,
    tempo_bpm=118.402,
    acousticness=0.102,
    danceability=0.712,
    mode=1,
    loudness_db=-5.217,
)


def track_id(number: int) -> str:
    """Return the number-th id that has the form of Spotify's."""
    return f"{number:022d}"


def csv_text(rows: Iterable[Mapping[str, str]], header: list[str] = HEADER) -> str:
    """Return a CSV of rows that differ from `ROW` as given."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(ROW | dict(row) for row in rows)
    return text.getvalue()


def write_csv(folder: Path, rows: Iterable[Mapping[str, str]], name: str = "songs.csv") -> Path:
    """Write such a CSV and return its path."""
    path = folder / name
    path.write_text(csv_text(rows), encoding="utf-8")
    return path


def random_tracks(count: int, seed: int = 0, artists: int = 1_000_000) -> list[Track]:
    """Return tracks with features spread evenly, by so many artists, each of one genre."""
    rng = np.random.default_rng(seed)
    return [
        replace(
            TRACK,
            id=track_id(number),
            name=f"Song {number}",
            artist=f"Artist {number % artists}",
            genre=("pop", "rock", "jazz")[number % artists % 3],
            valence=round(float(rng.random()), 4),
            energy=round(float(rng.random()), 4),
            tempo_bpm=round(float(rng.uniform(60, 190)), 2),
            acousticness=round(float(rng.random()), 4),
            danceability=round(float(rng.random()), 4),
            mode=int(rng.integers(2)),
            loudness_db=round(float(rng.uniform(-20, 0)), 2),
            instrumentalness=round(float(rng.random()), 4),
            speechiness=round(float(rng.random()), 4),
        )
        for number in range(count)
    ]


def table_of(tracks: Iterable[Track]) -> TrackTable:
    """Return a table of these tracks."""
    catalogue = Catalogue(None)
    catalogue.replace_invented(tracks)
    return catalogue.load()


def opinion(track: Track, liking: float, *, is_vote: bool = True) -> Opinion:
    """Return what somebody thinks of a track."""
    vote = Opinion.on(track, liking)
    return vote if is_vote else replace(vote, weight=0.2, is_vote=False)
