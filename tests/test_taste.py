from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.taste import Opinion, Taste, TasteConfig, nearest_liked, taste_terms
from recommender.tracks import Track
from tests.songs import TRACK, opinion, random_tracks, table_of, track_id

TRACKS = random_tracks(60, artists=20)
TABLE = table_of(TRACKS)
ROWS = np.arange(len(TABLE))
CONFIG = TasteConfig()

votes = st.builds(
    opinion, st.sampled_from(TRACKS), st.sampled_from([-1.0, 1.0]), is_vote=st.booleans()
)
tastes = st.lists(votes, max_size=12, unique_by=lambda vote: vote.track_id)


def totals(opinions: list[Opinion]) -> np.ndarray:
    return taste_terms(TABLE, ROWS, Taste(tuple(opinions)), CONFIG).total


def test_nothing_is_known_of_a_listener_without_votes() -> None:
    terms = taste_terms(TABLE, ROWS, Taste(), CONFIG)
    assert not terms.total.any()
    assert nearest_liked(TRACK, Taste()) is None


@given(tastes, st.sampled_from(TRACKS))
def test_a_like_never_lowers_and_a_dislike_never_raises(
    opinions: list[Opinion], track: Track
) -> None:
    others = [each for each in opinions if each.track_id != track.id]
    without = totals(others)
    with_like = totals([*others, opinion(track, 1.0)])
    with_dislike = totals([*others, opinion(track, -1.0)])
    assert (with_like >= without - 1e-5).all()
    assert (with_dislike <= without + 1e-5).all()


@given(tastes)
def test_taste_is_bounded_and_needs_no_order(opinions: list[Opinion]) -> None:
    most = CONFIG.similarity_weight + CONFIG.artist_weight + CONFIG.genre_weight
    found = totals(opinions)
    assert (np.abs(found) < most).all()
    np.testing.assert_allclose(totals(opinions[::-1]), found, atol=1e-5)


def test_each_term_speaks_of_its_own_even_of_a_track_that_is_gone() -> None:
    same_artist = replace(TRACK, id=track_id(1), artist=f"{TRACK.artist}, Ada", genre="jazz")
    same_genre = replace(TRACK, id=track_id(2), artist="Somebody", genre="pop, soul")
    same_sound = replace(TRACK, id=track_id(3), artist="Else", genre="rock")
    far = {"valence": 0.0, "energy": 0.0, "loudness_db": -40.0, "tempo_bpm": 60.0}
    tracks = [replace(same_artist, **far), replace(same_genre, **far), same_sound]
    table = table_of(tracks)
    terms = taste_terms(table, np.arange(3), Taste((opinion(TRACK, 1.0),)), CONFIG)
    np.testing.assert_allclose(terms.artist, [CONFIG.artist_weight / 2, 0, 0])
    np.testing.assert_allclose(terms.genre, [0, CONFIG.genre_weight / 5, 0])
    np.testing.assert_allclose(terms.similarity, [0, 0, CONFIG.similarity_weight / 2], atol=1e-4)


def test_the_nearest_liked_track_is_one_that_was_voted_for() -> None:
    alike = replace(TRACK, valence=TRACK.valence + 0.01)
    voted = [opinion(TRACKS[n], 1.0) for n in range(5)]
    taste = Taste((opinion(alike, 1.0, is_vote=False), opinion(TRACK, -1.0), *voted))
    found = nearest_liked(TRACK, taste)
    assert found is not None
    nearest, nearness = found
    assert nearest in voted
    assert 0 < nearness < 1
    assert nearest_liked(TRACKS[3], taste) == (voted[3], pytest.approx(1))


def test_only_votes_against_a_track_itself_ban_it() -> None:
    against, rated_low = opinion(TRACKS[0], -1.0), opinion(TRACKS[1], -1.0, is_vote=False)
    taste = Taste((against, rated_low, opinion(TRACKS[2], 1.0)))
    assert taste.disliked == (against,)


def test_a_rating_counts_less_than_a_vote() -> None:
    voted = totals([opinion(TRACKS[0], 1.0)])
    rated = totals([opinion(TRACKS[0], 1.0, is_vote=False)])
    assert 0 < rated.sum() < voted.sum() / 2
