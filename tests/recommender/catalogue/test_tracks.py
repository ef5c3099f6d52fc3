import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.tracks import FEATURES, artist_key, main_genre, song_key
from tests.support.songs import TRACK


def test_uri_and_url_name_the_track() -> None:
    assert TRACK.uri == f"spotify:track:{TRACK.id}"
    assert TRACK.url == f"https://open.spotify.com/track/{TRACK.id}"


def test_features_come_in_their_order() -> None:
    by_name = {name: getattr(TRACK, name) for name in FEATURES}
    assert TRACK.features == tuple(by_name.values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "beyonce"),
        ("The Tigers", "Tigers"),
        ("Tigers, Nina", "Tigers"),
        ("AC/DC", "AC DC"),
    ],
)
def test_spellings_of_one_artist_are_one(one: str, other: str) -> None:
    assert artist_key(one) == artist_key(other)


@pytest.mark.parametrize(("one", "other"), [("!!!", "???"), ("The The", "Nina"), ("あ", "い")])
def test_artists_of_odd_characters_stay_apart(one: str, other: str) -> None:
    assert artist_key(one) != artist_key(other)


@pytest.mark.parametrize(
    "version",
    [
        "Paper Lanterns - 2016 Remaster",
        "Paper Lanterns (feat. Somebody)",
        "paper lanterns [Radio Edit] - Live",
        "Paper Lanterns (Live at the",
    ],
)
def test_versions_of_a_song_are_one(version: str) -> None:
    assert song_key(version, "Nina") == song_key("Paper Lanterns", "nina")


def test_other_songs_and_other_artists_are_not() -> None:
    key = song_key("Paper Lanterns", "Nina")
    assert key != song_key("Paper Boats", "Nina")
    assert key != song_key("Paper Lanterns", "Ada")
    assert song_key("(Interlude)", "Nina") != song_key("(Outro)", "Nina")


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_fit_what_sqlite_stores(name: str, artist: str) -> None:
    for key in (song_key(name, artist), artist_key(artist)):
        assert -(2**63) <= key < 2**63


def test_the_main_genre_is_the_first() -> None:
    assert main_genre("r&b, pop") == "r&b"
    assert main_genre("") == ""
