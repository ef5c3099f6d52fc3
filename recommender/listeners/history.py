"""A listener's past moods and playlists, in chronological order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from recommender.listeners.saved import SavedPlaylist
from recommender.listeners.store import MusicStore
from recommender.mood.targets import EMOTIONS, meeting_point

SAME_MOOD = timedelta(hours=1)
"""Playlists for the same named mood within this time of each other count as one mood."""


@dataclass(frozen=True, slots=True)
class PastMood:
    """A listener's mood, from a reading with its correction, or chosen by name.

    Args:
        moment: When.
        mood: The share of each emotion; sums to about 1.
    """

    moment: datetime
    mood: Mapping[str, float]

    @property
    def point(self) -> tuple[float, float]:
        """Valence and energy, 0..1, where playlists for this mood start."""
        return meeting_point(self.mood)


def past_moods(store: MusicStore, user_id: int) -> list[PastMood]:
    """Return all moods of a listener, oldest first."""
    read = (PastMood(reading.created, reading.mood) for reading in store.readings(user_id))
    return sorted([*read, *_named(store, user_id)], key=lambda past: past.moment)


def last_playlists(store: MusicStore, user_id: int, limit: int) -> list[SavedPlaylist]:
    """Return a listener's newest playlists, the newest first."""
    rows = store.db.query(
        "select id from playlists where user_id = ? order by id desc limit ?", [user_id, limit]
    )
    return [store.playlist(row["id"], user_id) for row in rows]


def _named(store: MusicStore, user_id: int) -> Iterator[PastMood]:
    """Yield the moods that a listener chose by name, each once."""
    rows = store.db.query(
        "select emotion, created_utc from playlists"
        " where user_id = ? and reading_id is null order by id",
        [user_id],
    )
    last: tuple[str, datetime] | None = None
    for row in rows:
        emotion, moment = row["emotion"], datetime.fromisoformat(row["created_utc"])
        if last is None or last[0] != emotion or moment - last[1] > SAME_MOOD:
            yield PastMood(moment, {name: float(name == emotion) for name in EMOTIONS})
        last = emotion, moment
