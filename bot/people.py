"""What the bot itself must remember: consent, updates not yet handled, and where messages are.

- `people`: when a user agreed to what, and what waits for that consent (sealed: Telegram's handles
  to the photos, never the photos themselves, and what was written beside them).
- `inbox`: each update that Telegram was told we have, until it is handled; sealed, since what
  people say is theirs, and an address that they paste holds the key to their Spotify.
- `answers`: which message shows the playlist of which reading, so that a mode button edits it.
- `questions`: what a user was asked to type, see `bot.questions`.
- `shown_messages`: which message shows which playlist or track, see `bot.shown`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from bot import questions, shown
from bot.questions import Questions
from bot.shown import ShownMessages
from recommender.belongings import Belonging, delete
from recommender.database import immediate
from recommender.sealing import Place, Seal

CONSENT_VERSION = 2
"""Raise it when what users agree to changes; they are asked again."""

MAX_TRIES = 3
"""How often an update may take the bot down with it before it is left alone."""

INBOX = Place("inbox", "payload", owner="update_id")
UNREAD = Place("people", "waiting")

WAITING = Belonging("inbox", secrets=("payload",))
"""What a user sent that is not answered yet."""

BELONGINGS = (
    Belonging("people", secrets=("waiting",)),
    Belonging("answers"),
    *questions.BELONGINGS,
    *shown.BELONGINGS,
)
"""All else that is remembered of a user."""

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
    """Let more than one photo wait, and a caption; what waited in clear is dropped."""
    db.execute("update people set waiting_file_id = null")
    db.execute("alter table people rename column waiting_file_id to waiting")


def _seal_once(db: Database, seal: Seal) -> None:
    """Seal what an earlier version left unhandled in clear."""
    migrations = Migrations("inbox")

    @migrations()
    def m001_seal(db: Database) -> None:
        rows = db.query("select update_id, payload from inbox where payload is not null")
        for row in list(rows):
            db.execute(
                "update inbox set payload = ? where update_id = ?",
                [seal.close(INBOX, row["update_id"], row["payload"]), row["update_id"]],
            )

    migrations.apply(db)


KEPT_FOR = timedelta(days=2)
"""How long the number of a handled update is remembered."""


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """An update that was received but not handled: its id and JSON."""

    update_id: int
    payload: str


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """What a user agreed to.

    Args:
        version: Which terms, see `CONSENT_VERSION`.
        given_utc: When.
    """

    version: int
    given_utc: datetime

    @property
    def is_current(self) -> bool:
        """Whether these are the present terms."""
        return self.version == CONSENT_VERSION


class People:
    """The bot's own tables in `mirrortape.db`.

    Args:
        db: The database; used on the calling thread.
        cipher: Encrypts what waits in the inbox; its first key is the newest.
    """

    def __init__(self, db: Database, cipher: MultiFernet) -> None:
        self.db = db
        self._seal = Seal(cipher)
        _migrations.apply(db)
        _seal_once(db, self._seal)
        self.questions = Questions(db)
        self.shown = ShownMessages(db)

    # -- consent --

    def has_consent(self, user_id: int) -> bool:
        """Return whether this user agreed to the present terms."""
        consent = self.consent(user_id)
        return consent is not None and consent.is_current

    def consent(self, user_id: int) -> GivenConsent | None:
        """Return what this user agreed to, and when; None where they did not or took it back."""
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
        """Note the consent and return what waits for it, if anything, until `drop_waiting`."""
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
        """Take the consent back and drop what waited for it; return whether there was one."""
        had_consent = self.consent(user_id) is not None
        self.db.execute("delete from people where user_id = ?", [user_id])
        return had_consent

    def wait_for_consent(self, user_id: int, waiting: str) -> None:
        """Keep what is to be read until its sender agrees."""
        sealed = self._seal.close(UNREAD, user_id, waiting)
        self.db.table("people").upsert({"user_id": user_id, "waiting": sealed}, pk="user_id")

    def drop_waiting(self, user_id: int) -> None:
        """Forget what waited for the consent."""
        self.db.execute("update people set waiting = null where user_id = ?", [user_id])

    def _waiting(self, user_id: int) -> str | None:
        rows = list(self.db.query("select waiting from people where user_id = ?", [user_id]))
        if not rows or rows[0]["waiting"] is None:
            return None
        try:
            return self._seal.open(UNREAD, user_id, rows[0]["waiting"])
        except InvalidToken:
            return None  # its key is gone: the photo can be sent again

    # -- inbox --

    def receive(self, update_id: int, user_id: int | None, payload: str, now: datetime) -> bool:
        """Store an update before Telegram is told that we have it; return whether it is new."""
        cursor = self.db.execute(
            "insert or ignore into inbox (update_id, user_id, payload, received_utc, tries)"
            " values (?, ?, ?, ?, 1)",
            [update_id, user_id, self._seal.close(INBOX, update_id, payload), now.isoformat()],
        )
        return cursor.rowcount == 1

    def waiting(self) -> int:
        """Return how many updates are received and not yet handled."""
        (count,) = self.db.execute(
            "select count(*) from inbox where handled_utc is null"
        ).fetchone()
        return int(count)

    def finish(self, update_id: int, now: datetime) -> None:
        """Mark an update as handled and drop what it said; only its number stays."""
        self.db.execute(
            "update inbox set handled_utc = ?, user_id = null, payload = null where update_id = ?",
            [now.isoformat(), update_id],
        )

    def retake(self, now: datetime) -> list[StoredUpdate]:
        """Return the updates that a stop or crash left unhandled, oldest first.

        Each is counted as tried once more. One that was tried `MAX_TRIES` times is given up and
        what it said dropped, so that an update that takes the bot down does not do so for ever.
        The numbers of updates handled long ago are dropped too: Telegram repeats none for longer
        than a day, and may begin to count anew after a week. What was sealed under a key that is
        gone stays where it is until it is given up.
        """
        with immediate(self.db):
            self.db.execute(
                "delete from inbox where handled_utc < ?", [(now - KEPT_FOR).isoformat()]
            )
            self.db.execute("update inbox set tries = tries + 1 where handled_utc is null")
            self.db.execute(
                "update inbox set handled_utc = ?, user_id = null, payload = null"
                " where handled_utc is null and tries > ?",
                [now.isoformat(), MAX_TRIES],
            )
            rows = self.db.query(
                "select update_id, payload from inbox where handled_utc is null order by update_id"
            )
            return [update for row in rows if (update := self._opened(row)) is not None]

    def _opened(self, row: dict[str, Any]) -> StoredUpdate | None:
        try:
            payload = self._seal.open(INBOX, row["update_id"], row["payload"])
        except InvalidToken:
            return None
        return StoredUpdate(row["update_id"], payload)

    # -- answers --

    def note_answer(self, user_id: int, reading_id: int, message_id: int) -> None:
        """Remember which message shows the playlist of this reading."""
        self.db.table("answers").upsert(
            {"reading_id": reading_id, "user_id": user_id, "message_id": message_id},
            pk="reading_id",
        )

    def answer(self, user_id: int, reading_id: int) -> int | None:
        """Return the message that shows the playlist of this reading, if there is one."""
        rows = self.db.query(
            "select message_id from answers where reading_id = ? and user_id = ?",
            [reading_id, user_id],
        )
        return next((row["message_id"] for row in rows), None)

    def note_moved(self, user_id: int, message_id: int, now_in: int) -> None:
        """Remember that another message shows what this one did."""
        with immediate(self.db):
            self.db.execute(
                "update answers set message_id = ? where user_id = ? and message_id = ?",
                [now_in, user_id, message_id],
            )
            self.shown.note_moved(user_id, message_id, now_in)

    # -- the end --

    def forget(self, user_id: int) -> None:
        """Delete every row about this user; of updates, their number alone stays."""
        with immediate(self.db):
            self.db.execute(
                "update inbox set handled_utc = received_utc, user_id = null, payload = null"
                " where user_id = ?",
                [user_id],
            )
            delete(self.db, BELONGINGS, user_id)
