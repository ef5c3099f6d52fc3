from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.tracks import FEATURES, Track
from recommender.ranking.reasons import MAX_CHARS, Grounds, reason
from tests.support.songs import TRACK

QUIET = replace(TRACK, valence=0.3, energy=0.3, acousticness=0.1, tempo_bpm=110, danceability=0.5)
GROUNDS = Grounds(
    track=QUIET,
    is_far=False,
    sound={},
    artist=0.0,
    genre=0.0,
    liked_title=None,
    nearness=0.0,
)

share = st.floats(0, 1)
term = st.floats(-1, 1)
tracks = st.builds(
    Track,
    id=st.just(TRACK.id),
    name=st.text(min_size=1),
    artist=st.text(min_size=1),
    album=st.just(""),
    genre=st.sampled_from(["", "pop", "punk"]),
    duration_ms=st.just(200_000),
    explicit=st.booleans(),
    valence=share,
    energy=share,
    tempo_bpm=st.floats(40, 220),
    acousticness=share,
    danceability=share,
    mode=st.integers(0, 1),
    loudness_db=st.floats(-40, 0),
    instrumentalness=share,
    speechiness=share,
)
all_grounds = st.builds(
    Grounds,
    track=tracks,
    is_far=st.booleans(),
    sound=st.dictionaries(st.sampled_from(FEATURES), term),
    artist=term,
    genre=term,
    liked_title=st.none() | st.text(min_size=1),
    nearness=share,
    is_by_favourite=st.booleans(),
    favourite_genre=st.none() | st.text(min_size=1),
)


@given(all_grounds)
def test_a_reason_is_short_and_true(grounds: Grounds) -> None:
    said = reason(grounds)
    track = grounds.track
    assert 0 < len(said) <= MAX_CHARS
    implications = {
        "quiet": track.energy < 0.4,
        "very quiet": track.energy < 0.2,
        "lively": track.energy >= 0.6,
        "intense": track.energy >= 0.8,
        "dark": track.valence < 0.2,
        "wistful": track.valence < 0.4 and track.energy < 0.6,
        "brooding": track.valence < 0.4 and track.energy >= 0.6,
        "bright": track.valence >= 0.6,
        "cheerful": track.valence >= 0.8,
        "acoustic": track.acousticness >= 0.6,
        "instrumental": track.instrumentalness >= 0.5,
        "danceable": track.danceability >= 0.75,
        "spoken": track.speechiness >= 0.33,
        "minor key": track.mode == 0,
        "major key": track.mode == 1,
        "slow": track.tempo_bpm <= 85 and track.energy < 0.6,
        "fast": track.tempo_bpm >= 140 and track.energy >= 0.6,
        "that was left": grounds.is_far,
        "which you liked": sum(grounds.sound.values()) > 0 and grounds.liked_title is not None,
        "you liked": grounds.artist > 0 or sum(grounds.sound.values()) > 0,
        "as you like it": max(grounds.sound.values(), default=0) > 0,
        "you like p": grounds.genre > 0,
        "by one of your favourites": grounds.is_by_favourite,
        "is one of your favourites": grounds.favourite_genre is not None,
    }
    others = [track.name, track.artist, track.genre, grounds.liked_title, grounds.favourite_genre]
    typed_by_others = "".join(each or "" for each in others)
    for words, is_so in implications.items():
        if words not in typed_by_others:
            assert is_so or words not in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "quiet and wistful, 110 BPM"),
        ({"artist": 0.4}, "you liked Zora Valcourt, quiet and wistful, 110 BPM"),
        (
            {"sound": {"tempo_bpm": 0.5}, "nearness": 0.9, "liked_title": "Tin Motel (Live)"},
            "like “Tin Motel”, which you liked, quiet and wistful, 110 BPM",
        ),
        ({"genre": 0.2}, "you like pop, quiet and wistful, 110 BPM"),
        (
            {"is_by_favourite": True, "artist": 0.3},
            "by one of your favourites, quiet and wistful, 110 BPM",
        ),
        (
            {"favourite_genre": "edm"},
            "edm is one of your favourites, quiet and wistful, 110 BPM",
        ),
        (
            {"track": replace(QUIET, loudness_db=-14.0), "sound": {"loudness_db": 0.3}},
            "soft, as you like it, quiet and wistful, 110 BPM",
        ),
        ({"sound": {"tempo_bpm": 0.3}}, "quiet and wistful, 110 BPM"),
        (
            {"track": replace(QUIET, acousticness=0.9, tempo_bpm=72.4)},
            "quiet and wistful, acoustic, slow at 72 BPM",
        ),
        (
            {"track": replace(QUIET, energy=0.9, valence=0.5, tempo_bpm=150)},
            "intense, fast at 150 BPM",
        ),
        ({"is_far": True}, "the nearest to this mood that was left, 110 BPM"),
    ],
)
def test_what_moved_the_score_comes_first(changes: dict[str, object], said: str) -> None:
    assert reason(replace(GROUNDS, **changes)) == said


def test_the_strongest_opinion_is_named() -> None:
    sound = {"tempo_bpm": 0.6}
    grounds = replace(GROUNDS, artist=0.3, sound=sound, nearness=0.9, liked_title="Tin Motel")
    assert "Tin Motel" in reason(grounds)
    assert "Zora" in reason(replace(grounds, artist=0.7))


def test_an_opinion_is_not_repeated_at_once() -> None:
    grounds = replace(GROUNDS, artist=0.3, genre=0.2)
    first = reason(grounds)
    second = reason(replace(grounds, said=(first,)))
    third = reason(replace(grounds, said=(first, second)))
    assert "Zora" in first
    assert "pop" in second
    assert third == reason(GROUNDS)
