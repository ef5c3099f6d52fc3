"""The table `inbox`: each acknowledged update, until it is handled.

Its content is encrypted: it is private, and a pasted address contains an authorization code. Other
columns:

- `tries`: the number of tries that failed.
- `begun`: 0 before a try and after its end, otherwise 1 or more. So a row with 1 at the start was
being
  handled when the process died, maybe among others. It is then handled alone, and `begun` counts
  further crashes, which it probably causes.
- `done`: the results of steps that must not be repeated, see `bot.storage.records.Records.once`.

Updates that cannot be parsed go to the table `set_aside` for inspection: a limited number of rows,
for a limited time.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import Belonging
from recommender.storage.sealing import Place, Seal

MAX_TRIES = 3
"""The most tries of an update that fails."""

MAX_DEATHS = 5
"""The most crashes while an update is handled alone. More than `MAX_TRIES`, since the process may
be killed from outside."""

KEPT_FOR = timedelta(days=2)
"""How long the number of a handled update is kept. Telegram repeats updates for at most a day, and
may restart its numbers after a week."""

UNREAD_FOR = timedelta(days=7)
"""How long an update is kept that cannot be decrypted."""

ASIDE_FOR = timedelta(days=7)
"""How long an update that cannot be parsed is kept."""

MOST_ASIDE = 100
"""The most such updates; a new one replaces the oldest."""

ASIDE_CHARS = 100_000
"""The most characters kept of each; more than any update has."""

INBOX = Place("inbox", "payload", owner="update_id")
ASIDE = Place("set_aside", "payload", owner="id")

WAITING = Belonging("inbox", secrets=("payload",), structured=("done",))
"""A user's updates that are not handled yet."""

UNPARSED = Belonging("set_aside", secrets=("payload",))
"""A user's updates that could not be parsed."""

_DROPPED = "user_id = null, payload = null, done = null"

_migrations = Migrations("received")


@_migrations()
def m001_how_it_fared(db: Database) -> None:
    """Count errors and crashes separately, and store results of steps."""
    db.execute("alter table inbox add column begun integer not null default 0")
    db.execute("alter table inbox add column done text")


@_migrations()
def m002_set_aside(db: Database) -> None:
    """Create the table for updates that cannot be parsed."""
    db.table("set_aside").create(
        {"id": int, "user_id": int, "reason": str, "payload": str, "set_aside_utc": str},
        pk="id",
        not_null={"reason", "set_aside_utc"},
    )
    db.table("set_aside").create_index(["user_id"])


def _seal_once(db: Database, seal: Seal) -> None:
    """Encrypt updates that an earlier version stored in clear."""
    migrations = Migrations("inbox")

    @migrations()
    def m001_seal(db: Database) -> None:
        rows = db.query("select update_id, payload from inbox where payload is not null")
        for row in list(rows):
            db.execute(
                "update inbox set payload = ? where update_id = ?",
                [seal.close(INBOX, row["update_id"], row["payload"]), row["update_id"]],
            )

    migrate(db, migrations)


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """A received update: its number, its user if known, and its JSON."""

    update_id: int
    user_id: int | None
    payload: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """What could not be parsed.

    Args:
        user_id: Who sent it, as far as is known.
        reason: Why not, without any of its content.
        payload: What came.
    """

    user_id: int | None
    reason: str
    payload: str


@dataclass(frozen=True, slots=True)
class WaitingUpdate:
    """An update that waits to be handled.

    Args:
        update_id: Its number.
        user_id: Whose it is, if anybody's.
        was_begun: Whether it was being handled when the process died.
    """

    update_id: int
    user_id: int | None
    was_begun: bool


@dataclass(frozen=True, slots=True)
class BegunUpdate:
    """An update whose turn has come.

    Args:
        payload: Its JSON.
        is_last_try: Whether an error would be one too many.
        is_given_up: Whether the bot died over it too often.
        done: What earlier tries did, by name.
    """

    payload: str
    is_last_try: bool
    is_given_up: bool
    done: Mapping[str, int]


class Received:
    """The table and its rows; one that exists already is brought up to date.

    Args:
        db: The database, in which `bot.storage.people` has made the table.
        cipher: Encrypts what updates say; its first key is the newest.
    """

    def __init__(self, db: Database, cipher: MultiFernet) -> None:
        self._db = db
        self._seal = Seal(cipher)
        migrate(db, _migrations)
        _seal_once(db, self._seal)

    def add(self, updates: Iterable[NewUpdate], now: datetime) -> list[NewUpdate]:
        """Store updates in one transaction, and return the new ones."""
        with immediate(self._db):
            self._drop_old(now)
            return [update for update in updates if self._add(update, now)]

    def _add(self, update: NewUpdate, now: datetime) -> bool:
        sealed = self._seal.close(INBOX, update.update_id, update.payload)
        cursor = self._db.execute(
            "insert or ignore into inbox (update_id, user_id, payload, received_utc, tries)"
            " values (?, ?, ?, ?, 0)",
            [update.update_id, update.user_id, sealed, now.isoformat()],
        )
        return cursor.rowcount == 1

    def waiting(self) -> int:
        """Return the number of unhandled updates."""
        (count,) = self._db.execute(
            "select count(*) from inbox where handled_utc is null"
        ).fetchone()
        return int(count)

    def begin(self, update_id: int, *, is_alone: bool = False) -> BegunUpdate | None:
        """Record the start of a try, and return the update to handle.

        Returns None if it is handled already, deleted, or cannot be decrypted.

        Args:
            update_id: Which one.
            is_alone: Whether nothing else is handled beside it.
        """
        begun = "begun + 1" if is_alone else "max(begun, 1)"
        rows = self._db.query(
            f"update inbox set begun = {begun}"  # noqa: S608 - both are ours
            " where update_id = ? and handled_utc is null returning *",
            [update_id],
        )
        row = next(iter(list(rows)), None)
        payload = None if row is None else self._opened(row)
        if row is None or payload is None:
            return None
        return BegunUpdate(
            payload,
            is_last_try=row["tries"] + 1 >= MAX_TRIES,
            is_given_up=row["begun"] > 1 + MAX_DEATHS,
            done=json.loads(row["done"] or "{}"),
        )

    def acquit(self, update_id: int) -> None:
        """Do not count a crash from now on to an update that gave way."""
        self._db.execute("update inbox set begun = 1 where update_id = ?", [update_id])

    def note(self, update_id: int, name: str, result: int) -> None:
        """Store the result of a step of an update."""
        self._db.execute(
            "update inbox set done = json_patch(coalesce(done, '{}'), json_object(?, ?))"
            " where update_id = ? and handled_utc is null",
            [name, result, update_id],
        )

    def fail(self, update_id: int) -> None:
        """Count a failed try."""
        self._db.execute(
            "update inbox set tries = tries + 1, begun = 0 where update_id = ?", [update_id]
        )

    def call_off(self) -> None:
        """Record that an orderly shutdown left updates unhandled."""
        self._db.execute("update inbox set begun = 0 where handled_utc is null")

    def finish(self, update_id: int, now: datetime) -> None:
        """Mark an update as handled and delete its content; only its number stays."""
        self._db.execute(
            f"update inbox set handled_utc = ?, {_DROPPED} where update_id = ?",  # noqa: S608
            [now.isoformat(), update_id],
        )

    def drop(self, update_id: int) -> None:
        """Delete an update, including its number."""
        self._db.execute("delete from inbox where update_id = ?", [update_id])

    def set_aside(self, aside: SetAside, now: datetime) -> None:
        """Set aside an update that cannot be parsed."""
        with immediate(self._db):
            cursor = self._db.execute(
                "insert into set_aside (user_id, reason, set_aside_utc) values (?, ?, ?)",
                [aside.user_id, aside.reason, now.isoformat()],
            )
            number = int(cursor.lastrowid or 0)
            sealed = self._seal.close(ASIDE, number, aside.payload[:ASIDE_CHARS])
            self._db.execute("update set_aside set payload = ? where id = ?", [sealed, number])
            self._db.execute(
                "delete from set_aside where id not in"
                " (select id from set_aside order by id desc limit ?)",
                [MOST_ASIDE],
            )

    def forget(self, user_id: int, but_for: int | None = None) -> None:
        """Delete the content of a user's updates; only their numbers stay.

        Args:
            user_id: Who.
            but_for: The update that requests this, which is not answered yet.
        """
        self._db.execute("delete from set_aside where user_id = ?", [user_id])
        self._db.execute(
            f"update inbox set handled_utc = received_utc, {_DROPPED}"  # noqa: S608
            " where user_id = ? and update_id is not ?",
            [user_id, but_for],
        )

    def retake(self, now: datetime) -> list[WaitingUpdate]:
        """Return the updates that a stop or crash left unhandled, oldest first.

        Updates that cannot be decrypted are kept for a while, in case their key is restored.
        """
        with immediate(self._db):
            self._drop_old(now)
            rows = self._db.query(
                "select * from inbox where handled_utc is null order by update_id"
            )
            waiting = []
            for row in list(rows):
                if self._opened(row) is not None:
                    waiting.append(
                        WaitingUpdate(row["update_id"], row["user_id"], row["begun"] > 0)
                    )
                elif row["received_utc"] < (now - UNREAD_FOR).isoformat():
                    self.finish(row["update_id"], now)
            return waiting

    def locked(self) -> int:
        """Return the number of updates that cannot be decrypted."""
        rows = self._db.query("select * from inbox where handled_utc is null")
        return sum(self._opened(row) is None for row in rows)

    def _drop_old(self, now: datetime) -> None:
        """Delete what is no longer needed."""
        for table, column, kept_for in (
            ("inbox", "handled_utc", KEPT_FOR),
            ("set_aside", "set_aside_utc", ASIDE_FOR),
        ):
            self._db.execute(
                f"delete from {table} where {column} < ?",  # noqa: S608 - both are ours
                [(now - kept_for).isoformat()],
            )

    def _opened(self, row: dict[str, Any]) -> str | None:
        try:
            return self._seal.open(INBOX, row["update_id"], row["payload"])
        except InvalidToken:
            return None
