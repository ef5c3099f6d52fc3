"""The bot's own tables: consent, unhandled updates, questions, and shown messages.

- `people`: when a user agreed to which terms, and what waits for their consent. That is
  encrypted: Telegram's ids of the photos, never the photos themselves, and the words of their
  captions that count.
- `inbox`: each acknowledged update, until it is handled, see `bot.storage.inbox_table`.
- `questions`: what a user was asked to type, see `bot.storage.questions`.
- `shown_messages`: which message shows which playlist or track, see `bot.storage.shown`.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from bot.storage import questions, shown
from bot.storage.inbox_table import InboxTable
from bot.storage.questions import Questions
from bot.storage.shown import ShownMessages
from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import PersonalTable, delete
from recommender.storage.sealing import Seal, SealedColumn

CONSENT_VERSION = 2
"""The version of the terms. Increase it when they change; users are then asked again."""

UNREAD = SealedColumn("people", "waiting")

PERSONAL_TABLES = (
    PersonalTable("people", secrets=("waiting",)),
    *questions.PERSONAL_TABLES,
    *shown.PERSONAL_TABLES,
)
"""All other tables with data about a user."""

_migrations = Migrations("people")


@_migrations()
def m001_first_tables(db: Database) -> None:
    """Create consent, inbox and answers."""
    db.table("people").create(
        {
            "user_id": int,
            "consent_version": int,
            "consented_utc": str,
            "waiting_file_id": str,
        },
        pk="user_id",
    )
    db.table("inbox").create(
        {
            "update_id": int,
            "user_id": int,
            "payload": str,
            "received_utc": str,
            "tries": int,
            "handled_utc": str,
        },
        pk="update_id",
        not_null={"received_utc", "tries"},
    )
    db.table("inbox").create_index(["handled_utc"])
    db.table("answers").create(
        {"reading_id": int, "user_id": int, "message_id": int},
        pk="reading_id",
        not_null={"user_id", "message_id"},
    )
    db.table("answers").create_index(["user_id"])


@_migrations()
def m002_waiting_is_sealed(db: Database) -> None:
    """Allow albums and captions to wait; photos stored in clear are dropped."""
    db.execute("update people set waiting_file_id = null")
    db.execute("alter table people rename column waiting_file_id to waiting")


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """A user's consent.

    Args:
        version: The version of the terms, see `CONSENT_VERSION`.
        given_utc: When.
    """

    version: int
    given_utc: datetime

    @property
    def is_current(self) -> bool:
        """Whether it is for the current terms."""
        return self.version == CONSENT_VERSION


class People:
    """The bot's own tables in `mirrortape.db`.

    Args:
        db: The database; used on the calling thread.
        cipher: Encrypts what waits for consent; its first key is the newest.
    """

    def __init__(self, db: Database, cipher: MultiFernet) -> None:
        self.db = db
        self._seal = Seal(cipher)
        migrate(db, _migrations)
        self.inbox = InboxTable(db, cipher)
        self.questions = Questions(db)
        self.shown = ShownMessages(db)

    # -- consent --

    def has_consent(self, user_id: int) -> bool:
        """Return whether this user agreed to the current terms."""
        consent = self.consent(user_id)
        return consent is not None and consent.is_current

    def consent(self, user_id: int) -> GivenConsent | None:
        """Return the user's consent; None if they did not give it, or withdrew it."""
        rows = self.db.query(
            "select consent_version, consented_utc from people"
            " where user_id = ? and consent_version is not null",
            [user_id],
        )
        for row in rows:
            given = datetime.fromisoformat(row["consented_utc"])
            return GivenConsent(row["consent_version"], given)
        return None

    def agree(self, user_id: int, now: datetime) -> str | None:
        """Store the consent, and return what waits for it; that stays until `drop_waiting`."""
        with immediate(self.db):
            self.db.table("people").upsert(
                {
                    "user_id": user_id,
                    "consent_version": CONSENT_VERSION,
                    "consented_utc": now.isoformat(),
                },
                pk="user_id",
            )
            return self._waiting(user_id)

    def withdraw(self, user_id: int) -> bool:
        """Withdraw the consent and drop what waits for it; return whether there was one."""
        had_consent = self.consent(user_id) is not None
        self.db.execute("delete from people where user_id = ?", [user_id])
        return had_consent

    def wait_for_consent(self, user_id: int, waiting: str) -> None:
        """Store what must wait for the user's consent."""
        sealed = self._seal.close(UNREAD, user_id, waiting)
        self.db.table("people").upsert({"user_id": user_id, "waiting": sealed}, pk="user_id")

    def drop_waiting(self, user_id: int, waiting: str) -> None:
        """Drop what waited for the consent, unless something else waits now."""
        with immediate(self.db):
            if self._waiting(user_id) == waiting:
                self.db.execute("update people set waiting = null where user_id = ?", [user_id])

    def _waiting(self, user_id: int) -> str | None:
        rows = list(self.db.query("select waiting from people where user_id = ?", [user_id]))
        if not rows or rows[0]["waiting"] is None:
            return None
        try:
            return self._seal.open(UNREAD, user_id, rows[0]["waiting"])
        except InvalidToken:
            return None  # the key is lost; the user can send the photo again

    # -- the end --

    def forget(self, user_id: int, except_for: int | None = None) -> None:
        """Delete every row about this user; of updates, only their numbers stay.

        Args:
            user_id: Who.
            except_for: The update that requests this; it is deleted once it is answered.
        """
        with immediate(self.db):
            self.inbox.forget(user_id, except_for)
            delete(self.db, PERSONAL_TABLES, user_id)
