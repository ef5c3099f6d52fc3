"""Stores the shift applied to each reading, and where a listener reset their shift.

`readings` has the network's output. The shift that was applied to a reading is stored once, so
that later answers do not change earlier readings.
"""

import json

import numpy as np
from sqlite_utils import Database, Migrations

from recommender.mood.shift import fit_shift
from recommender.mood.targets import EMOTIONS
from recommender.storage.database import migrate
from recommender.storage.personal_data import PersonalTable

NEWEST = 50
"""Only this many newest answers count, since beards and glasses change."""

PERSONAL_TABLES = (
    PersonalTable(
        "mood_shifts",
        "reading_id in (select id from readings where user_id = :user_id)",
        structured=("shift",),
    ),
    PersonalTable("shift_resets"),
)

_migrations = Migrations("shifts")


@_migrations()
def m001_shifts_and_resets(db: Database) -> None:
    """Create the shift of each reading that has one, and the last reading before each reset."""
    db.execute(
        """
        create table mood_shifts (
            reading_id integer primary key references readings (id) on delete cascade,
            shift text not null,
            answers integer not null check (answers > 0)
        ) strict
        """
    )
    db.execute(
        """
        create table shift_resets (
            user_id integer primary key,
            last_reading_id integer not null
        ) strict
        """
    )


class MoodShifts:
    """The tables of shifts and resets."""

    def __init__(self, db: Database) -> None:
        self.db = db
        migrate(db, _migrations)

    def apply_to(self, reading_id: int, user_id: int) -> None:
        """Fit the shift to the user's answers so far, if any, and store it for a new reading."""
        answered = self._answered(user_id)
        if not answered:
            return
        readings = np.array([[read.get(name, 0.0) for name in EMOTIONS] for read, _ in answered])
        shift = fit_shift(readings, [said for _, said in answered])
        self.db.execute(
            "insert into mood_shifts (reading_id, shift, answers) values (?, ?, ?)",
            [reading_id, json.dumps(shift.tolist()), len(answered)],
        )

    def answers(self, user_id: int) -> int:
        """Return how many answers count for the user's next reading."""
        return len(self._answered(user_id))

    def reset(self, user_id: int) -> int:
        """Discard the user's answers so far; return how many counted.

        Answers to later readings count again. Earlier readings keep their shift.
        """
        count = self.answers(user_id)
        if count:  # else store nothing about this user
            self.db.execute(
                "insert into shift_resets (user_id, last_reading_id)"
                " select user_id, max(id) from readings"
                " where user_id = ? and corrected is not null"
                " on conflict do update set last_reading_id = excluded.last_reading_id",
                [user_id],
            )
        return count

    def _answered(self, user_id: int) -> list[tuple[dict[str, float], str]]:
        """Return the network's probabilities and the user's answer for each counting reading."""
        rows = self.db.query(
            "select probabilities, corrected from readings"
            " where user_id = :user_id and corrected is not null and id > coalesce("
            "(select last_reading_id from shift_resets where user_id = :user_id), 0)"
            " order by id desc limit :newest",
            {"user_id": user_id, "newest": NEWEST},
        )
        return [(json.loads(row["probabilities"]), row["corrected"]) for row in rows]
