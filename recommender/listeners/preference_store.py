"""Each listener's settings in `mirrortape.db`."""

import json
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlite_utils import Database, Migrations

from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import PersonalTable
from recommender.taste.preferences import USUAL, Preferences

_LISTS = ("banned_artists", "banned_genres", "favourite_artists", "favourite_genres")

PERSONAL_TABLES = (PersonalTable("preferences", structured=_LISTS),)

_migrations = Migrations("preferences")


@_migrations()
def m001_preferences(db: Database) -> None:
    """Create the settings, one row per listener, the lists of names as JSON."""
    db.execute(
        """
        create table preferences (
            user_id integer primary key,
            length integer not null,
            mode text not null,
            allows_explicit integer not null check (allows_explicit in (0, 1)),
            first_year integer,
            last_year integer,
            banned_artists text not null,
            banned_genres text not null,
            favourite_artists text not null,
            favourite_genres text not null,
            changed_utc text not null
        ) strict
        """
    )


@_migrations()
def m002_playlists_that_stay(db: Database) -> None:
    """Store whether a listener wants a new playlist each time."""
    db.execute(
        "alter table preferences add column keeps_playlists integer not null default 0"
        " check (keeps_playlists in (0, 1))"
    )


@_migrations()
def m003_popularity(db: Database) -> None:
    """Store how well known a listener wants the tracks to be."""
    db.execute("alter table preferences add column popularity text not null default 'mixed'")


class PreferenceStore:
    """The settings of all listeners; the defaults for those who have none."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def load(self, user_id: int) -> Preferences:
        """Return a listener's settings."""
        rows = self._db.query("select * from preferences where user_id = ?", [user_id])
        return next(map(_to_preferences, rows), USUAL)

    def change(self, user_id: int, now: datetime, **changes: Any) -> Preferences:
        """Change some of a listener's settings, leave the others, and return them all.

        Args:
            user_id: Whose settings.
            now: The time.
            changes: Fields of `Preferences`.

        Raises:
            BadPreference: A value is invalid; nothing is changed.
        """
        with immediate(self._db):  # concurrent changes must not overwrite each other
            preferences = replace(self.load(user_id), **changes)
            row = asdict(preferences) | {"user_id": user_id, "changed_utc": now.isoformat()}
            row |= {name: json.dumps(row[name], ensure_ascii=False) for name in _LISTS}
            self._db.table("preferences").insert(row, pk="user_id", replace=True)
        return preferences


def _to_preferences(row: dict[str, Any]) -> Preferences:
    return Preferences(
        length=row["length"],
        mode=row["mode"],
        allows_explicit=bool(row["allows_explicit"]),
        keeps_playlists=bool(row["keeps_playlists"]),
        popularity=row["popularity"],
        first_year=row["first_year"],
        last_year=row["last_year"],
        **{name: tuple(json.loads(row[name])) for name in _LISTS},
    )
