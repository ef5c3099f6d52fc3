"""Knows which rows of which tables are about a user, for export and deletion.

Each store lists its tables as `PERSONAL_TABLES`, referencing tables before the referenced ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

OF_THEIR_PLAYLISTS = "playlist_id in (select id from playlists where user_id = :user_id)"
"""Selects the rows about a user's playlists."""


@dataclass(frozen=True, slots=True)
class PersonalTable:
    """The rows of a table that are about a user.

    Args:
        table: Its name.
        where: SQL condition that selects the rows; `:user_id` is the user.
        secrets: Columns whose values an export leaves out: keys and hashes.
        structured: Columns that hold JSON.
        shared: SQL condition for rows that are also about other users, and so are kept.
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


def delete(db: Database, belongings: Iterable[PersonalTable], user_id: int) -> None:
    """Delete all rows that are only about this user."""
    for each in belongings:
        whose = f"({each.where}) and not ({each.shared})"
        sql = f"delete from {each.table} where {whose}"  # noqa: S608 - all of it is ours
        db.execute(sql, {"user_id": user_id})
