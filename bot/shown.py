"""Which message shows which playlist or track, so that a reaction finds what it is about."""

from dataclasses import dataclass

from sqlite_utils import Database, Migrations

from recommender.belongings import Belonging
from recommender.database import migrate

BELONGINGS = (Belonging("shown_messages"),)

_migrations = Migrations("shown messages")


@_migrations()
def m001_shown_messages(db: Database) -> None:
    """Create the messages that show something."""
    db.execute(
        """
        create table shown_messages (
            user_id integer not null,
            message_id integer not null,
            playlist_id integer not null,
            position integer, -- null where the whole playlist is shown
            primary key (user_id, message_id)
        ) strict, without rowid
        """
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What a message shows.

    Args:
        playlist_id: Which playlist.
        position: Which of its tracks, from 0; None for the whole playlist.
    """

    playlist_id: int
    position: int | None = None


class ShownMessages:
    """The messages that show a playlist or a track."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def note(self, user_id: int, message_id: int, shown: Shown) -> None:
        """Remember what a message shows now."""
        self._db.execute(
            "insert or replace into shown_messages (user_id, message_id, playlist_id, position)"
            " values (?, ?, ?, ?)",
            [user_id, message_id, shown.playlist_id, shown.position],
        )

    def note_moved(self, user_id: int, message_id: int, now_in: int) -> None:
        """Remember that another message shows what this one did."""
        self._db.execute(
            "update shown_messages set message_id = ? where user_id = ? and message_id = ?",
            [now_in, user_id, message_id],
        )

    def find(self, user_id: int, message_id: int) -> Shown | None:
        """Return what a message shows, if it shows anything."""
        rows = self._db.query(
            "select playlist_id, position from shown_messages"
            " where user_id = ? and message_id = ?",
            [user_id, message_id],
        )
        return next((Shown(row["playlist_id"], row["position"]) for row in rows), None)
