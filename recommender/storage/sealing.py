"""Encrypts values in the database and binds each to its table and row.

Each value is encrypted together with its table and the owner of its row, usually a user. A token
that is copied into somebody else's row, by mistake or on purpose, cannot be decrypted there: the
bot never uses an account that another user connected.
"""

import json
from dataclasses import dataclass

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from recommender.storage.database import migrate


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that holds encrypted values.

    Args:
        table: Name of the table.
        column: Name of the column.
        owner: The column with the owner to whom a value is bound.
        user: The column with the user id; `null` if there is none in plain text.
    """

    table: str
    column: str
    owner: str = "user_id"
    user: str = "user_id"


ACCOUNTS = SealedColumn("spotify_accounts", "tokens_encrypted")
WAYS = SealedColumn("spotify_ways", "sealed")
ARRIVALS = SealedColumn("spotify_arrivals", "sealed")


class Seal:
    """Encrypts values bound to a column and an owner.

    Args:
        cipher: Its first key encrypts; all keys decrypt.
    """

    def __init__(self, cipher: MultiFernet) -> None:
        self._cipher = cipher

    def close(self, place: SealedColumn, owner: int, text: str) -> str:
        """Encrypt a text for this owner's row in this column."""
        bound = json.dumps({"table": place.table, "owner": owner, "text": text})
        return self._cipher.encrypt(bound.encode()).decode()

    def open(self, place: SealedColumn, owner: int, sealed: str) -> str:
        """Decrypt a text that was encrypted for this owner's row in this column.

        Raises:
            InvalidToken: No key fits, or it was encrypted for another row or column.
        """
        text = self._cipher.decrypt(sealed)
        try:
            bound = json.loads(text)
            is_ours = (bound["table"], bound["owner"]) == (place.table, owner)
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidToken from error  # encrypted by us, but not bound to a row
        if not is_ours:
            raise InvalidToken
        return str(bound["text"])

    def renew(self, place: SealedColumn, owner: int, sealed: str) -> str:
        """Re-encrypt a value under the first key.

        Raises:
            InvalidToken: As for `open`.
        """
        self.open(place, owner, sealed)
        return self._cipher.rotate(sealed).decode()


def bind_once(db: Database, cipher: MultiFernet) -> None:
    """Bind tokens that earlier versions encrypted without an owner.

    This happens once per database, at the first start of this version. After that, an unbound
    value cannot be decrypted. A value whose key is missing at that start is not changed.
    """
    seal, migrations = Seal(cipher), Migrations("sealing")

    @migrations()
    def m001_bind(db: Database) -> None:
        rows = db.query(
            "select user_id, tokens_encrypted from spotify_accounts"
            " where tokens_encrypted is not null"
        )
        for row in list(rows):
            try:
                text = cipher.decrypt(row["tokens_encrypted"]).decode()
            except InvalidToken:
                continue
            db.execute(
                "update spotify_accounts set tokens_encrypted = ? where user_id = ?",
                [seal.close(ACCOUNTS, row["user_id"], text), row["user_id"]],
            )

    migrate(db, migrations)
