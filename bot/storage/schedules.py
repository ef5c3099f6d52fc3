"""Check-ins: each user's time zone, their times, and which messages are due.

- `zones`: the user's time zone; if unknown, when they were asked for it.
- `check_ins`: a time of day and its days. `next_utc` is the next occurrence. `due_utc` is the
  occurrence whose message is being sent; it is cleared once that was sent or skipped.

A due message is claimed before it is sent. One that a stop interrupted is sent after the next
start. Since it may have gone out already, it is claimed at most `MAX_TRIES` times: a kill while
sending costs at most one duplicate.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlite_utils import Database, Migrations

from bot.timetable import Slot, merged, occurrences
from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import PersonalTable, delete

GRACE = timedelta(hours=1)
"""How late a check-in may be sent after a stop; later ones are skipped."""

SMALL_JUMP = timedelta(hours=1)
"""Setting the clock back by less than this asks nobody twice."""

MAX_TRIES = 2
"""How often a message is sent if nobody knows whether it went out."""

MOST_PER_USER = 10
"""The most check-ins of one user."""

PERSONAL_TABLES = (PersonalTable("check_ins"), PersonalTable("zones"))

_migrations = Migrations("schedules")


@_migrations()
def m001_zones_and_check_ins(db: Database) -> None:
    """Create both tables. Ids are never reused, so an old button cannot affect a newer row."""
    db.execute(
        """
        create table zones (
            user_id integer primary key,
            zone text,
            asked_utc text
        ) strict
        """
    )
    db.execute(
        """
        create table check_ins (
            id integer primary key autoincrement,
            user_id integer not null,
            minute integer not null check (minute between 0 and 1439),
            days text not null,
            next_utc text,
            due_utc text,
            tries integer not null default 0,
            unique (user_id, minute)
        ) strict
        """
    )
    db.execute("create index check_ins_next on check_ins (next_utc)")
    db.execute("create index check_ins_due on check_ins (due_utc) where due_utc is not null")


class TooMany(Exception):
    """More check-ins than `MOST_PER_USER`."""


@dataclass(frozen=True, slots=True)
class CheckIn:
    """A check-in of a user.

    Args:
        next: The next occurrence, in UTC; None while the user's zone is unknown.
    """

    id: int
    slot: Slot
    next: datetime | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """All check-ins of a user, ordered by time of day, and the zone if it is known."""

    check_ins: tuple[CheckIn, ...]
    zone: ZoneInfo | None


@dataclass(frozen=True, slots=True)
class Due:
    """A message to send now, and the moment that it is for, in its user's zone."""

    user_id: int
    moment: datetime


class Schedules:
    """The tables of check-ins in `mirrortape.db`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    # -- what users say --

    def load(self, user_id: int) -> Schedule:
        """Return a user's check-ins."""
        rows = self._db.query(
            "select * from check_ins where user_id = ? order by minute", [user_id]
        )
        check_ins = (
            CheckIn(row["id"], Slot.of(row["minute"], row["days"]), _moment(row["next_utc"]))
            for row in rows
        )
        return Schedule(tuple(check_ins), self._zone(user_id))

    def clock(self, user_id: int) -> tzinfo:
        """Return a user's time zone, or UTC if it is unknown."""
        return self._zone(user_id) or UTC

    def add(self, user_id: int, slots: tuple[Slot, ...], now: datetime) -> None:
        """Add check-ins; one at an existing time gets more days.

        Raises:
            TooMany: There would be more than `MOST_PER_USER`.
        """
        with immediate(self._db):
            present = [check_in.slot for check_in in self.load(user_id).check_ins]
            wanted = merged([*present, *slots])
            if len(wanted) > MOST_PER_USER:
                raise TooMany
            zone = self._zone(user_id)
            for slot in wanted:
                if slot not in present:  # the time of the others stays as it is
                    self._put(user_id, slot, zone, now)

    def remove(self, user_id: int, check_in_id: int | None = None) -> bool:
        """Delete one check-in, or all of them; return whether there was any."""
        cursor = self._db.execute(
            "delete from check_ins where user_id = ? and id = coalesce(?, id)",
            [user_id, check_in_id],
        )
        return bool(cursor.rowcount)

    def stop(self, user_id: int) -> bool:
        """Delete all check-ins and stop asking for the zone; return whether there was any."""
        with immediate(self._db):
            self.stop_asking(user_id)
            return self.remove(user_id)

    def ask_zone(self, user_id: int, now: datetime) -> None:
        """Note that a user is being asked for their zone."""
        self._db.execute(
            "insert into zones (user_id, asked_utc) values (?, ?)"
            " on conflict (user_id) do update set asked_utc = excluded.asked_utc",
            [user_id, now.isoformat()],
        )

    def stop_asking(self, user_id: int) -> bool:
        """Stop asking for the zone; return whether it was being asked for."""
        cursor = self._db.execute(
            "update zones set asked_utc = null where user_id = ? and asked_utc is not null",
            [user_id],
        )
        return bool(cursor.rowcount)

    def asked_zone(self, user_id: int) -> datetime | None:
        """Return when a user was asked for their zone; None if they are not being asked."""
        rows = self._db.query("select asked_utc from zones where user_id = ?", [user_id])
        return next((_moment(row["asked_utc"]) for row in rows), None)

    def set_zone(self, user_id: int, zone: str, now: datetime) -> None:
        """Store a user's zone and plan their check-ins by it."""
        with immediate(self._db):
            self._db.execute(
                "insert into zones (user_id, zone) values (?, ?) on conflict (user_id)"
                " do update set zone = excluded.zone, asked_utc = null",
                [user_id, zone],
            )
            for check_in in self.load(user_id).check_ins:
                self._put(user_id, check_in.slot, ZoneInfo(zone), now)

    # -- what is due --

    def due(self, now: datetime) -> list[Due]:
        """Return the messages to send now, one per user.

        Of several missed occurrences of a check-in only the last counts, and only within `GRACE`.
        """
        with immediate(self._db):
            self._plan_again(now)
            for row in list(
                self._db.query("select * from check_ins where next_utc <= ?", [now.isoformat()])
            ):
                self._advance(row, now)
            self._db.execute(
                "update check_ins set due_utc = null"
                " where due_utc is not null and (due_utc <= ? or tries >= ?)",
                [(now - GRACE).isoformat(), MAX_TRIES],
            )
            rows = self._db.query(
                "select user_id, zone, max(due_utc) as due_utc from check_ins join zones"
                " using (user_id) where due_utc is not null group by user_id order by due_utc"
            )
            return [
                Due(
                    row["user_id"],
                    datetime.fromisoformat(row["due_utc"]).astimezone(ZoneInfo(row["zone"])),
                )
                for row in rows
            ]

    def claim(self, due: Due) -> bool:
        """Count a try to send a message; return whether it is still due.

        The caller then calls `settle`, `put_back`, or `remove` if the user cannot be reached any
        more.
        """
        return self._change(due, "tries = tries + 1")

    def settle(self, due: Due) -> None:
        """Note that a message was sent, or will not be."""
        self._change(due, "due_utc = null")

    def put_back(self, due: Due) -> None:
        """Note that a message was certainly not sent: the try does not count."""
        self._change(due, "tries = tries - 1")

    def _change(self, due: Due, assignment: str) -> bool:
        cursor = self._db.execute(
            f"update check_ins set {assignment} where user_id = ? and due_utc <= ?",  # noqa: S608
            [due.user_id, due.moment.astimezone(UTC).isoformat()],
        )
        return bool(cursor.rowcount)

    # -- the end --

    def forget(self, user_id: int) -> None:
        """Delete every row about a user."""
        with immediate(self._db):
            delete(self._db, PERSONAL_TABLES, user_id)

    def _zone(self, user_id: int) -> ZoneInfo | None:
        rows = self._db.query("select zone from zones where user_id = ?", [user_id])
        return next((ZoneInfo(row["zone"]) for row in rows if row["zone"]), None)

    def _put(self, user_id: int, slot: Slot, zone: ZoneInfo | None, now: datetime) -> None:
        """Store a slot and its next occurrence."""
        next_utc = next(occurrences(slot, zone, now)).isoformat() if zone else None
        self._db.execute(
            "insert into check_ins (user_id, minute, days, next_utc) values (?, ?, ?, ?)"
            " on conflict (user_id, minute)"
            " do update set days = excluded.days, next_utc = excluded.next_utc",
            [user_id, slot.minute, slot.days_text, next_utc],
        )

    def _plan_again(self, now: datetime) -> None:
        """Plan check-ins again that a clock ahead has planned too late."""
        for row in list(self._db.query("select * from check_ins where next_utc is not null")):
            zone = self._zone(row["user_id"])
            slot = Slot.of(row["minute"], row["days"])
            first = next(occurrences(slot, zone, now + SMALL_JUMP)) if zone else None
            if first is not None and first.isoformat() < row["next_utc"]:
                self._put(row["user_id"], slot, zone, now)

    def _advance(self, row: dict[str, Any], now: datetime) -> None:
        """Mark the latest occurrence that has passed as due, and compute the next one."""
        zone = self._zone(row["user_id"])
        assert zone is not None  # without one there is no next moment
        due = next_moment = datetime.fromisoformat(row["next_utc"])
        for moment in occurrences(Slot.of(row["minute"], row["days"]), zone, due):
            next_moment = moment
            if moment > now:
                break
            due = moment
        self._db.execute(
            "update check_ins set due_utc = ?, tries = 0, next_utc = ? where id = ?",
            [due.isoformat(), next_moment.isoformat(), row["id"]],
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
