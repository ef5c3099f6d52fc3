"""Which of our playlists stands in which playlist of Spotify: the newest written there."""

from collections.abc import Sequence

from sqlite_utils import Database, Migrations

from recommender.belongings import OF_THEIR_PLAYLISTS, Belonging
from recommender.database import migrate

BELONGINGS = (Belonging("standing", OF_THEIR_PLAYLISTS),)

_migrations = Migrations("standing")


@_migrations()
def m001_standing(db: Database) -> None:
    """Create the table; a row goes with its playlist."""
    db.execute(
        """
        create table standing (
            url text primary key,
            playlist_id integer not null references playlists (id) on delete cascade
        ) strict, without rowid
        """
    )
    db.execute("create index standing_of_playlist on standing (playlist_id)")


class Standing:
    """Where the playlists stand.

    Args:
        db: The database, with the tables of `recommender.music_tables`.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def note(self, playlist_id: int, url: str) -> None:
        """Remember that a playlist was written; one that was deleted meanwhile is passed over."""
        self._db.execute(
            "insert into standing (url, playlist_id) select ?, id from playlists where id = ?"
            " on conflict (url) do update set playlist_id = excluded.playlist_id",
            [url, playlist_id],
        )

    def urls(self, playlist_ids: Sequence[int]) -> dict[int, str]:
        """Return where each of these playlists opens, of those that still stand."""
        marks = ", ".join("?" * len(playlist_ids))
        rows = self._db.query(
            f"select * from standing where playlist_id in ({marks})",  # noqa: S608 - only marks
            list(playlist_ids),
        )
        return {row["playlist_id"]: row["url"] for row in rows}
