from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.listeners.store import REPEAT_WINDOW, MusicStore
from recommender.mood.targets import EMOTIONS, MODES
from recommender.recommend import Recommendation, recommend
from recommender.storage.database import open_database
from recommender.taste.pool import USUAL_LISTENER, pool
from recommender.taste.posterior import Prior, infer
from recommender.taste.taste import Taste
from tests.support.songs import opinion, random_tracks, table_of

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANNA, BEN = 1, 2
SAD = {emotion: 0.7 if emotion == "sad" else 0.05 for emotion in EMOTIONS}
TABLE = table_of(random_tracks(80))


@pytest.fixture
def store() -> MusicStore:
    return MusicStore(open_database(None))


def playlist(seed: int = 0, length: int = 5) -> Recommendation:
    return recommend(
        TABLE,
        probabilities=SAD,
        mode="lift",
        length=length,
        taste=Taste(),
        recent=(),
        rng=np.random.default_rng(seed),
    )


def add(store: MusicStore, user_id: int = ANNA, seed: int = 0, now: datetime = NOW) -> int:
    return store.add_playlist(user_id, playlist(seed), "lift", None, "sad", now)


# -- readings --


def test_a_reading_comes_back(store: MusicStore) -> None:
    reading_id = store.add_reading(ANNA, SAD, "haar", NOW)
    reading = store.reading(reading_id, ANNA)
    assert (reading.probabilities, reading.eyes_found) == (SAD, "haar")
    assert (reading.emotion, reading.mood, reading.corrected) == ("sad", SAD, None)
    assert reading.created == NOW
    assert store.last_reading(ANNA) == reading
    assert store.last_reading(BEN) is None


def test_a_correction_moves_the_mood(store: MusicStore) -> None:
    reading_id = store.add_reading(ANNA, SAD, "haar", NOW)
    store.correct_reading(reading_id, ANNA, "happy")
    reading = store.reading(reading_id, ANNA)
    assert reading.emotion == "happy"
    assert reading.probabilities == SAD
    assert sum(reading.mood.values()) == pytest.approx(sum(SAD.values()))
    assert reading.mood["happy"] > 0.8 > reading.mood["sad"] > reading.mood["fear"]
    with pytest.raises(ValueError, match="glad"):
        store.correct_reading(reading_id, ANNA, "glad")


# -- playlists --


def test_a_playlist_comes_back_as_shown(store: MusicStore) -> None:
    reading_id = store.add_reading(ANNA, SAD, "haar", NOW)
    recommendation = playlist()
    playlist_id = store.add_playlist(ANNA, recommendation, "lift", reading_id, "sad", NOW)
    saved = store.playlist(playlist_id, ANNA)
    assert (saved.id, saved.user_id, saved.reading_id) == (playlist_id, ANNA, reading_id)
    assert (saved.emotion, saved.mode, saved.created) == ("sad", "lift", NOW)
    assert saved.stars is None
    for position, (shown, pick) in enumerate(zip(saved.tracks, recommendation.picks, strict=True)):
        assert shown.position == position
        assert (shown.track_id, shown.title, shown.artist) == (
            pick.track.id,
            pick.track.name,
            pick.track.artist,
        )
        assert (shown.url, shown.reason, shown.vote) == (pick.track.url, pick.reason, None)
    assert store.last_playlist(ANNA) == saved
    assert store.last_playlist(BEN) is None


def test_all_that_a_later_method_needs_is_logged(store: MusicStore) -> None:
    recommendation = playlist()
    store.add_playlist(ANNA, recommendation, "lift", None, "sad", NOW)
    rows = list(store.db.query("select * from shown order by position"))
    assert [row["score"] for row in rows] == [pick.score for pick in recommendation.picks]
    assert [row["propensity"] for row in rows] == [
        pick.propensity for pick in recommendation.picks
    ]
    assert {row["policy"] for row in rows} == {recommendation.policy}
    assert '"acousticness"' in rows[0]["features"]
    assert '"valence"' in rows[0]["target"]


def test_tracks_are_recent_within_the_window(store: MusicStore) -> None:
    add(store, seed=1, now=NOW - REPEAT_WINDOW - timedelta(seconds=1))
    newer = add(store, seed=2, now=NOW - REPEAT_WINDOW + timedelta(seconds=1))
    add(store, BEN, seed=3)
    expected = {track.track_id for track in store.playlist(newer, ANNA).tracks}
    assert store.recent(ANNA, NOW) == expected


def test_tracks_stay_recent_after_a_clock_is_set_back(store: MusicStore) -> None:
    newest = add(store, now=NOW + timedelta(hours=3))
    expected = {track.track_id for track in store.playlist(newest, ANNA).tracks}
    assert store.recent(ANNA, NOW) == expected


def test_tracks_stored_by_a_clock_far_ahead_are_not_recent(store: MusicStore) -> None:
    add(store, now=NOW + REPEAT_WINDOW + timedelta(seconds=1))
    assert not store.recent(ANNA, NOW)


# -- feedback --


def test_votes_stand_on_what_was_shown(store: MusicStore) -> None:
    playlist_id = add(store)
    store.vote(ANNA, playlist_id, 1, True, NOW)
    store.vote(ANNA, playlist_id, 2, False, NOW)
    votes = [track.vote for track in store.playlist(playlist_id, ANNA).tracks]
    assert votes == [None, True, False, None, None]
    store.vote(ANNA, playlist_id, 1, None, NOW)
    assert store.playlist(playlist_id, ANNA).tracks[1].vote is None


def test_the_same_vote_again_changes_nothing(store: MusicStore) -> None:
    playlist_id = add(store)
    store.vote(ANNA, playlist_id, 0, True, NOW)
    before = list(store.db.query("select * from shown"))
    store.vote(ANNA, playlist_id, 0, True, NOW + timedelta(days=1))
    assert list(store.db.query("select * from shown")) == before


def test_taste_holds_each_vote_with_its_features(store: MusicStore) -> None:
    playlist_id = add(store)
    store.vote(ANNA, playlist_id, 0, True, NOW)
    store.vote(ANNA, playlist_id, 3, False, NOW)
    picks = playlist().picks
    liked, disliked = store.taste(ANNA).opinions
    assert (liked.track_id, liked.liking, liked.is_vote) == (picks[0].track.id, 1.0, True)
    assert (liked.artist, liked.features) == (picks[0].track.artist, picks[0].track.features)
    assert store.taste(ANNA).disliked == (disliked,)
    assert store.taste(BEN) == Taste()


def test_each_time_that_a_track_was_shown_counts_and_the_newest_vote_bans_it(
    store: MusicStore,
) -> None:
    first, second = add(store), add(store)
    store.vote(ANNA, second, 0, False, NOW)
    (against,) = store.taste(ANNA).disliked
    store.vote(ANNA, first, 0, True, NOW + timedelta(minutes=1))
    taste = store.taste(ANNA)
    assert [opinion.liking for opinion in taste.opinions] == [-1.0, 1.0]
    assert taste.opinions[0] == against
    assert (taste.liked, taste.disliked) == (taste.opinions[1:], ())
    store.vote(ANNA, first, 0, None, NOW + timedelta(minutes=2))
    assert store.taste(ANNA) == Taste((against,))


FEW = table_of(random_tracks(3))
MOODS = st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(MODES))


@given(
    st.lists(
        st.tuples(MOODS, st.lists(st.sampled_from([True, False, None]), min_size=3)), max_size=4
    ),
    MOODS,
    st.sampled_from([None, 1, 2, 3, 4, 5]),
)
def test_a_like_never_lowers_what_is_thought_of_its_track_there_and_a_dislike_never_raises_it(
    earlier: list[tuple[tuple[str, str], list[bool | None]]],
    mood: tuple[str, str],
    stars: int | None,
) -> None:
    """Even where the same track was liked or disliked in other moods before."""
    store = MusicStore(open_database(None))

    def show(emotion: str, mode: str) -> tuple[int, Recommendation]:
        found = recommend(
            FEW,
            probabilities={emotion: 1.0},
            mode=mode,
            length=3,
            taste=Taste(),
            recent=(),
            rng=np.random.default_rng(0),
        )
        return store.add_playlist(ANNA, found, mode, None, emotion, NOW), found

    for (emotion, mode), votes in earlier:
        playlist_id, _ = show(emotion, mode)
        for position in range(3):
            store.vote(ANNA, playlist_id, position, votes[position], NOW)
    playlist_id, found = show(*mood)
    if stars:
        store.rate(ANNA, playlist_id, stars, NOW)
    asked = Taste((replace(opinion(found.picks[0].track, 1.0), place=found.picks[0].place),))

    def log_odds(liked: bool | None) -> float:
        store.vote(ANNA, playlist_id, 0, liked, NOW)
        posterior = infer(store.taste(ANNA).votes(), USUAL_LISTENER)
        return float(posterior.log_odds(asked.votes())[0])

    before = log_odds(None)
    assert log_odds(True) > before
    assert log_odds(False) < before
    assert log_odds(None) == before


def test_stars_count_for_the_tracks_without_a_vote(store: MusicStore) -> None:
    playlist_id = add(store)
    store.rate(ANNA, playlist_id, 2, NOW)
    store.vote(ANNA, playlist_id, 0, True, NOW - timedelta(days=1))
    opinions = {opinion.track_id: opinion for opinion in store.taste(ANNA).opinions}
    tracks = store.playlist(playlist_id, ANNA).tracks
    assert store.playlist(playlist_id, ANNA).stars == 2
    assert opinions[tracks[0].track_id].liking == 1.0
    rest = [opinions[track.track_id] for track in tracks[1:]]
    assert [(each.liking, each.is_vote) for each in rest] == [(-0.5, False)] * 4
    assert not store.taste(ANNA).disliked


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_there_are_one_to_five_stars(store: MusicStore, stars: int) -> None:
    playlist_id = add(store)
    with pytest.raises(ValueError, match="1 to 5"):
        store.rate(ANNA, playlist_id, stars, NOW)


def test_a_dislike_keeps_the_track_away(store: MusicStore) -> None:
    playlist_id = add(store)
    store.vote(ANNA, playlist_id, 0, False, NOW)
    away = store.playlist(playlist_id, ANNA).tracks[0].track_id
    for seed in range(5):
        picks = recommend(
            TABLE,
            probabilities=SAD,
            mode="lift",
            length=60,
            taste=store.taste(ANNA),
            recent=(),
            rng=np.random.default_rng(seed),
        ).picks
        assert away not in {pick.track.id for pick in picks}


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 4), st.sampled_from([True, False, None])),
        max_size=20,
    )
)
def test_what_is_shown_is_the_last_vote_of_each_place(
    votes: list[tuple[int, int, bool | None]],
) -> None:
    store = MusicStore(open_database(None))
    ids = [add(store, seed=seed) for seed in (1, 2)]
    last: dict[tuple[int, int], bool | None] = {}
    for which, position, liked in votes:
        store.vote(ANNA, ids[which], position, liked, NOW)
        last[which, position] = liked
    for which, playlist_id in enumerate(ids):
        for track in store.playlist(playlist_id, ANNA).tracks:
            assert track.vote == last.get((which, track.position))


# -- other people's --


def test_what_is_not_theirs_is_not_there(store: MusicStore) -> None:
    reading_id, playlist_id = store.add_reading(ANNA, SAD, "haar", NOW), add(store)
    for user_id, reading, saved, position in (
        (BEN, reading_id, playlist_id, 0),
        (ANNA, reading_id + 1, playlist_id + 1, 0),
    ):
        with pytest.raises(KeyError):
            store.reading(reading, user_id)
        with pytest.raises(KeyError):
            store.correct_reading(reading, user_id, "sad")
        with pytest.raises(KeyError):
            store.playlist(saved, user_id)
        with pytest.raises(KeyError):
            store.vote(user_id, saved, position, True, NOW)
        with pytest.raises(KeyError):
            store.rate(user_id, saved, 3, NOW)
        with pytest.raises(KeyError):
            store.add_playlist(user_id, playlist(), "lift", reading, "sad", NOW)
    with pytest.raises(KeyError):
        store.vote(ANNA, playlist_id, 5, True, NOW)
    assert len(list(store.db.query("select * from playlists"))) == 1


def test_forgetting_leaves_no_row_of_the_user_and_all_of_the_others(store: MusicStore) -> None:
    for user_id in (ANNA, BEN):
        reading_id = store.add_reading(user_id, SAD, "haar", NOW)
        playlist_id = store.add_playlist(user_id, playlist(), "lift", reading_id, "sad", NOW)
        store.vote(user_id, playlist_id, 0, True, NOW)
    store.forget(ANNA)
    for table in ("readings", "playlists"):
        assert [row["user_id"] for row in store.db.table(table).rows] == [BEN]
    assert {row["playlist_id"] for row in store.db.table("shown").rows} == {playlist_id}
    assert store.taste(ANNA) == Taste()
    assert len(store.taste(BEN).opinions) == 1


def test_an_id_is_never_used_again(store: MusicStore) -> None:
    first = add(store)
    store.forget(ANNA)
    assert add(store) > first


def test_opening_again_finds_everything(store: MusicStore) -> None:
    playlist_id = add(store)
    assert MusicStore(store.db).playlist(playlist_id, ANNA).tracks


# -- what listeners have in common --


def test_a_vote_is_learned_with_the_place_that_it_was_given_at(store: MusicStore) -> None:
    recommendation = playlist()
    playlist_id = store.add_playlist(ANNA, recommendation, "lift", None, "sad", NOW)
    store.vote(ANNA, playlist_id, 2, True, NOW)
    (opinion,) = store.taste(ANNA).opinions
    assert opinion.place == recommendation.picks[2].place
    assert opinion.place.distance > 0


@pytest.mark.parametrize(("said", "weight"), [("happy", 0.5), ("sad", 1.0)])
def test_a_vote_on_a_playlist_for_the_wrong_mood_counts_half(
    store: MusicStore, said: str, weight: float
) -> None:
    reading_id = store.add_reading(ANNA, SAD, "haar", NOW)
    playlist_id = store.add_playlist(ANNA, playlist(), "lift", reading_id, "sad", NOW)
    store.vote(ANNA, playlist_id, 0, False, NOW)
    store.correct_reading(reading_id, ANNA, said)
    taste = store.taste(ANNA)
    assert [opinion.weight for opinion in taste.opinions] == [weight]
    assert len(taste.disliked) == 1


def learn(store: MusicStore) -> Prior:
    learned = pool([taste.votes() for taste in store.tastes()])
    assert store.keep_prior(learned, NOW, store.forgotten)
    return learned


def test_what_listeners_share_is_kept_until_it_is_learned_anew(store: MusicStore) -> None:
    assert store.prior() is USUAL_LISTENER
    for user_id in (ANNA, BEN):
        playlist_id = add(store, user_id, seed=user_id)
        for position in range(5):
            store.vote(user_id, playlist_id, position, position < 4, NOW)
    learned = learn(store)
    kept = store.prior()
    np.testing.assert_allclose(kept.mean, learned.mean)
    np.testing.assert_allclose(kept.sd, learned.sd)
    np.testing.assert_allclose(kept.artists.values, learned.artists.values)
    assert (kept.genres.keys == learned.genres.keys).all()
    assert kept.name != USUAL_LISTENER.name
    store.keep_prior(USUAL_LISTENER, NOW, store.forgotten)
    assert (store.prior().mean == USUAL_LISTENER.mean).all()
    assert store.prior().name != kept.name
    assert store.db.table("pools").count == 1


def test_without_the_votes_the_ranking_is_what_it_was(store: MusicStore) -> None:
    def ranking() -> list[tuple[str, float]]:
        found = recommend(
            TABLE,
            probabilities=SAD,
            mode="lift",
            length=10,
            taste=store.taste(ANNA),
            prior=store.prior(),
            recent=(),
            rng=np.random.default_rng(3),
        )
        return [(pick.track.id, pick.score) for pick in found.picks]

    theirs = add(store, BEN, seed=9)
    for position in range(5):
        store.vote(BEN, theirs, position, position % 2 == 0, NOW)
    learn(store)
    before = ranking()
    playlist_id = add(store, ANNA)
    for position in range(5):
        store.vote(ANNA, playlist_id, position, position != 1, NOW)
    assert ranking() != before
    for position in range(5):
        store.vote(ANNA, playlist_id, position, None, NOW)
    assert ranking() == before
    store.vote(ANNA, playlist_id, 0, False, NOW)
    store.rate(ANNA, playlist_id, 5, NOW)
    assert ranking() != before
    store.forget(ANNA)
    assert store.prior() is USUAL_LISTENER  # what was learned from her too is gone
    learn(store)
    assert ranking() == before


def test_an_older_database_keeps_its_votes(tmp_path: Path) -> None:
    db = open_database(tmp_path / "mirrortape.db")
    store = MusicStore(db)
    playlist_id = add(store)
    store.vote(ANNA, playlist_id, 0, True, NOW)
    for column in ("distance", "misfit", "popularity"):
        db.execute(f"alter table shown drop column {column}")
    db.execute("drop table pools")
    db.execute("delete from _sqlite_migrations where name = 'm002_places_and_pool'")
    (opinion,) = MusicStore(db).taste(ANNA).opinions
    assert opinion.liking == 1
    assert (opinion.place.distance, opinion.place.popularity) == (0, 0.5)
    db.close()


def test_what_is_to_be_liked_counts_as_five_stars_but_votes_stay(store: MusicStore) -> None:
    first, second = add(store), add(store, seed=1)
    store.rate(ANNA, first, 1, NOW)
    store.rate(ANNA, second, 2, NOW)
    store.vote(ANNA, first, 0, False, NOW)
    likings = [opinion.liking for opinion in store.taste(ANNA, more_like=first).opinions]
    assert likings == [-0.5] * 5 + [-1.0] + [1.0] * 4
    assert [opinion.liking for opinion in store.taste(ANNA).opinions] == [-1.0] * 5 + [-0.5] * 5
