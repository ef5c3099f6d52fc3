"""What is encrypted in the database opens only where it was put.

Each value is sealed together with the table that it lies in and the user that it is about. Tokens
that end up in somebody else's row, by a slip or by intent, open no more than random bytes would:
the bot never acts in an account that another user connected.
"""

import json

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

SEALED = {
    "spotify_accounts": "tokens_encrypted",
    "spotify_ways": "sealed",
    "spotify_arrivals": "sealed",
}
"""The tables that hold something sealed, and its column; `user_id` says whose a row is."""


class Seal:
    """Encrypts values and binds them to where they lie.

    Args:
        cipher: Its first key encrypts, all of them decrypt.
    """

    def __init__(self, cipher: MultiFernet) -> None:
        self._cipher = cipher

    def close(self, table: str, user_id: int, text: str) -> str:
        """Return `text` encrypted, for a row of this table about this user."""
        bound = json.dumps({"table": table, "user_id": user_id, "text": text})
        return self._cipher.encrypt(bound.encode()).decode()

    def open(self, table: str, user_id: int, sealed: str) -> str:
        """Return the text that was sealed for this place.

        Raises:
            InvalidToken: No key of ours fits, or it was sealed for another place.
        """
        text = self._cipher.decrypt(sealed)
        try:
            bound = json.loads(text)
            place = (bound["table"], bound["user_id"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidToken from error  # ours by its key, but bound to nobody
        if place != (table, user_id):
            raise InvalidToken
        return str(bound["text"])

    def renew(self, table: str, user_id: int, sealed: str) -> str:
        """Return the same value under the first key.

        Raises:
            InvalidToken: As for `open`; what could not be used is not renewed either.
        """
        self.open(table, user_id, sealed)
        return self._cipher.rotate(sealed).decode()


def bind_once(db: Database, cipher: MultiFernet) -> None:
    """Bind the tokens that earlier versions encrypted without saying for whom.

    It is done once for a database, at the first start of this version: from then on an unbound
    value opens nowhere. A value whose key is missing at that start stays as it is.
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
                [seal.close("spotify_accounts", row["user_id"], text), row["user_id"]],
            )

    migrations.apply(db)
