"""Re-encrypts everything in a database under the newest key.

It may run beside the bot, be interrupted at any point, and be repeated: each row is renewed in its
own transaction, and only if it is unchanged. Until it is finished, both keys are needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database

from recommender.storage.sealing import Place, Seal


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a rotation.

    Args:
        renewed: The number of values under the newest key.
        unreadable: The users of values that no key decrypts; they are not changed.
    """

    renewed: int
    unreadable: tuple[int, ...]


def rotate(db: Database, cipher: MultiFernet, places: Iterable[Place]) -> Rotation:
    """Re-encrypt the values in these columns under the first key of `cipher`."""
    seal, renewed, unreadable = Seal(cipher), 0, set()
    db.execute("PRAGMA secure_delete = ON")  # leave no old ciphertext in free pages
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
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # nor in the log, unless it is being read
    return Rotation(renewed, tuple(sorted(unreadable - {None})))


def _renew(db: Database, seal: Seal, place: Place, number: int) -> bool:
    """Renew the value of a row and return whether it is still there.

    Raises:
        InvalidToken: It cannot be decrypted.
    """
    table, column = place.table, place.column
    read = f"select {place.owner} as owner, {column} as value from {table} where rowid = ?"  # noqa: S608
    write = f"update {table} set {column} = ? where rowid = ? and {column} = ?"  # noqa: S608
    while True:
        row = next(iter(db.query(read, [number])), None)
        if row is None or row["value"] is None:  # deleted meanwhile: its user disconnected
            return False
        renewed = seal.renew(place, row["owner"], row["value"])
        if db.execute(write, [renewed, number, row["value"]]).rowcount:
            return True
