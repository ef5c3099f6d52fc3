from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.tracks import FEATURES, Track
from recommender.mood.targets import EMOTIONS, MODES, plan
from recommender.ranking.reasons import MAX_CHARS, Grounds, reason
from tests.support.songs import TRACK

TARGET = plan({"sad": 1.0}, "calm", 2)[-1]
GROUNDS = Grounds(
    track=replace(TRACK, acousticness=0.1, tempo_bpm=110, mode=1),
    ranks=(0.2, 0.2, 0.5, 0.3, 0.5, 0.7, 0.3),
    target=TARGET,
    distance=0.2,
    popularity=0.5,
    sound={},
    artist=0.0,
    genre=0.0,
    liked_title=None,
    nearness=0.0,
    way=(0.0, 0.0),
    step=None,
    position=0,
)

rank = st.floats(0, 1)
term = st.floats(-1, 1)
tracks = st.builds(
    Track,
    id=st.just(TRACK.id),
    name=st.text(min_size=1),
    artist=st.text(min_size=1),
    album=st.just(""),
    genre=st.text(),
    duration_ms=st.just(200_000),
    explicit=st.booleans(),
    valence=rank,
    energy=rank,
    tempo_bpm=st.floats(40, 220),
    acousticness=rank,
    danceability=rank,
    mode=st.integers(0, 1),
    loudness_db=st.floats(-40, 0),
)
targets = st.builds(
    lambda emotion, mode: plan({emotion: 1.0}, mode, 1)[0],
    st.sampled_from(EMOTIONS),
    st.sampled_from(MODES),
)
all_grounds = st.builds(
    Grounds,
    track=tracks,
    ranks=st.tuples(*[rank] * 7),
    target=targets,
    distance=st.floats(0, 10),
    popularity=rank,
    sound=st.dictionaries(st.sampled_from(FEATURES), term),
    artist=term,
    genre=term,
    liked_title=st.none() | st.text(min_size=1),
    nearness=rank,
    way=st.tuples(term, term),
    step=st.none() | st.tuples(term, term),
    position=st.integers(0, 100),
    is_by_favourite=st.booleans(),
    is_of_favourite_genre=st.booleans(),
)


@given(all_grounds)
def test_a_reason_is_short_and_says_nothing_that_is_not_so(grounds: Grounds) -> None:
    said = reason(grounds)
    assert 0 < len(said) <= MAX_CHARS
    valence, energy = grounds.ranks[:2]
    track, step = grounds.track, grounds.step or (0.0, 0.0)
    rank_of = dict(zip(FEATURES, grounds.ranks, strict=True))
    implications = {
        "bright and": valence > 0.6,
        "dark and": valence < 0.4 and energy > 0.6,
        "sad": valence < 0.4 or "neither sad" in said,
        "calm and": energy < 0.4,
        "mostly acoustic": track.acousticness >= 0.6,
        "minor key": track.mode == 0,
        "major key": track.mode == 1,
        "slow at": track.tempo_bpm <= 90,
        "fast at": track.tempo_bpm >= 130,
        "widely known": grounds.popularity >= 0.9,
        "brighter than": step[0] > 0,
        "calmer than": step[1] < 0,
        "livelier than the last": step[1] > 0,
        "which you liked": sum(grounds.sound.values()) > 0 and grounds.liked_title is not None,
        "and you liked": grounds.artist > 0,
        "as you like it": max(grounds.sound.values(), default=0) > 0,
        "acoustic, as you": rank_of["acousticness"] > 0.6,
        "at a slow tempo, as you": rank_of["tempo_bpm"] < 0.4,
        "and you like ": grounds.genre > 0,
        "by one of your favourites": grounds.is_by_favourite,
        "is one of your favourites": grounds.is_of_favourite_genre,
        "as you asked": grounds.distance is not None
        and (
            abs(energy - grounds.target.energy) < 0.05
            or abs(valence - grounds.target.valence) < 0.05
        ),
    }
    typed_by_others = "".join([track.name, track.artist, track.genre, grounds.liked_title or ""])
    for words, is_so in implications.items():
        if words not in typed_by_others:
            assert is_so or words not in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "quiet and sad, as calm as you asked"),
        ({"artist": 0.4}, "quiet and sad, and you liked Zora Valcourt"),
        (
            {"sound": {"tempo_bpm": 0.5}, "nearness": 0.9, "liked_title": "Tin Motel (Live)"},
            "quiet and sad, like “Tin Motel”, which you liked",
        ),
        ({"genre": 0.2}, "quiet and sad, and you like pop"),
        ({"is_by_favourite": True, "artist": 0.3}, "quiet and sad, by one of your favourites"),
        ({"is_by_favourite": True, "artist": 0.5}, "quiet and sad, and you liked Zora Valcourt"),
        ({"is_of_favourite_genre": True}, "quiet and sad, pop is one of your favourites"),
        ({"sound": {"loudness_db": 0.3}}, "quiet and sad, soft, as you like it"),
        ({"sound": {"mode": 0.1, "energy": 0.05}}, "quiet and sad, as calm as you asked"),
        ({"track": replace(TRACK, acousticness=0.9)}, "quiet and sad, mostly acoustic"),
        ({"popularity": 0.95}, "quiet and sad, widely known"),
        (
            {"way": (0.3, -0.4), "step": (0.05, 0.0), "position": 3},
            "quiet and sad, brighter than the one before",
        ),
        (
            {"distance": 4.0, "ranks": (0.9, 0.9, 0.5, 0.3, 0.5, 0.7, 0.9)},
            "the nearest to this mood that was left",
        ),
    ],
)
def test_what_moved_the_score_is_said(changes: dict[str, object], said: str) -> None:
    grounds = replace(GROUNDS, **changes)
    assert reason(grounds) == said


def test_the_strongest_opinion_is_named() -> None:
    sound = {"tempo_bpm": 0.6}
    grounds = replace(GROUNDS, artist=0.3, sound=sound, nearness=0.9, liked_title="Tin Motel")
    assert "Tin Motel" in reason(grounds)
    assert "Zora" in reason(replace(grounds, artist=0.7))


def test_what_was_just_said_of_the_listener_is_not_said_again() -> None:
    grounds = replace(GROUNDS, artist=0.3, genre=0.2)
    first = reason(grounds)
    second = reason(replace(grounds, said=(first,)))
    third = reason(replace(grounds, said=(first, second)))
    assert "Zora" in first
    assert "pop" in second
    assert third == reason(GROUNDS)


def test_wordings_take_turns() -> None:
    assert len({reason(replace(GROUNDS, position=position)) for position in range(3)}) == 3
