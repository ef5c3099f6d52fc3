"""Stores pending OAuth authorizations, and each listener's own app.

A pending authorization is identified by the OAuth state in its link; only a hash is stored. If the
redirect goes to a public page, the listener *arrives* there first: the page shows six digits, and
nothing is connected until they are typed into the chat that started it. Secrets are encrypted for
their listener, so that a row cannot be moved to another.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import InvalidToken, MultiFernet
from sqlite_utils import Database, Migrations

from recommender.errors import AuthorizationStale, WrongDigits
from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import PersonalTable
from recommender.storage.sealing import ARRIVALS, WAYS, Seal, SealedColumn

AUTHORIZATION_LASTS = timedelta(minutes=10)
"""Time limit for the consent page."""

DIGITS_LAST = timedelta(minutes=5)
"""Time limit for typing the digits."""

MAX_TRIES = 5
"""Maximum attempts to type the digits."""

PERSONAL_TABLES = (
    PersonalTable("spotify_ways", secrets=("state_sha256", "sealed")),
    PersonalTable("spotify_arrivals", secrets=("sealed", "digits_hmac")),
    PersonalTable("spotify_apps"),
)

_migrations = Migrations("authorizations")


@_migrations()
def m001_arrivals_and_apps(db: Database) -> None:
    """Create ways, arrivals and apps; pending authorizations are dropped."""
    db.table("spotify_ways").create(
        {"state_sha256": str, "user_id": int, "sealed": str, "created_utc": str},
        pk="state_sha256",
        not_null={"user_id", "sealed", "created_utc"},
    )
    db.table("spotify_arrivals").create(
        {
            "user_id": int,
            "sealed": str,
            "digits_hmac": str,
            "tries_left": int,
            "created_utc": str,
        },
        pk="user_id",
        not_null={"sealed", "digits_hmac", "tries_left", "created_utc"},
    )
    db.table("spotify_apps").create(
        {"user_id": int, "client_id": str}, pk="user_id", not_null={"client_id"}
    )
    db.execute("drop table if exists spotify_authorizations")


@dataclass(frozen=True, slots=True)
class PendingAuthorization:
    """A pending authorization: who started it, and what is needed to exchange the code.

    Args:
        user_id: The listener who started it.
        verifier: The PKCE code verifier.
        client_id: The listener's own app; empty for the owner's.
        code: The authorization code; empty until the redirect.
    """

    user_id: int
    verifier: str = field(repr=False)
    client_id: str = ""
    code: str = field(default="", repr=False)


class Authorizations:
    """The tables of pending authorizations in `mirrortape.db`.

    Args:
        db: The database; used on the calling thread.
        cipher: Encrypts secrets; its first key is the newest.
    """

    def __init__(self, db: Database, cipher: MultiFernet) -> None:
        self._db = db
        self._seal = Seal(cipher)
        migrate(db, _migrations)

    # -- to the consent page and back --

    def begin(self, pending: PendingAuthorization, state: str, now: datetime) -> None:
        """Store a pending authorization, and delete expired ones."""
        self._db.execute(
            "delete from spotify_ways where created_utc not between ? and ?",
            [(now - AUTHORIZATION_LASTS).isoformat(), (now + AUTHORIZATION_LASTS).isoformat()],
        )
        self._db.table("spotify_ways").insert(
            {
                "state_sha256": _sha256(state),
                "user_id": pending.user_id,
                "sealed": self._close(WAYS, pending),
                "created_utc": now.isoformat(),
            }
        )

    def owner(self, state: str) -> int | None:
        """Return who started the authorization with this state, if anybody; keep it valid."""
        row = self._row("select user_id from spotify_ways where state_sha256 = ?", _sha256(state))
        return None if row is None else int(row["user_id"])

    def returning(self, state: str, now: datetime) -> PendingAuthorization | None:
        """Return the pending authorization of a redirect; None if expired or unknown.

        It stays valid until `use_up`, which belongs in the transaction that stores the result. The
        row is written anyway, so that a read-only or full database fails here, before the request
        to Spotify.
        """
        with immediate(self._db):
            row = self._row(
                "update spotify_ways set created_utc = created_utc where state_sha256 = ?"
                " returning *",
                _sha256(state),
            )
            if row is None:
                return None
            pending = None
            if _is_within(AUTHORIZATION_LASTS, row["created_utc"], now):
                pending = self._open(WAYS, row)
            if pending is None:
                self.use_up(state)
        return pending

    def use_up(self, state: str) -> None:
        """Invalidate a link."""
        self._db.execute("delete from spotify_ways where state_sha256 = ?", [_sha256(state)])

    def is_under_way(self, user_id: int, now: datetime) -> bool:
        """Return whether this listener has a valid link."""
        oldest = (now - AUTHORIZATION_LASTS).isoformat()
        newest = (now + AUTHORIZATION_LASTS).isoformat()
        rows = self._db.query(
            "select 1 from spotify_ways where user_id = ? and created_utc between ? and ?",
            [user_id, oldest, newest],
        )
        return any(rows)

    # -- the six digits --

    def arrive(self, pending: PendingAuthorization, digits: str, now: datetime) -> None:
        """Store the redirect's result until its listener types the digits; the newest counts."""
        self._db.table("spotify_arrivals").upsert(
            {
                "user_id": pending.user_id,
                "sealed": self._close(ARRIVALS, pending),
                "digits_hmac": _hmac(pending, digits),
                "tries_left": MAX_TRIES,
                "created_utc": now.isoformat(),
            },
            pk="user_id",
        )

    def try_digits(self, user_id: int, digits: str, now: datetime) -> PendingAuthorization | None:
        """Return the authorization with these digits; None if no digits are expected.

        It stays valid until `end_arrival`, so that a later failure does not cost the digits or an
        attempt.

        Raises:
            WrongDigits: The digits are wrong; the last attempt invalidates them.
            AuthorizationStale: The digits have expired.
        """
        with immediate(self._db):
            row = self._row(
                "update spotify_arrivals set tries_left = tries_left - 1"
                " where user_id = ? returning *",
                user_id,
            )
            if row is None:
                return None
            pending = None
            if _is_within(DIGITS_LAST, row["created_utc"], now):
                pending = self._open(ARRIVALS, row)
            is_right = pending is not None and hmac.compare_digest(
                _hmac(pending, digits), row["digits_hmac"]
            )
            if is_right:
                self._db.execute(
                    "update spotify_arrivals set tries_left = tries_left + 1 where user_id = ?",
                    [user_id],
                )
            elif pending is None or row["tries_left"] == 0:
                self.end_arrival(user_id)
        if pending is None:
            raise AuthorizationStale("the digits were shown too long ago")
        if not is_right:
            raise WrongDigits("these are other digits", row["tries_left"])
        return pending

    def end_arrival(self, user_id: int) -> None:
        """Invalidate this listener's digits."""
        self._db.execute("delete from spotify_arrivals where user_id = ?", [user_id])

    # -- apps of their own --

    def use_app(self, user_id: int, client_id: str) -> None:
        """Set the app that this listener connects with; "" is the owner's app."""
        if client_id:
            self._db.table("spotify_apps").upsert(
                {"user_id": user_id, "client_id": client_id}, pk="user_id"
            )
        else:
            self._db.execute("delete from spotify_apps where user_id = ?", [user_id])

    def app_of(self, user_id: int) -> str:
        """Return the client id of this listener's own app, or "" for the owner's app."""
        row = self._row("select client_id from spotify_apps where user_id = ?", user_id)
        return "" if row is None else str(row["client_id"])

    def drop(self, user_id: int) -> None:
        """Delete this listener's pending authorizations."""
        self._db.execute("delete from spotify_ways where user_id = ?", [user_id])
        self.end_arrival(user_id)

    def _row(self, sql: str, value: int | str) -> dict[str, Any] | None:
        return next(iter(self._db.query(sql, [value])), None)

    def _close(self, place: SealedColumn, pending: PendingAuthorization) -> str:
        secrets = [pending.verifier, pending.client_id, pending.code]
        return self._seal.close(place, pending.user_id, json.dumps(secrets))

    def _open(self, place: SealedColumn, row: dict[str, Any]) -> PendingAuthorization | None:
        """Decrypt a row; None if the key is gone, or it belongs to another listener."""
        try:
            secrets = self._seal.open(place, row["user_id"], row["sealed"])
        except InvalidToken:
            return None
        return PendingAuthorization(row["user_id"], *json.loads(secrets))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hmac(pending: PendingAuthorization, digits: str) -> str:
    """Hash the digits, keyed so that the database file alone does not reveal them."""
    return hmac.new(pending.verifier.encode(), digits.encode(), "sha256").hexdigest()


def _is_within(span: timedelta, text: str, now: datetime) -> bool:
    """Return whether a stored time is near; one far ahead comes from a wrong clock."""
    return abs(now - datetime.fromisoformat(text)) <= span
