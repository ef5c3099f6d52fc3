"""Which rows of which tables are about a user, so that what can be shown can be deleted, and is.

Each store lists its tables as `BELONGINGS`, rows that point to others before those.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

OF_THEIR_PLAYLISTS = "playlist_id in (select id from playlists where user_id = :user_id)"
"""Picks rows that are about one of a user's playlists."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """The rows of a table that are about a user.

    Args:
        table: Its name.
        where: What picks them, with the user as `:user_id`.
        secrets: Columns that are named but never shown: keys, and what guards them.
        structured: Columns that hold JSON.
        shared: What picks those of them that are about others too, and so outlive the user.
    """

    table: str
    where: str = "user_id = :user_id"
    secrets: tuple[str, ...] = ()
    structured: tuple[str, ...] = ()
    shared: str = "false"

    def columns(self, db: Database) -> list[str]:
        """Return the names of the table's columns."""
        return list(db.table(self.table).columns_dict)

    def rows(self, db: Database, user_id: int) -> list[dict[str, Any]]:
        """Return the rows about a user, as they are stored."""
        sql = f"select * from {self.table} where {self.where}"  # noqa: S608 - both are ours
        return list(db.query(sql, {"user_id": user_id}))

    def has_any(self, db: Database, user_id: int) -> bool:
        """Return whether there is any row about a user."""
        sql = f"select 1 from {self.table} where {self.where} limit 1"  # noqa: S608 - both are ours
        return any(True for _ in db.query(sql, {"user_id": user_id}))


def delete(db: Database, belongings: Iterable[Belonging], user_id: int) -> None:
    """Delete all that belongs to a user alone."""
    for each in belongings:
        whose = f"({each.where}) and not ({each.shared})"
        sql = f"delete from {each.table} where {whose}"  # noqa: S608 - all of it is ours
        db.execute(sql, {"user_id": user_id})
