"""The list of deleted users, so that restoring an older backup does not bring them back.

The owner's backups may be of any age. So one thing outlives /forget: its time and the user's
Telegram id, encrypted. It is in the database and in every later backup; `bot.storage.backups`
deletes these users from what it restores.
"""

from collections.abc import Iterator
from datetime import datetime

from cryptography.fernet import InvalidToken
from sqlite_utils import Database, Migrations

from recommender.storage.database import immediate, migrate
from recommender.storage.sealing import Place, Seal

FORGOTTEN = Place("forgotten", "sealed", owner="id", user="null")

_migrations = Migrations("forgotten")


@_migrations()
def m001_forgotten(db: Database) -> None:
    """Create the list."""
    db.execute(
        """
        create table forgotten (
            id integer primary key,
            sealed text not null,
            forgotten_utc text not null
        ) strict
        """
    )


class Forgotten:
    """The list of deleted users.

    Args:
        db: The database; used on the calling thread.
        seal: Encrypts their ids.
    """

    def __init__(self, db: Database, seal: Seal) -> None:
        self._db = db
        self._seal = seal
        migrate(db, _migrations)

    def note(self, user_id: int, now: datetime) -> None:
        """Add a user who is deleted now, replacing an earlier entry."""
        with immediate(self._db):
            for number, known_id, _ in list(self._rows()):
                if known_id == user_id:
                    self._db.execute("delete from forgotten where id = ?", [number])
            (number,) = self._db.execute(
                "select coalesce(max(id), 0) + 1 from forgotten"
            ).fetchone()
            self._db.execute(
                "insert into forgotten (id, sealed, forgotten_utc) values (?, ?, ?)",
                [number, self._seal.close(FORGOTTEN, number, str(user_id)), now.isoformat()],
            )

    def all(self) -> dict[int, datetime]:
        """Return the deleted users that can be decrypted, and when they were last deleted."""
        return {user_id: at for _, user_id, at in self._rows() if user_id is not None}

    def is_readable(self) -> bool:
        """Return whether all entries can be decrypted."""
        return all(user_id is not None for _, user_id, _ in self._rows())

    def _rows(self) -> Iterator[tuple[int, int | None, datetime]]:
        """Yield the number of each row, whom it names, and when they were forgotten."""
        for row in self._db.query("select * from forgotten"):
            try:
                user_id = int(self._seal.open(FORGOTTEN, row["id"], row["sealed"]))
            except InvalidToken:
                user_id = None
            yield row["id"], user_id, datetime.fromisoformat(row["forgotten_utc"])
