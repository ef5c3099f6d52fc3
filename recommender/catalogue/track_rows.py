"""The schema of `catalogue.db`, and conversion between tracks and rows.

The table `revision` holds one random token that every change of the tracks renews. Derived files
compare it to see whether they are up to date.
"""

from typing import Any

from sqlite_utils import Database, Migrations

from recommender.catalogue.importing import CsvTrack
from recommender.catalogue.tracks import (
    FEATURES,
    USUAL_INSTRUMENTALNESS,
    USUAL_SPEECHINESS,
    Track,
    artist_key,
    song_key,
)

MAX_GENRES = 3
"""Maximum number of genres of a track."""

_COLUMNS = (
    "id",
    "name",
    "artist",
    "album",
    "genre",
    "popularity",
    "duration_ms",
    "explicit",
    *FEATURES,
    "key",
    "year",
    "explicit_known",
    "artist_key",
    "song_key",
    "invented",
)
"""The imported columns. `label` is not among them: an import keeps the labels."""

_OPTIONAL = ("instrumentalness", "speechiness", "key")
"""Columns that are null where no file gave them; a file without them keeps what an earlier one
said."""

_NAMES = ", ".join(_COLUMNS)
_INSERT = f"({_NAMES}) values ({', '.join('?' * len(_COLUMNS))})"

CREATE_STAGED = f"create temp table staged as select {_NAMES} from tracks where false"  # noqa: S608 - names of ours
INDEX_STAGED = "create unique index temp.staged_ids on staged (id)"

# Of rows with the same id the most popular one wins; the genres of all are merged.
STAGE = (
    f"insert into staged {_INSERT} on conflict (id) do update set "
    + ", ".join(
        f"{column} = iif(excluded.popularity > popularity, excluded.{column}, {column})"
        for column in _COLUMNS
        if column not in ("id", "genre")
    )
    + ", genre = merge_genres(genre, excluded.genre)"
)
INSERT = f"insert into tracks {_INSERT}"
COUNT_UNCHANGED = (
    f"select count(*) from (select {_NAMES} from staged intersect select {_NAMES} from tracks)"  # noqa: S608 - names of ours
)
MOVE_STAGED = (
    f"insert into tracks ({_NAMES}) select {_NAMES} from staged where true order by id"  # noqa: S608 - names of ours
    " on conflict (id) do update set "
    + ", ".join(
        f"{column} = excluded.{column}"
        for column in _COLUMNS
        if column not in ("id", "explicit", "explicit_known", *_OPTIONAL)
    )
    + "".join(f", {column} = coalesce(excluded.{column}, {column})" for column in _OPTIONAL)
    # a file that does not say keeps what an earlier one said
    + ", explicit = iif(excluded.explicit_known, excluded.explicit, explicit)"
    ", explicit_known = max(excluded.explicit_known, explicit_known)"
)

RENEW_REVISION = "update revision set token = hex(randomblob(16))"

migrations = Migrations("catalogue")


@migrations()
def m001_tracks(db: Database) -> None:
    """Create the tracks, stored by id, which is the order of loading."""
    db.execute(
        """
        create table tracks (
            id text primary key,
            name text not null,
            artist text not null,
            album text not null,
            genre text not null,
            popularity integer,
            duration_ms integer not null,
            explicit integer not null,
            valence real not null,
            energy real not null,
            tempo_bpm real not null,
            acousticness real not null,
            danceability real not null,
            mode integer not null,
            loudness_db real not null,
            artist_key integer not null,
            song_key integer not null,
            invented integer not null
        ) strict, without rowid
        """
    )


@migrations()
def m002_year_label_revision(db: Database) -> None:
    """Add a track's release year and song category, and the revision."""
    db.execute("alter table tracks add column year integer")
    db.execute("alter table tracks add column label text not null default ''")
    db.execute("create table revision (token text not null) strict")
    db.execute("insert into revision values (hex(randomblob(16)))")


@migrations()
def m003_explicit_known(db: Database) -> None:
    """Add whether the catalogue says if a track is explicit.

    For existing tracks only "explicit" is reliable: a file without that column was stored as if
    all its tracks were clean.
    """
    db.execute("alter table tracks add column explicit_known integer not null default 0")
    db.execute("update tracks set explicit_known = 1 where explicit or invented")
    db.execute(RENEW_REVISION)


@migrations()
def m004_sound_of_voice_and_key(db: Database) -> None:
    """Add instrumentalness, speechiness and key; unknown until the tracks are imported again."""
    for column, kind in (
        ("instrumentalness", "real"),
        ("speechiness", "real"),
        ("key", "integer"),
    ):
        db.execute(f"alter table tracks add column {column} {kind}")
    db.execute(RENEW_REVISION)


def merge_genres(first: str, second: str) -> str:
    """Merge two genre lists without duplicates, at most `MAX_GENRES`."""
    genres = dict.fromkeys((first + ", " + second).split(", "))
    return ", ".join([genre for genre in genres if genre][:MAX_GENRES])


def from_csv(track: CsvTrack) -> tuple[Any, ...]:
    """Return the row for a track from a CSV."""
    return (
        *track,
        artist_key(track.artist),
        song_key(track.name, track.artist),
        False,
    )


def from_track(track: Track) -> tuple[Any, ...]:
    """Return the row for a track from elsewhere; its popularity and year are unknown."""
    return (
        track.id,
        track.name,
        track.artist,
        track.album,
        track.genre,
        None,
        track.duration_ms,
        track.explicit,
        *track.features[:5],
        track.mode,
        *track.features[6:],
        track.key if track.key >= 0 else None,
        None,
        True,
        artist_key(track.artist),
        song_key(track.name, track.artist),
        track.invented,
    )


def to_track(row: dict[str, Any]) -> Track:
    """Return the track in a row."""
    return Track(
        id=row["id"],
        name=row["name"],
        artist=row["artist"],
        album=row["album"],
        genre=row["genre"],
        duration_ms=row["duration_ms"],
        explicit=bool(row["explicit"]),
        valence=row["valence"],
        energy=row["energy"],
        tempo_bpm=row["tempo_bpm"],
        acousticness=row["acousticness"],
        danceability=row["danceability"],
        mode=row["mode"],
        loudness_db=row["loudness_db"],
        instrumentalness=_known(row["instrumentalness"], USUAL_INSTRUMENTALNESS),
        speechiness=_known(row["speechiness"], USUAL_SPEECHINESS),
        key=-1 if row["key"] is None else row["key"],
        invented=bool(row["invented"]),
    )


def _known(value: float | None, usual: float) -> float:
    return usual if value is None else value
