"""The tables of readings, playlists and votes in `mirrortape.db`."""

from sqlite_utils import Database, Migrations

from recommender.storage.personal_data import OF_THEIR_PLAYLISTS, PersonalTable

migrations = Migrations("music")

PERSONAL_TABLES = (
    PersonalTable("shown", OF_THEIR_PLAYLISTS, structured=("features", "target")),
    PersonalTable("playlists", structured=("relaxed",)),
    PersonalTable("readings", structured=("probabilities", "evidence")),
)


@migrations()
def m001_readings_playlists_shown(db: Database) -> None:
    """Create readings, their playlists, and the shown tracks.

    Ids are never reused, so that an old button cannot refer to a newer row.
    """
    db.execute(
        """
        create table readings (
            id integer primary key autoincrement,
            user_id integer not null,
            probabilities text not null,
            eyes_found text not null,
            corrected text,
            created_utc text not null
        ) strict
        """
    )
    db.execute("create index readings_of_user on readings (user_id)")
    db.execute(
        """
        create table playlists (
            id integer primary key autoincrement,
            user_id integer not null,
            reading_id integer references readings (id) on delete cascade,
            emotion text not null,
            mode text not null,
            stars integer check (stars between 1 and 5),
            rated_utc text,
            created_utc text not null
        ) strict
        """
    )
    db.execute("create index playlists_of_user on playlists (user_id, created_utc)")
    db.execute("create index playlists_of_reading on playlists (reading_id)")
    db.execute(
        """
        create table shown (
            playlist_id integer not null references playlists (id) on delete cascade,
            position integer not null,
            track_id text not null,
            title text not null,
            artist text not null,
            genre text not null,
            url text not null,
            invented integer not null,
            features text not null,
            target text not null,
            score real not null,
            propensity real not null,
            policy text not null,
            reason text not null,
            liked integer check (liked in (0, 1)),
            voted_utc text,
            primary key (playlist_id, position)
        ) strict, without rowid
        """
    )


@migrations()
def m002_places_and_pool(db: Database) -> None:
    """Store how each track fitted its position, and the prior learned from all listeners.

    For older rows this is unknown; they count as a good fit.
    """
    for column, usual in (("distance", 0.0), ("misfit", 0.0), ("popularity", 0.5)):
        db.execute(f"alter table shown add column {column} real not null default {usual}")
    db.execute(
        """
        create table pools (
            id integer primary key autoincrement,
            prior text not null,
            created_utc text not null
        ) strict
        """
    )


@migrations()
def m003_evidence(db: Database) -> None:
    """Store what the listener's words, written with a photo, added to its logits."""
    db.execute("alter table readings add column evidence text")


@migrations()
def m004_relaxed(db: Database) -> None:
    """Store the requirements that a playlist could not meet."""
    db.execute("alter table playlists add column relaxed text")
