from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.ranking import Choice, RankingConfig, rank
from recommender.table import TrackTable
from recommender.targets import EMOTIONS, MODES, Target, plan
from recommender.taste import Taste
from recommender.tracks import Track
from tests.songs import TRACK, opinion, random_tracks, table_of, track_id

TRACKS = random_tracks(200, artists=40)
TABLE = table_of(TRACKS)
CONFIG = RankingConfig()
BY_ID = {track.id: track for track in TRACKS}

targets = st.builds(
    plan,
    st.sampled_from(EMOTIONS).map(lambda emotion: {emotion: 1.0}),
    st.sampled_from(MODES),
    st.integers(1, 30),
)
votes = st.builds(opinion, st.sampled_from(TRACKS), st.sampled_from([-1.0, 1.0]))
tastes = st.lists(votes, max_size=10, unique_by=lambda vote: vote.track_id).map(
    lambda each: Taste(tuple(each))
)


def chosen(
    plan_: tuple[Target, ...],
    taste: Taste = Taste(),  # noqa: B008
    recent: set[str] | None = None,
    seed: int = 0,
    table: TrackTable = TABLE,
    config: RankingConfig = CONFIG,
) -> list[Choice]:
    return rank(table, plan_, taste, recent or set(), np.random.default_rng(seed), config)


def tracks_of(choices: list[Choice], table: TrackTable = TABLE) -> list[Track]:
    return [table.track(choice.row) for choice in choices]


@settings(deadline=None)
@given(targets, tastes, st.sets(st.sampled_from(sorted(BY_ID)), max_size=100), st.integers(0, 9))
def test_a_playlist_keeps_its_promises(
    plan_: tuple[Target, ...], taste: Taste, recent: set[str], seed: int
) -> None:
    choices = chosen(plan_, taste, recent, seed)
    tracks = tracks_of(choices)
    ids = [track.id for track in tracks]
    assert [choice.position for choice in choices] == list(range(len(plan_)))
    assert len(set(ids)) == len(ids)
    assert set(ids) <= set(BY_ID)
    assert max(Counter(track.artist for track in tracks).values()) <= 2
    assert not set(ids) & {vote.track_id for vote in taste.disliked}
    assert not set(ids) & recent
    assert all(0 < choice.propensity <= 1 for choice in choices)


@settings(deadline=None)
@given(targets, tastes, st.integers(0, 9))
def test_the_same_seed_gives_the_same_playlist(
    plan_: tuple[Target, ...], taste: Taste, seed: int
) -> None:
    assert chosen(plan_, taste, seed=seed) == chosen(plan_, taste, seed=seed)


def test_another_seed_gives_a_somewhat_other_playlist() -> None:
    plan_ = plan({"sad": 1.0}, "match", 10)
    playlists = {tuple(choice.row for choice in chosen(plan_, seed=seed)) for seed in range(5)}
    assert len(playlists) > 1


def score_of(track: Track, taste: Taste) -> float:
    """Return a track's score for one position of a catalogue that has nothing else."""
    (choice,) = chosen(plan({"sad": 1.0}, "match", 1), taste, table=table_of([track]))
    return choice.score


@settings(deadline=None)
@given(tastes, st.sampled_from(TRACKS))
def test_a_like_never_lowers_the_score_of_its_track_or_artist(taste: Taste, track: Track) -> None:
    others = Taste(tuple(each for each in taste.opinions if each.track_id != track.id))
    liking = Taste((*others.opinions, opinion(track, 1.0)))
    by_same_artist = replace(track, id=track_id(900), name="Another", valence=0.9, energy=0.9)
    for each in (track, by_same_artist):
        assert score_of(each, liking) >= score_of(each, others) - 1e-5


def test_votes_move_the_ranking() -> None:
    plan_ = plan({"neutral": 1.0}, "match", 10)
    liking = Taste(tuple(opinion(track, 1.0) for track in TRACKS if track.genre == "jazz"))
    genres = [
        Counter(t.genre for t in tracks_of(chosen(plan_, taste)))["jazz"]
        for taste in (Taste(), liking)
    ]
    assert genres[0] < genres[1]


def test_a_disliked_song_stays_away_in_every_version() -> None:
    versions = [
        replace(TRACK, id=track_id(n), name=f"{TRACK.name} - {n} Remaster") for n in range(3)
    ]
    other = replace(TRACK, id=track_id(9), name="Another")
    table = table_of([*versions, other])
    plan_ = plan({"sad": 1.0}, "match", 4)
    taste = Taste((opinion(TRACK, -1.0),))
    assert tracks_of(chosen(plan_, taste, table=table), table) == [other]


def test_versions_of_a_song_are_one_in_a_playlist() -> None:
    versions = [replace(TRACK, id=track_id(n), name=f"{TRACK.name} (Take {n})") for n in range(30)]
    assert len(chosen(plan({"sad": 1.0}, "lift", 5), table=table_of(versions))) == 1


def test_recent_tracks_come_back_only_to_fill_up() -> None:
    tracks = random_tracks(12)
    table = table_of(tracks)
    recent = {track.id for track in tracks[:6]}
    choices = chosen(plan({"sad": 1.0}, "match", 8), recent=recent, table=table)
    ids = [track.id for track in tracks_of(choices, table)]
    assert len(ids) == 8
    assert len(set(ids) - recent) == 6


def test_only_allowed_tracks_are_chosen_even_to_fill_up() -> None:
    is_jazz = TABLE.genre_codes == TABLE.genres.index("jazz")
    recent = {track.id for track in TRACKS[:150]}
    rng = np.random.default_rng(0)
    plan_ = plan({"sad": 1.0}, "lift", 30)
    choices = rank(
        TABLE, plan_, Taste(), recent, rng, CONFIG, is_allowed=lambda rows: is_jazz[rows]
    )
    assert len(choices) == 30
    assert {track.genre for track in tracks_of(choices)} == {"jazz"}
    assert {track.id for track in tracks_of(choices)} & recent


def test_where_nothing_is_allowed_nothing_is_chosen() -> None:
    rng = np.random.default_rng(0)
    plan_ = plan({"sad": 1.0}, "lift", 5)
    is_allowed = np.zeros(len(TABLE), dtype=np.bool_)
    none = rank(TABLE, plan_, Taste(), (), rng, CONFIG, is_allowed=lambda rows: is_allowed[rows])
    assert none == []


def test_a_catalogue_that_is_too_small_gives_what_it_has() -> None:
    table = table_of(random_tracks(9, artists=2))
    choices = chosen(plan({"sad": 1.0}, "match", 8), table=table)
    assert len(choices) == 4
    assert [choice.position for choice in choices] == [0, 1, 2, 3]


def test_one_prolific_artist_does_not_keep_others_away() -> None:
    crowd = [
        replace(TRACK, id=track_id(n), name=f"Song {n}", valence=0.5 + n / 10_000)
        for n in range(600)
    ]
    others = [
        replace(TRACK, id=track_id(1000 + n), name="Far", artist=f"Far {n}", valence=0.01)
        for n in range(5)
    ]
    table = table_of([*crowd, *others])
    tracks = tracks_of(chosen(plan({"happy": 1.0}, "match", 6), table=table), table)
    counts = Counter(track.artist for track in tracks)
    assert counts[TRACK.artist] == 2
    assert len(tracks) == 6


def test_without_chance_the_best_fit_is_chosen() -> None:
    config = RankingConfig(
        temperature=1e-6, support_weight=0.0, diversity_weight=0.0, popularity_weight=0.0
    )
    (choice,) = chosen(plan({"sad": 1.0}, "match", 1), config=config)
    away = np.linalg.norm(TABLE.ranks[:, :2] - [0.19, 0.37], axis=1)
    assert choice.row == away.argmin()
    assert choice.propensity == pytest.approx(1)
    assert choice.score == pytest.approx(-0.5 * choice.distance)


def test_variety_costs_what_is_alike() -> None:
    def spread(diversity_weight: float) -> float:
        config = RankingConfig(temperature=1e-6, diversity_weight=diversity_weight)
        choices = chosen(plan({"neutral": 1.0}, "match", 8), config=config)
        return float(TABLE.features[[c.row for c in choices], 2:5].std(axis=0).mean())

    assert spread(5.0) > spread(0.0)
