"""What is encrypted in the database opens only where it was put.

Each value is sealed together with the table that it lies in and the owner of its row, mostly a
user. Tokens that end up in somebody else's row, by a slip or by intent, open no more than random
bytes would: the bot never acts in an account that another user connected.
"""

import json
from dataclasses import dataclass

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from recommender.storage.database import migrate


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds something sealed.

    Args:
        table: Where.
        column: Which.
        owner: The column that says for whom, or for what, it is sealed.
        user: The column that says whose it is; `null` where nothing in clear does.
    """

    table: str
    column: str
    owner: str = "user_id"
    user: str = "user_id"


ACCOUNTS = Place("spotify_accounts", "tokens_encrypted")
WAYS = Place("spotify_ways", "sealed")
ARRIVALS = Place("spotify_arrivals", "sealed")


class Seal:
    """Encrypts values and binds them to where they lie.

    Args:
        cipher: Its first key encrypts, all of them decrypt.
    """

    def __init__(self, cipher: MultiFernet) -> None:
        self._cipher = cipher

    def close(self, place: Place, owner: int, text: str) -> str:
        """Return `text` encrypted, for this owner's row in this place."""
        bound = json.dumps({"table": place.table, "owner": owner, "text": text})
        return self._cipher.encrypt(bound.encode()).decode()

    def open(self, place: Place, owner: int, sealed: str) -> str:
        """Return the text that was sealed for this owner's row in this place.

        Raises:
            InvalidToken: No key of ours fits, or it was sealed for another place.
        """
        text = self._cipher.decrypt(sealed)
        try:
            bound = json.loads(text)
            is_ours = (bound["table"], bound["owner"]) == (place.table, owner)
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidToken from error  # ours by its key, but bound to nobody
        if not is_ours:
            raise InvalidToken
        return str(bound["text"])

    def renew(self, place: Place, owner: int, sealed: str) -> str:
        """Return the same value under the first key.

        Raises:
            InvalidToken: As for `open`; what could not be used is not renewed either.
        """
        self.open(place, owner, sealed)
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
                [seal.close(ACCOUNTS, row["user_id"], text), row["user_id"]],
            )

    migrate(db, migrations)
