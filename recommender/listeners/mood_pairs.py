"""Pairs of a listener's moods before and after a playlist.

"Before" is the mood that the playlist was made for; afterwards the listener names an emotion. The
pairs show whether a mode has the intended effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database, Migrations

from recommender.mood.targets import EMOTIONS
from recommender.storage.database import migrate
from recommender.storage.personal_data import OF_THEIR_PLAYLISTS, PersonalTable

PERSONAL_TABLES = (PersonalTable("moods_after", OF_THEIR_PLAYLISTS),)

_migrations = Migrations("moods after")


@_migrations()
def m001_moods_after(db: Database) -> None:
    """Create the moods after playlists, one for each at most."""
    db.execute(
        """
        create table moods_after (
            playlist_id integer primary key references playlists (id) on delete cascade,
            emotion text not null,
            felt_utc text not null
        ) strict
        """
    )


@dataclass(frozen=True, slots=True)
class MoodPair:
    """A listener's mood before and after a playlist.

    Args:
        playlist_id: Which playlist.
        mode: Its mode.
        before: The share of each emotion before; sums to about 1.
        emotion_before: The playlist's emotion.
        before_utc: When the mood was read or chosen.
        after: The emotion that the listener named afterwards.
        after_utc: When they named it.
    """

    playlist_id: int
    mode: str
    before: Mapping[str, float]
    emotion_before: str
    before_utc: datetime
    after: str
    after_utc: datetime


class MoodsAfter:
    """The table of moods after playlists; see `MusicStore.mood_pairs`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        migrate(db, _migrations)

    def note(self, playlist_id: int, user_id: int, emotion: str | None, now: datetime) -> None:
        """Store how a listener feels after a playlist; None deletes it.

        Raises:
            KeyError: The playlist is not theirs.
            ValueError: There is no such emotion.
        """
        if emotion is not None and emotion not in EMOTIONS:
            raise ValueError(f"unknown emotion {emotion!r}")
        theirs = "select id from playlists where id = ? and user_id = ?"
        if not list(self._db.query(theirs, [playlist_id, user_id])):
            raise KeyError(playlist_id)
        if emotion is None:
            self._db.execute("delete from moods_after where playlist_id = ?", [playlist_id])
        else:
            self._db.execute(
                "insert or replace into moods_after (playlist_id, emotion, felt_utc)"
                " values (?, ?, ?)",
                [playlist_id, emotion, now.isoformat()],
            )

    def rows(self, user_id: int) -> list[tuple[int, str, datetime]]:
        """Return the playlist, the emotion and the time of each, oldest first."""
        rows = self._db.query(
            "select playlist_id, moods_after.emotion, felt_utc from moods_after"
            " join playlists on playlists.id = playlist_id where user_id = ? order by felt_utc",
            [user_id],
        )
        return [
            (row["playlist_id"], row["emotion"], datetime.fromisoformat(row["felt_utc"]))
            for row in rows
        ]
