"""Which message shows which playlist or track, and what it says about where that playlist is.

This is the only place that knows. Reactions and buttons look up what they are about, and messages
that became stale are found and corrected: one that promises a playlist which will not come, or
links to a playlist in Spotify that holds other tracks by now.
"""

from dataclasses import dataclass

from sqlite_utils import Database, Migrations

from recommender.listeners.published import PUBLICATIONS, Publication, State, to_publication
from recommender.storage.database import migrate
from recommender.storage.personal_data import PersonalTable

PERSONAL_TABLES = (PersonalTable("shown_messages"),)

_migrations = Migrations("shown messages")


@_migrations()
def m001_shown_messages(db: Database) -> None:
    """Create the table."""
    db.execute(
        """
        create table shown_messages (
            user_id integer not null,
            message_id integer not null,
            playlist_id integer not null,
            position integer, -- null where the whole playlist is shown
            primary key (user_id, message_id)
        ) strict, without rowid
        """
    )


@_migrations()
def m002_told(db: Database) -> None:
    """Add what each message says about its playlist's place; null if unknown."""
    db.execute("alter table shown_messages add column told text")
    db.execute("alter table shown_messages add column url text")


@_migrations()
def m003_one_table_for_all_messages(db: Database) -> None:
    """Take over `answers`, which said which message shows the playlist of which reading."""
    if "playlists" in db.table_names():  # else the database is new
        db.execute(
            """
            insert or ignore into shown_messages (user_id, message_id, playlist_id)
            select answers.user_id, message_id, max(playlists.id)
            from answers join playlists using (reading_id, user_id)
            group by answers.user_id, message_id
            """
        )
    db.table("answers").drop(ignore=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a message shows.

    Args:
        playlist_id: Which playlist.
        position: Which track of it, from 0; None for the whole playlist.
    """

    playlist_id: int
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a message says about a playlist's place, and the truth.

    Args:
        message_id: Which message.
        playlist_id: Which playlist it shows.
        told: What it says. `WAITING` means that it promises to publish the playlist; None means
            that this is unknown.
        url: The Spotify address to which it links, if any.
        place: The playlist's place now.
    """

    message_id: int
    playlist_id: int
    told: State | None
    url: str | None
    place: Publication

    @property
    def is_wrong(self) -> bool:
        """Whether the message is stale and must be corrected."""
        now = self.place
        if self.told is None:
            return now.state is State.REPLACED
        if self.told is State.UNWRITTEN and now.state is State.WAITING:
            return False  # its text and buttons are the same
        return (self.told, self.url) != (now.state, now.url)


class ShownMessages:
    """The messages that show a playlist or a track."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def note(
        self, user_id: int, message_id: int, shown: Shown, told: Publication | None = None
    ) -> None:
        """Store what a message shows now, and what it says about the playlist's place."""
        self._db.execute(
            "insert or replace into shown_messages"
            " (user_id, message_id, playlist_id, position, told, url) values (?, ?, ?, ?, ?, ?)",
            [
                user_id,
                message_id,
                shown.playlist_id,
                shown.position,
                told.state.value if told else None,
                told.url if told else None,
            ],
        )

    def note_told(
        self, user_id: int, message_id: int, playlist_id: int, told: Publication
    ) -> None:
        """Store what a message says now; does nothing if its user was deleted meanwhile."""
        self._db.execute(
            "update shown_messages set told = ?, url = ?"
            " where user_id = ? and message_id = ? and playlist_id = ?",
            [told.state.value, told.url, user_id, message_id, playlist_id],
        )

    def note_moved(self, user_id: int, message_id: int, now_in: int) -> None:
        """Store that another message replaced this one."""
        self._db.execute(
            "update shown_messages set message_id = ? where user_id = ? and message_id = ?",
            [now_in, user_id, message_id],
        )

    def find(self, user_id: int, message_id: int) -> Shown | None:
        """Return what a message shows; None if it shows neither a playlist nor a track."""
        rows = self._db.query(
            "select playlist_id, position from shown_messages"
            " where user_id = ? and message_id = ?",
            [user_id, message_id],
        )
        return next((Shown(row["playlist_id"], row["position"]) for row in rows), None)

    def message_of(self, user_id: int, playlist_id: int) -> int | None:
        """Return the message that shows a playlist, preferring one that promises to publish it."""
        rows = self._db.query(
            "select message_id from shown_messages"
            " where user_id = ? and playlist_id = ? and position is null"
            " order by told is not 'waiting', message_id limit 1",
            [user_id, playlist_id],
        )
        return next((row["message_id"] for row in rows), None)

    def message_of_reading(self, user_id: int, reading_id: int) -> int | None:
        """Return the message that shows a reading's newest playlist; None if there is none."""
        rows = self._db.query(
            "select message_id from shown_messages join playlists on playlists.id = playlist_id"
            " where shown_messages.user_id = ? and reading_id = ? and position is null"
            " order by playlist_id desc, message_id limit 1",
            [user_id, reading_id],
        )
        return next((row["message_id"] for row in rows), None)

    def told(self, user_id: int, message_id: int) -> Told | None:
        """Return what a message says about its playlist's place; None if it shows no playlist."""
        rows = self._told("message_id = :message_id", user_id=user_id, message_id=message_id)
        return next(iter(rows), None)

    def wrong(self, user_id: int) -> list[Told]:
        """Return the user's stale messages."""
        return [each for each in self._told(_DIFFERS, user_id=user_id) if each.is_wrong]

    def users_told_wrong(self) -> list[int]:
        """Return the users who may have stale messages."""
        rows = self._db.query(
            f"select distinct shown_messages.user_id from {_TOLD} where {_DIFFERS}"  # noqa: S608
        )
        return [row["user_id"] for row in rows]

    def _told(self, which: str, **values: int) -> list[Told]:
        rows = self._db.query(  # all of the query is ours
            "select message_id, playlist_id, told, shown_messages.url as told_url, places.*"  # noqa: S608
            f" from {_TOLD} where shown_messages.user_id = :user_id and {which}",
            values,
        )
        return [
            Told(
                row["message_id"],
                row["playlist_id"],
                State(row["told"]) if row["told"] else None,
                row["told_url"],
                to_publication(row),
            )
            for row in rows
        ]


_TOLD = f"shown_messages join ({PUBLICATIONS}) as places on position is null and id = playlist_id"

_DIFFERS = """case when told is null then was_written and places.url is null
    when told = 'standing' then places.url is not shown_messages.url
    when told = 'waiting' then not waits or places.url is not null
    else places.url is not null end"""
"""Selects a superset of the messages for which `Told.is_wrong` is true."""
