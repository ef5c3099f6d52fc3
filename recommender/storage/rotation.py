"""Re-encrypts a database under the newest key.

It may run beside the bot, be interrupted, and be repeated: each row is updated in its own
transaction, and only if its value has not changed. Until it is complete, both keys are needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database

from recommender.storage.sealing import Seal, SealedColumn


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a key rotation.

    Args:
        renewed: Number of re-encrypted values.
        unreadable: Users whose values no key can decrypt; these are not changed.
    """

    renewed: int
    unreadable: tuple[int, ...]


def rotate(db: Database, cipher: MultiFernet, places: Iterable[SealedColumn]) -> Rotation:
    """Re-encrypt the values in these columns under the first key of `cipher`."""
    seal, renewed, unreadable = Seal(cipher), 0, set()
    db.execute("PRAGMA secure_delete = ON")  # overwrite the old values in free pages
    for place in places:
        rows = db.query(
            f"select rowid as number, {place.user} as user_id"  # noqa: S608
            f" from {place.table} where {place.column} is not null"
        )
        for row in list(rows):
            try:
                renewed += _renew(db, seal, place, row["number"])
            except InvalidToken:
                unreadable.add(row["user_id"])
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # and in the log, unless it is in use
    return Rotation(renewed, tuple(sorted(unreadable - {None})))


def _renew(db: Database, seal: Seal, place: SealedColumn, number: int) -> bool:
    """Re-encrypt the value in one row; return whether the row still had one.

    Raises:
        InvalidToken: No key can decrypt it.
    """
    table, column = place.table, place.column
    read = f"select {place.owner} as owner, {column} as value from {table} where rowid = ?"  # noqa: S608
    write = f"update {table} set {column} = ? where rowid = ? and {column} = ?"  # noqa: S608
    while True:
        row = next(iter(db.query(read, [number])), None)
        if row is None or row["value"] is None:  # its user disconnected meanwhile
            return False
        renewed = seal.renew(place, row["owner"], row["value"])
        if db.execute(write, [renewed, number, row["value"]]).rowcount:
            return True
