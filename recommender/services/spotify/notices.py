"""Queues one notice to a listener when their consent ends soon, and one when it has ended.

Spotify ends every consent six months after it was given; refreshing tokens does not extend it.
Notices are stored, so that restarts and repeated failures neither repeat nor lose one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from sqlite_utils import Database, Migrations

from recommender.storage.database import migrate
from recommender.storage.personal_data import PersonalTable

CONSENT_LASTS = timedelta(days=182)
"""How long a consent is valid."""

TOLD_BEFORE = timedelta(weeks=2)
"""How long before its end the listener is reminded."""

PERSONAL_TABLES = (PersonalTable("spotify_notices"),)

Kind = Literal["ending", "ended"]

_migrations = Migrations("notices")


@_migrations()
def m001_notices(db: Database) -> None:
    """Create the notices: one of each kind per listener, about their latest consent."""
    db.execute(
        """
        create table spotify_notices (
            user_id integer not null,
            kind text not null check (kind in ('ending', 'ended')),
            authorized_utc text not null, -- which consent it is about
            told_utc text, -- null while it is due
            primary key (user_id, kind)
        ) strict
        """
    )


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to a listener.

    Args:
        user_id: To whom.
        kind: Whether their consent ends soon, or has ended.
        authorized_utc: When the consent was given.
    """

    user_id: int
    kind: Kind
    authorized_utc: datetime

    @property
    def ends_utc(self) -> datetime:
        """When Spotify ends the consent, unless it is revoked before."""
        return self.authorized_utc + CONSENT_LASTS


class Notices:
    """The table of notices, beside that of accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def note_end(self, user_id: int) -> None:
        """Make a notice due that the consent has ended, unless it was sent already."""
        self._note("ended", "user_id = :user_id", {"user_id": user_id})

    def due(self, now: datetime) -> list[Notice]:
        """Return the due notices, except to listeners who disconnected or reconnected."""
        window = {
            "from": (now - CONSENT_LASTS).isoformat(),
            "to": (now - CONSENT_LASTS + TOLD_BEFORE).isoformat(),
        }
        is_ending = (
            "tokens_encrypted is not null and authorized_utc > :from and authorized_utc <= :to"
        )
        self._note("ending", is_ending, window)
        rows = self._db.query(
            "select user_id, kind, authorized_utc from spotify_notices"
            " join spotify_accounts using (user_id, authorized_utc)"
            " where told_utc is null and (kind = 'ended' or tokens_encrypted is not null)"
            " order by user_id"
        )
        return [
            Notice(row["user_id"], row["kind"], datetime.fromisoformat(row["authorized_utc"]))
            for row in rows
        ]

    def claim(self, notice: Notice, now: datetime) -> bool:
        """Mark a notice as sent; return whether it was still due, so that it is sent once."""
        cursor = self._db.execute(
            "update spotify_notices set told_utc = ?"
            " where user_id = ? and kind = ? and authorized_utc = ? and told_utc is null",
            [now.isoformat(), notice.user_id, notice.kind, notice.authorized_utc.isoformat()],
        )
        return cursor.rowcount == 1

    def put_back(self, notice: Notice) -> None:
        """Mark a notice as due again, since sending it failed."""
        self._db.execute(
            "update spotify_notices set told_utc = null where user_id = ? and kind = ?",
            [notice.user_id, notice.kind],
        )

    def drop(self, user_id: int) -> None:
        """Delete this listener's notices."""
        self._db.execute("delete from spotify_notices where user_id = ?", [user_id])

    def _note(
        self, kind: Kind, condition: str, values: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        """Queue a notice for the accounts that match a condition, once per consent."""
        self._db.execute(
            "insert into spotify_notices (user_id, kind, authorized_utc)"  # noqa: S608
            f" select user_id, '{kind}', authorized_utc from spotify_accounts where {condition}"
            " on conflict (user_id, kind) do update"
            " set authorized_utc = excluded.authorized_utc, told_utc = null"
            " where authorized_utc != excluded.authorized_utc",
            dict(values),
        )
