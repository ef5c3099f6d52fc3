from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.tracks import artist_key, genre_key
from recommender.taste.taste import Fit, Opinion, Taste, nearest_liked
from recommender.taste.traits import FEATURE_CENTRES, FEATURE_SCALES, SOUND, TRAITS
from tests.support.songs import TRACK, opinion, random_tracks

TRACKS = random_tracks(60, artists=20)


def test_nothing_is_known_of_a_listener_without_votes() -> None:
    assert len(Taste().votes()) == 0
    assert nearest_liked([TRACK, TRACK], Taste()) == [None, None]
    assert nearest_liked([], Taste((opinion(TRACK, 1.0),))) == []


def test_votes_hold_what_was_shown_and_where() -> None:
    place = Fit(valence=0.9, energy=0.7, distance=1.5, misfit=0.2, popularity=0.8)
    rated = replace(opinion(TRACK, 0.5, is_vote=False), place=place)
    votes = Taste((rated, opinion(TRACKS[1], -1.0))).votes()
    by_name = dict(zip(TRAITS, votes.traits[0], strict=True))
    assert by_name["here"] == 1
    assert by_name["valence_wanted"] == pytest.approx(0.4)
    assert by_name["fit"] == -1.5
    assert by_name["support"] == -0.2
    assert by_name["popularity"] == pytest.approx(0.3)
    tempo = (TRACK.tempo_bpm - 120) / 30
    assert by_name["tempo_bpm"] == pytest.approx(tempo, rel=1e-5)
    assert by_name["tempo_bpm²"] == pytest.approx(tempo**2 - 1, rel=1e-5)
    assert votes.likes.tolist() == [0.75, 0]
    assert votes.weights.tolist() == [0.2, 1]
    assert votes.artists[0] == artist_key(TRACK.artist)
    assert votes.genres.tolist() == [genre_key("pop"), genre_key(TRACKS[1].genre)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=9, max_size=9))
def test_no_sound_is_endlessly_far_off(features: list[float]) -> None:
    sounds = Taste((replace(opinion(TRACK, 1.0), features=tuple(features)),)).votes().traits
    assert np.abs(sounds[:, SOUND]).max() <= 8


def test_a_sound_in_the_middle_of_music_says_nothing() -> None:
    middle = tuple(float(value) for value in FEATURE_CENTRES)
    traits = Taste((replace(opinion(TRACK, 1.0), features=middle),)).votes().traits[0]
    linear = [traits[TRAITS.index(name)] for name in ("valence", "tempo_bpm", "mode")]
    assert linear == pytest.approx([0, 0, 0], abs=1e-6)
    assert (FEATURE_SCALES > 0).all()


def test_the_nearest_liked_track_is_one_that_was_voted_for() -> None:
    alike = replace(TRACK, valence=TRACK.valence + 0.01)
    voted = [opinion(TRACKS[n], 1.0) for n in range(5)]
    taste = Taste((opinion(alike, 1.0, is_vote=False), opinion(TRACK, -1.0), *voted))
    nearest, same = nearest_liked([TRACK, TRACKS[3]], taste)
    assert nearest is not None
    assert nearest[0] in voted
    assert 0 < nearest[1] < 1
    assert same == (voted[3], pytest.approx(1))


def test_only_votes_against_a_track_itself_ban_it() -> None:
    against, rated_low = opinion(TRACKS[0], -1.0), opinion(TRACKS[1], -1.0, is_vote=False)
    taste = Taste((against, rated_low, opinion(TRACKS[2], 1.0)))
    assert taste.disliked == (against,)


def test_votes_of_the_same_artist_in_any_spelling_count_together() -> None:
    spellings: list[Opinion] = [
        opinion(replace(TRACK, artist=artist), 1.0) for artist in ("The Tigers", "TIGERS, Nina")
    ]
    assert len(set(Taste(tuple(spellings)).votes().artists)) == 1
