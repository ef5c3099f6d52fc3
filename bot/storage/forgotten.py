"""The list of forgotten users, so that restoring an older backup does not bring them back.

A backup of any age may hold anybody. So after /forget, one thing is kept: the time, and the user's
encrypted Telegram id. The list is part of the database, and so of every later backup.
`bot.storage.backups` leaves out the users on it.
"""

from collections.abc import Iterator
from datetime import datetime

from cryptography.fernet import InvalidToken
from sqlite_utils import Database, Migrations

from recommender.storage.database import immediate, migrate
from recommender.storage.sealing import Seal, SealedColumn

FORGOTTEN = SealedColumn("forgotten", "sealed", owner="id", user="null")

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
    """The list of forgotten users.

    Args:
        db: The database; used on the calling thread.
        seal: Encrypts the ids.
    """

    def __init__(self, db: Database, seal: Seal) -> None:
        self._db = db
        self._seal = seal
        migrate(db, _migrations)

    def note(self, user_id: int, now: datetime) -> None:
        """Add a user, replacing an earlier entry."""
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
        """Return the forgotten users that our keys decrypt, each with the latest time."""
        return {user_id: at for _, user_id, at in self._rows() if user_id is not None}

    def is_readable(self) -> bool:
        """Return whether our keys decrypt every entry."""
        return all(user_id is not None for _, user_id, _ in self._rows())

    def _rows(self) -> Iterator[tuple[int, int | None, datetime]]:
        """Yield each row's id, user id (None if it cannot be decrypted) and time."""
        for row in self._db.query("select * from forgotten"):
            try:
                user_id = int(self._seal.open(FORGOTTEN, row["id"], row["sealed"]))
            except InvalidToken:
                user_id = None
            yield row["id"], user_id, datetime.fromisoformat(row["forgotten_utc"])
