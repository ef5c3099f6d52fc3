"""What each user was last asked to type, stored so that the answer may come after a restart."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database, Migrations

from recommender.storage.database import migrate
from recommender.storage.personal_data import PersonalTable

WAITS_FOR = timedelta(minutes=10)
"""After this long, a text no longer counts as the answer."""

PERSONAL_TABLES = (PersonalTable("questions"),)

_migrations = Migrations("questions")


@_migrations()
def m001_questions(db: Database) -> None:
    """Create the open questions, one for each user at most."""
    db.execute(
        """
        create table questions (
            user_id integer primary key,
            about text not null,
            message_id integer not null,
            asked_utc text not null
        ) strict
        """
    )


@dataclass(frozen=True, slots=True)
class Question:
    """A question that a user was asked.

    Args:
        about: Its topic.
        message_id: The message that asked.
    """

    about: str
    message_id: int


class Questions:
    """The open questions."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def ask(self, user_id: int, question: Question, now: datetime) -> None:
        """Store a question, replacing an earlier one."""
        self._db.execute(
            "insert or replace into questions (user_id, about, message_id, asked_utc)"
            " values (?, ?, ?, ?)",
            [user_id, question.about, question.message_id, now.isoformat()],
        )

    def open(self, user_id: int, now: datetime) -> Question | None:
        """Return the user's open question, unless it is too old."""
        rows = self._db.query(
            "select about, message_id from questions"
            " where user_id = ? and asked_utc between ? and ?",
            [user_id, (now - WAITS_FOR).isoformat(), (now + WAITS_FOR).isoformat()],
        )
        return next((Question(row["about"], row["message_id"]) for row in rows), None)

    def drop(self, user_id: int) -> bool:
        """Delete the user's question; return whether there was one."""
        cursor = self._db.execute("delete from questions where user_id = ?", [user_id])
        return cursor.rowcount > 0
