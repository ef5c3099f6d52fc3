"""Stores listeners' readings, playlists, votes and ratings.

Every shown track is stored with its title, artist, features, score, position, propensity and the
version of the ranking. So votes keep their meaning when the catalogue is replaced, and a later
ranking can be trained or evaluated on them. A vote is stored in the row of the shown track.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from recommender.listeners import (
    mood_pairs,
    music_tables,
    preference_store,
    published,
    shift_store,
)
from recommender.listeners.mood_pairs import MoodPair, MoodsAfter
from recommender.listeners.music_tables import migrations
from recommender.listeners.preference_store import PreferenceStore
from recommender.listeners.published import Publications
from recommender.listeners.saved import (
    SavedPlaylist,
    ShownTrack,
    StoredReading,
    prior_json,
    shown_row,
    to_opinion,
    to_prior,
    to_reading,
    to_shown_track,
)
from recommender.listeners.shift_store import MoodShifts
from recommender.listeners.unavailable_tracks import UnavailableTracks
from recommender.mood.targets import EMOTIONS
from recommender.recommend import Recommendation
from recommender.storage.database import immediate, migrate
from recommender.storage.personal_data import delete
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import Prior
from recommender.taste.taste import Taste

__all__ = ["MusicStore", "SavedPlaylist", "ShownTrack", "StoredReading"]

PERSONAL_TABLES = (
    *shift_store.PERSONAL_TABLES,
    *mood_pairs.PERSONAL_TABLES,
    *published.PERSONAL_TABLES,
    *music_tables.PERSONAL_TABLES,
    *preference_store.PERSONAL_TABLES,
)
"""All tables with personal data."""

REPEAT_WINDOW = timedelta(days=14)
"""A shown track is not shown again for this long, if there are others."""

_READINGS = (
    "select readings.*, shift, answers from readings left join mood_shifts on reading_id = id"
)


class MusicStore:
    """The recommender's tables in `mirrortape.db`.

    Every method raises `KeyError` for an id that does not exist or belongs to another user.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        migrate(db, migrations)
        self.preferences = PreferenceStore(db)
        self.shifts = MoodShifts(db)
        self.after = MoodsAfter(db)
        self.gone = UnavailableTracks(db)
        self.publications = Publications(db)
        self.forgotten = 0
        """Number of `forget` calls since this was opened."""

    # -- readings --

    def add_reading(
        self,
        user_id: int,
        probabilities: Mapping[str, float],
        eyes_found: str,
        now: datetime,
        evidence: Mapping[str, float] | None = None,
    ) -> int:
        """Store a reading with the listener's current shift and return its id.

        Args:
            user_id: Whose reading.
            probabilities: The network's output, one for each emotion.
            eyes_found: How the eyes were found.
            now: The time of the reading.
            evidence: Log-likelihood of other evidence, such as the listener's words, by emotion.
        """
        added = [evidence.get(name, 0.0) for name in EMOTIONS] if evidence else None
        with immediate(self.db):
            cursor = self.db.execute(
                "insert into readings (user_id, probabilities, eyes_found, created_utc, evidence)"
                " values (?, ?, ?, ?, ?)",
                [
                    user_id,
                    json.dumps(dict(probabilities)),
                    eyes_found,
                    now.isoformat(),
                    json.dumps(added) if added else None,
                ],
            )
            reading_id = _new_id(cursor.lastrowid)
            self.shifts.apply_to(reading_id, user_id)
        return reading_id

    def correct_reading(self, reading_id: int, user_id: int, emotion: str) -> None:
        """Store the listener's correction of a reading; it replaces an earlier one.

        Raises:
            ValueError: There is no such emotion.
        """
        if emotion not in EMOTIONS:
            raise ValueError(f"unknown emotion {emotion!r}")
        cursor = self.db.execute(
            "update readings set corrected = ? where id = ? and user_id = ?",
            [emotion, reading_id, user_id],
        )
        if not cursor.rowcount:
            raise KeyError(reading_id)

    def reading(self, reading_id: int, user_id: int) -> StoredReading:
        """Return a reading."""
        return to_reading(
            self._one(f"{_READINGS} where id = ? and user_id = ?", reading_id, user_id)
        )

    def readings(self, user_id: int) -> list[StoredReading]:
        """Return all readings of a user, oldest first."""
        rows = self.db.query(f"{_READINGS} where user_id = ? order by id", [user_id])
        return [to_reading(row) for row in rows]

    def last_reading(self, user_id: int) -> StoredReading | None:
        """Return the user's newest reading, if there is one."""
        rows = self.db.query(f"{_READINGS} where user_id = ? order by id desc limit 1", [user_id])
        return next(map(to_reading, rows), None)

    # -- playlists --

    def add_playlist(
        self,
        user_id: int,
        recommendation: Recommendation,
        mode: str,
        reading_id: int | None,
        emotion: str,
        now: datetime,
    ) -> int:
        """Store a playlist with its tracks and return its id."""
        with immediate(self.db):
            if reading_id is not None:
                self.reading(reading_id, user_id)
            cursor = self.db.execute(
                "insert into playlists (user_id, reading_id, emotion, mode, created_utc, relaxed)"
                " values (?, ?, ?, ?, ?, ?)",
                [
                    user_id,
                    reading_id,
                    emotion,
                    mode,
                    now.isoformat(),
                    json.dumps([str(each) for each in recommendation.relaxed]),
                ],
            )
            playlist_id = _new_id(cursor.lastrowid)
            self.db.table("shown").insert_all(
                shown_row(playlist_id, position, pick, recommendation.policy)
                for position, pick in enumerate(recommendation.picks)
            )
        return playlist_id

    def playlist(self, playlist_id: int, user_id: int) -> SavedPlaylist:
        """Return a playlist with its tracks in order and the current votes."""
        row = self._one(
            "select * from playlists where id = ? and user_id = ?", playlist_id, user_id
        )
        shown = self.db.query(
            "select * from shown where playlist_id = ? order by position", [playlist_id]
        )
        return SavedPlaylist(
            id=row["id"],
            user_id=row["user_id"],
            emotion=row["emotion"],
            mode=row["mode"],
            reading_id=row["reading_id"],
            created=datetime.fromisoformat(row["created_utc"]),
            stars=row["stars"],
            tracks=tuple(map(to_shown_track, shown)),
            relaxed=tuple(json.loads(row["relaxed"] or "[]")),
        )

    def replace_shown(
        self,
        playlist_id: int,
        user_id: int,
        positions: Sequence[int],
        replacements: Recommendation,
    ) -> SavedPlaylist:
        """Replace the tracks at some positions of a playlist and return it.

        If there are fewer replacements than positions, later tracks move up.
        """
        with immediate(self.db):
            saved = self.playlist(playlist_id, user_id)
            places = [position for position in positions if position < len(saved.tracks)]
            for place in places:
                self.db.execute(
                    "delete from shown where playlist_id = ? and position = ?",
                    [playlist_id, place],
                )
            self.db.table("shown").insert_all(
                shown_row(playlist_id, place, pick, replacements.policy)
                for place, pick in zip(places, replacements.picks, strict=False)
            )
            empty = set(places[len(replacements.picks) :])
            taken = [t.position for t in saved.tracks if t.position not in empty]
            for number, position in enumerate(taken):  # ascending, so positions stay unique
                self.db.execute(
                    "update shown set position = ? where playlist_id = ? and position = ?",
                    [number, playlist_id, position],
                )
        return self.playlist(playlist_id, user_id)

    def last_playlist(self, user_id: int) -> SavedPlaylist | None:
        """Return the user's newest playlist, if there is one."""
        rows = self.db.query(
            "select id from playlists where user_id = ? order by id desc limit 1", [user_id]
        )
        return next((self.playlist(row["id"], user_id) for row in rows), None)

    def recent(
        self, user_id: int, now: datetime, except_for: tuple[int | None, str] | None = None
    ) -> frozenset[str]:
        """Return the ids of the tracks shown to the user within `REPEAT_WINDOW`.

        Args:
            user_id: Who.
            now: The time.
            except_for: A mood whose playlists are left out, because one of them is being replaced
                and may keep its tracks: the id of its reading, else its emotion.
        """
        reading_id, emotion = except_for or (None, None)
        rows = self.db.query(
            "select distinct track_id from shown join playlists on playlists.id = playlist_id"
            " where user_id = ? and created_utc between ? and ?"
            " and not (reading_id is ? and (reading_id is not null or emotion is ?))",
            [
                user_id,
                (now - REPEAT_WINDOW).isoformat(),
                # A time further ahead was stored while the clock was wrong.
                (now + REPEAT_WINDOW).isoformat(),
                reading_id,
                emotion,
            ],
        )
        return frozenset(row["track_id"] for row in rows)

    # -- feedback --

    def vote(
        self, user_id: int, playlist_id: int, position: int, liked: bool | None, now: datetime
    ) -> None:
        """Store a vote on a shown track; None takes it back.

        Repeating the same vote changes nothing, not even its time.
        """
        with immediate(self.db):
            self._one(
                "select 1 from playlists join shown on playlists.id = playlist_id"
                " where playlist_id = ? and user_id = ? and position = ?",
                playlist_id,
                user_id,
                position,
            )
            self.db.execute(
                "update shown set liked = :liked, voted_utc = iif(:liked is null, null, :now)"
                " where playlist_id = :playlist_id and position = :position"
                " and liked is not :liked",
                {
                    "liked": liked,
                    "now": now.isoformat(),
                    "playlist_id": playlist_id,
                    "position": position,
                },
            )

    def rate(self, user_id: int, playlist_id: int, stars: int | None, now: datetime) -> None:
        """Store the rating of a playlist; None takes it back.

        Raises:
            ValueError: Fewer than 1 or more than 5 stars.
        """
        if stars is not None and not 1 <= stars <= 5:
            raise ValueError(f"a rating has 1 to 5 stars, not {stars}")
        cursor = self.db.execute(
            "update playlists set stars = ?, rated_utc = ? where id = ? and user_id = ?",
            [stars, now.isoformat() if stars else None, playlist_id, user_id],
        )
        if not cursor.rowcount:
            raise KeyError(playlist_id)

    def mood_pairs(self, user_id: int) -> list[MoodPair]:
        """Return the user's moods before and after playlists, in the order of their answers."""
        pairs = []
        for playlist_id, after, after_utc in self.after.rows(user_id):
            saved = self.playlist(playlist_id, user_id)
            mood, since = {saved.emotion: 1.0}, saved.created
            if saved.reading_id is not None:
                reading = self.reading(saved.reading_id, user_id)
                mood, since = reading.mood, reading.created
            pairs.append(
                MoodPair(playlist_id, saved.mode, mood, saved.emotion, since, after, after_utc)
            )
        return pairs

    def taste(self, user_id: int, more_like: int | None = None) -> Taste:
        """Return the user's opinions from votes and ratings, the oldest first.

        A shown track counts with its vote, or else with its playlist's stars, as
        (stars - 3) / 2 and with a lower weight: see `saved.to_opinion`.

        Args:
            user_id: Who.
            more_like: A playlist that counts as if it had just been rated with five stars.
        """
        rows = self.db.query(
            "select shown.*, iif(playlist_id = :more_like, 5, stars) as stars,"
            " corrected is not null and corrected <> playlists.emotion as misread"
            " from shown join playlists on playlists.id = playlist_id"
            " left join readings on readings.id = reading_id"
            " where playlists.user_id = :user_id and (liked is not null or"
            " playlists.stars is not null or playlist_id = :more_like)"
            " order by playlist_id is :more_like, coalesce(voted_utc, rated_utc), playlist_id,"
            " position",
            {"user_id": user_id, "more_like": more_like},
        )
        return Taste(tuple(map(to_opinion, rows)))

    # -- what listeners have in common --

    def tastes(self) -> list[Taste]:
        """Return the taste of each listener."""
        users = list(self.db.query("select distinct user_id from playlists order by user_id"))
        return [self.taste(row["user_id"]) for row in users]

    def keep_prior(self, prior: Prior, now: datetime, forgotten: int) -> bool:
        """Store the prior learned from all listeners, replacing the previous one.

        Args:
            prior: The prior.
            now: The time.
            forgotten: The value of `self.forgotten` when the votes were read.

        Returns:
            Whether it was stored: not if a listener was forgotten since the votes were read.
        """
        if forgotten != self.forgotten:
            return False
        with immediate(self.db):
            self.db.execute("delete from pools")
            self.db.execute(
                "insert into pools (prior, created_utc) values (?, ?)",
                [prior_json(prior), now.isoformat()],
            )
        return True

    def prior(self) -> Prior:
        """Return the prior over listeners."""
        for row in self.db.query("select id, prior from pools order by id desc limit 1"):
            return to_prior(row["prior"], f"pool-{row['id']}")
        return USUAL_LISTENER

    # -- the end --

    def forget(self, user_id: int) -> None:
        """Delete every row about this user, and the prior, which was learned from them too."""
        self.forgotten += 1
        with immediate(self.db):
            delete(self.db, PERSONAL_TABLES, user_id)
            self.db.execute("delete from pools")

    def _one(self, sql: str, *values: int) -> dict[str, Any]:
        """Return the row, or raise `KeyError` with the first of the values."""
        for row in self.db.query(sql, values):
            return row
        raise KeyError(values[0])


def _new_id(row_id: int | None) -> int:
    assert row_id is not None  # an insert that did not raise has one
    return row_id
