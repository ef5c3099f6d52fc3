from datetime import UTC, datetime

import pytest

from recommender.listeners.shift_store import NEWEST
from recommender.listeners.store import MusicStore
from recommender.mood.targets import EMOTIONS
from recommender.storage.database import open_database

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANNA, BEN = 1, 2
NEUTRAL = {emotion: 0.4 if emotion == "neutral" else 0.1 for emotion in EMOTIONS}


@pytest.fixture
def store() -> MusicStore:
    return MusicStore(open_database(None))


def answer(store: MusicStore, emotion: str, times: int = 1, user_id: int = ANNA) -> int:
    """Let a user be read as neutral as often, each time saying another emotion."""
    for _ in range(times):
        reading_id = store.add_reading(user_id, NEUTRAL, "haar", NOW)
        store.correct_reading(reading_id, user_id, emotion)
    return reading_id


def newest(store: MusicStore, user_id: int = ANNA) -> dict[str, float]:
    """Return how a new photo of the user would be read."""
    return store.reading(store.add_reading(user_id, NEUTRAL, "haar", NOW), user_id).weighed


def test_only_the_users_own_answers_shift(store: MusicStore) -> None:
    answer(store, "sad", 3)
    assert newest(store)["sad"] > NEUTRAL["sad"]
    assert newest(store, BEN) == NEUTRAL


def test_an_unanswered_reading_teaches_nothing(store: MusicStore) -> None:
    for _ in range(3):
        assert newest(store) == NEUTRAL
    assert store.shifts.answers(ANNA) == 0


def test_the_network_is_kept_as_it_read_and_the_shift_as_it_was(store: MusicStore) -> None:
    answer(store, "sad", 3)
    told = store.reading(store.add_reading(ANNA, NEUTRAL, "haar", NOW), ANNA)
    answer(store, "happy", 3)
    store.shifts.reset(ANNA)
    assert store.reading(told.id, ANNA) == told
    assert (told.probabilities, told.answers) == (NEUTRAL, 3)
    assert told.mood == told.weighed != NEUTRAL


def test_a_changed_answer_counts_as_it_is_now(store: MusicStore) -> None:
    reading_id = answer(store, "sad")
    store.correct_reading(reading_id, ANNA, "happy")
    read = newest(store)
    assert read["happy"] > 1.01 * NEUTRAL["happy"]
    assert read["sad"] < read["happy"]
    assert store.shifts.answers(ANNA) == 1


def test_the_newest_answers_count(store: MusicStore) -> None:
    answer(store, "happy", 5)
    answer(store, "sad", NEWEST)
    with_older = newest(store)
    answer(store, "sad", NEWEST, BEN)
    assert with_older == newest(store, BEN)
    assert store.shifts.answers(ANNA) == NEWEST


def test_a_reset_is_counted_once(store: MusicStore) -> None:
    answer(store, "sad", 3)
    assert store.shifts.reset(ANNA) == 3
    assert store.shifts.reset(ANNA) == 0
    assert newest(store) == NEUTRAL
    answer(store, "sad")
    assert store.shifts.reset(ANNA) == 1


def test_the_reading_under_a_reset_may_still_be_answered(store: MusicStore) -> None:
    answer(store, "sad")
    shown = store.add_reading(ANNA, NEUTRAL, "haar", NOW)
    store.shifts.reset(ANNA)
    store.correct_reading(shown, ANNA, "sad")
    assert store.shifts.answers(ANNA) == 1


def test_forgetting_leaves_nothing_of_one_user_and_all_of_the_other(store: MusicStore) -> None:
    for user_id in (ANNA, BEN):
        answer(store, "sad", 2, user_id)
        store.shifts.reset(user_id)
    store.forget(ANNA)
    assert [row["user_id"] for row in store.db.table("shift_resets").rows] == [BEN]
    (left,) = store.db.table("mood_shifts").rows
    assert store.reading(left["reading_id"], BEN).answers == 1


def test_a_database_from_before_shifts_is_read_as_it_was(store: MusicStore) -> None:
    reading_id = store.add_reading(ANNA, NEUTRAL, "haar", NOW)
    for table in ("mood_shifts", "shift_resets"):
        store.db.table(table).drop()
    store.db.execute("delete from _sqlite_migrations where migration_set = 'shifts'")
    reading = MusicStore(store.db).reading(reading_id, ANNA)
    assert (reading.weighed, reading.answers) == (NEUTRAL, 0)
