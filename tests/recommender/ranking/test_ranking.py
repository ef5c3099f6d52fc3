from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import Track
from recommender.mood.targets import EMOTIONS, MODES, Target, plan
from recommender.ranking.ranking import Choice, RankingConfig, rank, rules
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import infer
from recommender.taste.taste import Fit, Taste
from tests.support.songs import TRACK, opinion, random_tracks, table_of, track_id

TRACKS = random_tracks(200, artists=60)
TABLE = table_of(TRACKS)
CONFIG = RankingConfig()
NOBODY = infer(Taste().votes(), USUAL_LISTENER)
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
    posterior = infer(taste.votes(), USUAL_LISTENER)
    rng = np.random.default_rng(seed)
    return rank(
        table,
        plan_,
        posterior,
        len(taste.opinions),
        recent or set(),
        rng,
        config,
        rules(table, taste),
    )


def tracks_of(choices: list[Choice], table: TrackTable = TABLE) -> list[Track]:
    return [table.track(choice.row) for choice in choices]


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


@given(targets, tastes, st.integers(0, 9))
def test_the_same_seed_gives_the_same_playlist(
    plan_: tuple[Target, ...], taste: Taste, seed: int
) -> None:
    assert chosen(plan_, taste, seed=seed) == chosen(plan_, taste, seed=seed)


@given(tastes, st.integers(0, 9), st.integers(1, 40))
def test_ranking_permutes_its_input(taste: Taste, seed: int, count: int) -> None:
    table = table_of(random_tracks(count))
    plan_ = plan({"surprise": 1.0}, "calm", count)
    likes = Taste(tuple(vote for vote in taste.opinions if vote.liking > 0))
    choices = chosen(plan_, likes, seed=seed, table=table)
    assert sorted(choice.row for choice in choices) == list(range(count))


def test_another_seed_gives_a_somewhat_other_playlist() -> None:
    plan_ = plan({"sad": 1.0}, "match", 10)
    playlists = {tuple(choice.row for choice in chosen(plan_, seed=seed)) for seed in range(5)}
    assert len(playlists) > 1


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
    is_jazz = TABLE.genre_codes[:, 0] == TABLE.genres.index("jazz")
    recent = {track.id for track in TRACKS[:150]}
    rng = np.random.default_rng(0)
    plan_ = plan({"sad": 1.0}, "lift", 30)
    choices = rank(TABLE, plan_, NOBODY, 0, recent, rng, CONFIG, [lambda rows: is_jazz[rows]])
    assert len(choices) == 30
    assert {track.genre for track in tracks_of(choices)} == {"jazz"}
    assert {track.id for track in tracks_of(choices)} & recent


def test_where_nothing_is_allowed_nothing_is_chosen() -> None:
    rng = np.random.default_rng(0)
    plan_ = plan({"sad": 1.0}, "lift", 5)
    is_allowed = np.zeros(len(TABLE), dtype=np.bool_)
    none = rank(TABLE, plan_, NOBODY, 0, (), rng, CONFIG, [lambda rows: is_allowed[rows]])
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
        replace(TRACK, id=track_id(1000 + n), name=f"Far {n}", artist=f"Far {n}", valence=0.01)
        for n in range(5)
    ]
    table = table_of([*crowd, *others])
    tracks = tracks_of(chosen(plan({"happy": 1.0}, "match", 6), table=table), table)
    counts = Counter(track.artist for track in tracks)
    assert counts[TRACK.artist] == 2
    assert len(tracks) == 6


def test_without_chance_the_best_fit_is_chosen() -> None:
    config = RankingConfig(
        temperature=1e-6,
        first_temperature=1e-6,
        style_temperature=1e-6,
        block=(1, 1),
        style_weight=0.0,
        diversity_weight=0.0,
        noise=0.0,
    )
    plan_ = plan({"sad": 1.0}, "match", 1)
    (first,) = chosen(plan_, config=config)
    assert first.propensity == pytest.approx(1)
    # the other best ones, each found by keeping the better ones away
    shown, scores = {TABLE.track(first.row).id}, [first.score]
    for _ in range(20):
        (choice,) = chosen(plan_, recent=shown, config=config)
        scores.append(choice.score)
        shown.add(TABLE.track(choice.row).id)
    assert scores == sorted(scores, reverse=True)


def test_a_score_is_the_log_odds_of_a_like_at_its_place() -> None:
    config = RankingConfig(noise=0.0)
    votes = Taste(tuple(opinion(track, 1.0) for track in TRACKS[:9]))
    posterior = infer(votes.votes(), USUAL_LISTENER)
    plan_ = plan({"happy": 1.0}, "lift", 6)
    for choice in chosen(plan_, votes, config=config):
        track, target = TABLE.track(choice.row), plan_[choice.position]
        popularity = float(TABLE.popularity[choice.row])
        place = Fit(target.valence, target.energy, choice.distance, choice.misfit, popularity)
        asked = Taste((replace(opinion(track, 1.0), place=place),)).votes()
        assert choice.score == pytest.approx(posterior.log_odds(asked)[0], abs=1e-4)


def test_variety_costs_what_is_alike() -> None:
    def spread(diversity_weight: float) -> float:
        config = RankingConfig(
            temperature=1e-6, first_temperature=1e-6, diversity_weight=diversity_weight
        )
        choices = chosen(plan({"neutral": 1.0}, "match", 8), config=config)
        return float(TABLE.features[[c.row for c in choices], 2:5].std(axis=0).mean())

    assert spread(100.0) > spread(0.0)
