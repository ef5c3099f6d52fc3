from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import BadPreference
from recommender.listeners.store import MusicStore
from recommender.mood.targets import MODES
from recommender.storage.database import open_database
from recommender.taste.preferences import SHORTEST, USUAL, Preferences

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANNA, BEN = 1, 2
SETTINGS = {
    "length": 35,
    "mode": "calm",
    "allows_explicit": False,
    "keeps_playlists": True,
    "first_year": 1960,
    "last_year": 1979,
    "banned_artists": ("Ada “the voice” Nord", "Zoë"),
    "banned_genres": ("edm",),
    "favourite_artists": ("Nina Simone",),
    "favourite_genres": ("jazz", "soul"),
}

names = st.lists(st.text(min_size=1).filter(str.strip), max_size=3).map(tuple)
changes = st.fixed_dictionaries(
    {},
    optional={
        "length": st.integers(SHORTEST, 50),
        "mode": st.sampled_from(MODES),
        "allows_explicit": st.booleans(),
        "keeps_playlists": st.booleans(),
        "first_year": st.none() | st.integers(1900, 1950),
        "last_year": st.none() | st.integers(1950, 2000),
        "banned_artists": names,
        "favourite_genres": names,
    },
)


@pytest.fixture
def store() -> MusicStore:
    return MusicStore(open_database(None))


def test_settings_come_back(store: MusicStore) -> None:
    assert store.preferences.load(ANNA) == USUAL
    assert store.preferences.change(ANNA, NOW, **SETTINGS) == Preferences(**SETTINGS)
    assert store.preferences.load(ANNA) == Preferences(**SETTINGS)
    assert store.preferences.load(BEN) == USUAL


@given(st.lists(changes, max_size=6))
def test_a_change_leaves_all_other_settings(each: list[dict[str, object]]) -> None:
    store = MusicStore(open_database(None))
    expected: dict[str, object] = {}
    for change in each:
        store.preferences.change(ANNA, NOW, **change)
        expected |= change
    assert store.preferences.load(ANNA) == Preferences(**expected)


def test_a_refused_change_leaves_everything(store: MusicStore) -> None:
    before = store.preferences.change(ANNA, NOW, **SETTINGS)
    with pytest.raises(BadPreference, match="5 to 50"):
        store.preferences.change(ANNA, NOW, mode="lift", length=4)
    with pytest.raises(BadPreference, match="earlier year"):
        store.preferences.change(ANNA, NOW, first_year=1980)
    assert store.preferences.load(ANNA) == before


def test_opening_again_finds_the_settings(store: MusicStore) -> None:
    before = store.preferences.change(ANNA, NOW, **SETTINGS)
    assert MusicStore(store.db).preferences.load(ANNA) == before


def test_forgetting_deletes_the_settings_of_that_user_alone(store: MusicStore) -> None:
    for user_id in (ANNA, BEN):
        store.preferences.change(user_id, NOW, **SETTINGS)
    store.forget(ANNA)
    assert store.preferences.load(ANNA) == USUAL
    assert [row["user_id"] for row in store.db.table("preferences").rows] == [BEN]
