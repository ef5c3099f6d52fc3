"""Stores pending authorizations: listeners on their way to Spotify's consent page and back.

A pending authorization is identified by the `state` in its link, of which only a hash is stored.
If any browser can open the callback page, a listener *arrives* there first: the page shows six
digits, and the account is connected when these are typed into the chat that began. Secrets are
encrypted and bound to their listener, so that a row cannot be moved to another one.
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
from recommender.storage.personal_data import Belonging
from recommender.storage.sealing import ARRIVALS, WAYS, Place, Seal

AUTHORIZATION_LASTS = timedelta(minutes=10)
"""How long a link to the consent page works."""

DIGITS_LAST = timedelta(minutes=5)
"""How long the digits work."""

MAX_TRIES = 5
"""How many times the digits may be typed."""

BELONGINGS = (
    Belonging("spotify_ways", secrets=("state_sha256", "sealed")),
    Belonging("spotify_arrivals", secrets=("sealed", "digits_hmac")),
    Belonging("spotify_apps"),
)

_migrations = Migrations("authorizations")


@_migrations()
def m001_arrivals_and_apps(db: Database) -> None:
    """Create links, arrivals and apps; authorizations pending during the update are dropped."""
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
    """A pending authorization.

    Args:
        user_id: The listener who began it.
        verifier: The PKCE code verifier.
        client_id: The listener's own app; empty for the owner's.
        code: The authorization code; empty before the return.
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
        """Store a pending authorization, and drop expired ones."""
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
        """Return who began with this state; None if nobody did. The link stays valid."""
        row = self._row("select user_id from spotify_ways where state_sha256 = ?", _sha256(state))
        return None if row is None else int(row["user_id"])

    def returning(self, state: str, now: datetime) -> PendingAuthorization | None:
        """Return the authorization of a return from the consent page; None if expired or unknown.

        The link stays valid until `use_up`, in the transaction that stores the result. This method
        writes to the row too, so that a database which cannot store anything fails here, before
        Spotify is called.
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
        """Return whether the listener has a valid link."""
        oldest = (now - AUTHORIZATION_LASTS).isoformat()
        newest = (now + AUTHORIZATION_LASTS).isoformat()
        rows = self._db.query(
            "select 1 from spotify_ways where user_id = ? and created_utc between ? and ?",
            [user_id, oldest, newest],
        )
        return any(rows)

    # -- the six digits --

    def arrive(self, pending: PendingAuthorization, digits: str, now: datetime) -> None:
        """Store a return until its listener types the digits, replacing an earlier one."""
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
        """Return the arrival with these digits; None if no digits are awaited.

        It stays stored until `end_arrival`, so that a later failure costs neither digits nor a
        try.

        Raises:
            WrongDigits: They do not match; after the last try the arrival is dropped.
            AuthorizationStale: They were shown too long ago.
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
        """Drop the listener's arrival."""
        self._db.execute("delete from spotify_arrivals where user_id = ?", [user_id])

    # -- apps of their own --

    def use_app(self, user_id: int, client_id: str) -> None:
        """Use the listener's own app from now on; empty: the owner's."""
        if client_id:
            self._db.table("spotify_apps").upsert(
                {"user_id": user_id, "client_id": client_id}, pk="user_id"
            )
        else:
            self._db.execute("delete from spotify_apps where user_id = ?", [user_id])

    def app_of(self, user_id: int) -> str:
        """Return the client id of the listener's own app; empty if they have none."""
        row = self._row("select client_id from spotify_apps where user_id = ?", user_id)
        return "" if row is None else str(row["client_id"])

    def drop(self, user_id: int) -> None:
        """Delete all pending authorizations of this listener."""
        self._db.execute("delete from spotify_ways where user_id = ?", [user_id])
        self.end_arrival(user_id)

    def _row(self, sql: str, value: int | str) -> dict[str, Any] | None:
        return next(iter(self._db.query(sql, [value])), None)

    def _close(self, place: Place, pending: PendingAuthorization) -> str:
        secrets = [pending.verifier, pending.client_id, pending.code]
        return self._seal.close(place, pending.user_id, json.dumps(secrets))

    def _open(self, place: Place, row: dict[str, Any]) -> PendingAuthorization | None:
        """Decrypt a value; None if its key is gone, or if it belongs to another listener."""
        try:
            secrets = self._seal.open(place, row["user_id"], row["sealed"])
        except InvalidToken:
            return None
        return PendingAuthorization(row["user_id"], *json.loads(secrets))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hmac(pending: PendingAuthorization, digits: str) -> str:
    """Return a keyed hash of the digits, so that they cannot be guessed from the file alone."""
    return hmac.new(pending.verifier.encode(), digits.encode(), "sha256").hexdigest()


def _is_within(span: timedelta, text: str, now: datetime) -> bool:
    """Return whether a stored time is recent; a time far in the future is not."""
    return abs(now - datetime.fromisoformat(text)) <= span
