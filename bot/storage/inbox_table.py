"""The table `inbox`: each update that we acknowledged, until it is handled.

The content is encrypted: it is private, and a pasted address can give access to a Spotify account.
These columns track its progress:

- `tries`: how many tries ended in an error of ours.
- `begun`: 0 before the first try and after any try that ended, else 1 or more. So a row with 1 was
  in progress when the process died, perhaps along with others. After the next start it is handled
  alone, and each further death is counted against it here.
- `done`: results of earlier tries that must not be repeated, see
  `bot.storage.records.Records.once`.

Updates that cannot be parsed go to the table `set_aside` for debugging, limited in number and age.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import PersonalTable
from recommender.storage.sealing import Seal, SealedColumn

MAX_TRIES = 3
"""How often an update is tried if handling it fails with an error of ours."""

MAX_DEATHS = 5
"""How often the bot may die over one update that is handled alone. It is more than `MAX_TRIES`,
because being killed from outside must not cost a user their message.
"""

KEPT_FOR = timedelta(days=2)
"""How long the id of a handled update is kept. Telegram repeats updates for at most a day, and may
restart its ids after a week.
"""

UNDECRYPTABLE_FOR = timedelta(days=7)
"""How long an update waits whose key is missing."""

ASIDE_FOR = timedelta(days=7)
"""How long unparsable data is kept."""

MOST_ASIDE = 100
"""How many unparsable updates are kept; the oldest are deleted first."""

ASIDE_CHARS = 100_000
"""How many characters of each are kept; more than Telegram sends for one message."""

INBOX = SealedColumn("inbox", "payload", owner="update_id")
ASIDE = SealedColumn("set_aside", "payload", owner="id")

WAITING = PersonalTable("inbox", secrets=("payload",), structured=("done",))
"""A user's updates that are not handled yet."""

UNPARSED = PersonalTable("set_aside", secrets=("payload",))
"""A user's updates that could not be parsed."""

_DROPPED = "user_id = null, payload = null, done = null"

_migrations = Migrations("received")


@_migrations()
def m001_how_it_fared(db: Database) -> None:
    """Count errors and deaths apart, and remember what was done before."""
    db.execute("alter table inbox add column begun integer not null default 0")
    db.execute("alter table inbox add column done text")


@_migrations()
def m002_set_aside(db: Database) -> None:
    """Keep what cannot be parsed apart from what waits."""
    db.table("set_aside").create(
        {"id": int, "user_id": int, "reason": str, "payload": str, "set_aside_utc": str},
        pk="id",
        not_null={"reason", "set_aside_utc"},
    )
    db.table("set_aside").create_index(["user_id"])


def _seal_once(db: Database, seal: Seal) -> None:
    """Encrypt payloads that an earlier version stored unencrypted."""
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
    """An update as received: its id, its user if it names one, and its JSON."""

    update_id: int
    user_id: int | None
    payload: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """InboxTable data that could not be parsed.

    Args:
        user_id: The sender, if known.
        reason: Why it could not be parsed, without any of its content.
        payload: The data.
    """

    user_id: int | None
    reason: str
    payload: str


@dataclass(frozen=True, slots=True)
class WaitingUpdate:
    """An update that waits to be handled.

    Args:
        update_id: Its id.
        user_id: Its user, if any.
        was_begun: Whether it was in progress when the process died.
    """

    update_id: int
    user_id: int | None
    was_begun: bool


@dataclass(frozen=True, slots=True)
class BegunUpdate:
    """An update whose handling begins.

    Args:
        payload: Its JSON.
        is_last_try: Whether another error makes it fail for good.
        is_given_up: Whether the bot died over it too often.
        done: Results of earlier tries, by name.
    """

    payload: str
    is_last_try: bool
    is_given_up: bool
    done: Mapping[str, int]


class InboxTable:
    """The table `inbox`; an older one is migrated.

    Args:
        db: The database, in which `bot.storage.people` created the table.
        cipher: Encrypts the content; its first key is the newest.
    """

    def __init__(self, db: Database, cipher: MultiFernet) -> None:
        self._db = db
        self._seal = Seal(cipher)
        migrate(db, _migrations)
        _seal_once(db, self._seal)

    def add(self, updates: Iterable[NewUpdate], now: datetime) -> list[NewUpdate]:
        """Store updates, all or none; return the new ones."""
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
        """Return how many updates are not handled yet."""
        (count,) = self._db.execute(
            "select count(*) from inbox where handled_utc is null"
        ).fetchone()
        return int(count)

    def begin(self, update_id: int, *, is_alone: bool = False) -> BegunUpdate | None:
        """Mark a try as begun and return the update.

        None if it is already handled, was forgotten, or cannot be decrypted.

        Args:
            update_id: The update.
            is_alone: Whether no other update is handled at the same time.
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

    def clear_deaths(self, update_id: int) -> None:
        """Stop blaming crashes on this update, because it now waits among others."""
        self._db.execute("update inbox set begun = 1 where update_id = ?", [update_id])

    def note(self, update_id: int, name: str, result: int) -> None:
        """Store the result of a step of an update in progress."""
        self._db.execute(
            "update inbox set done = json_patch(coalesce(done, '{}'), json_object(?, ?))"
            " where update_id = ? and handled_utc is null",
            [name, result, update_id],
        )

    def fail(self, update_id: int) -> None:
        """Count a try that ended in an error of ours."""
        self._db.execute(
            "update inbox set tries = tries + 1, begun = 0 where update_id = ?", [update_id]
        )

    def mark_stopped(self) -> None:
        """Mark unhandled updates as not begun, for an orderly stop."""
        self._db.execute("update inbox set begun = 0 where handled_utc is null")

    def finish(self, update_id: int, now: datetime) -> None:
        """Mark an update as handled and delete its content; only its id is kept."""
        self._db.execute(
            f"update inbox set handled_utc = ?, {_DROPPED} where update_id = ?",  # noqa: S608
            [now.isoformat(), update_id],
        )

    def drop(self, update_id: int) -> None:
        """Delete an update, including its id."""
        self._db.execute("delete from inbox where update_id = ?", [update_id])

    def set_aside(self, aside: SetAside, now: datetime) -> None:
        """Store unparsable data for a while."""
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

    def forget(self, user_id: int, except_for: int | None = None) -> None:
        """Delete the content of a user's updates; only the ids are kept.

        Args:
            user_id: The user.
            except_for: The update that asks for this, which is still to be answered.
        """
        self._db.execute("delete from set_aside where user_id = ?", [user_id])
        self._db.execute(
            f"update inbox set handled_utc = received_utc, {_DROPPED}"  # noqa: S608
            " where user_id = ? and update_id is not ?",
            [user_id, except_for],
        )

    def unhandled(self, now: datetime) -> list[WaitingUpdate]:
        """Return the updates that a stop or crash left unhandled, oldest first.

        One that cannot be decrypted waits for its key for `UNDECRYPTABLE_FOR`, then is dropped.
        """
        with immediate(self._db):
            self._drop_old(now)
            self._clamp_to_now("inbox", "received_utc", now)
            rows = self._db.query(
                "select * from inbox where handled_utc is null order by update_id"
            )
            waiting = []
            for row in list(rows):
                if self._opened(row) is not None:
                    waiting.append(
                        WaitingUpdate(row["update_id"], row["user_id"], row["begun"] > 0)
                    )
                elif row["received_utc"] < (now - UNDECRYPTABLE_FOR).isoformat():
                    self.finish(row["update_id"], now)
            return waiting

    def undecryptable(self) -> int:
        """Return how many waiting updates cannot be decrypted."""
        rows = self._db.query("select * from inbox where handled_utc is null")
        return sum(self._opened(row) is None for row in rows)

    def _drop_old(self, now: datetime) -> None:
        """Delete what is no longer needed.

        A time in the future comes from a clock that was ahead: it counts from now.
        """
        for table, column, kept_for in (
            ("inbox", "handled_utc", KEPT_FOR),
            ("set_aside", "set_aside_utc", ASIDE_FOR),
        ):
            self._clamp_to_now(table, column, now)
            self._db.execute(
                f"delete from {table} where {column} < ?",  # noqa: S608 - both are ours
                [(now - kept_for).isoformat()],
            )

    def _clamp_to_now(self, table: str, column: str, now: datetime) -> None:
        self._db.execute(
            f"update {table} set {column} = ? where {column} > ?",  # noqa: S608 - both are ours
            [now.isoformat(), now.isoformat()],
        )

    def _opened(self, row: dict[str, Any]) -> str | None:
        try:
            return self._seal.open(INBOX, row["update_id"], row["payload"])
        except InvalidToken:
            return None
