"""The simulation itself, and what it promises of the product's ranking."""

from dataclasses import replace

import numpy as np
import pytest

from recommender.mood.targets import EMOTIONS, MODES, plan
from recommender.ranking.ranking import RankingConfig, rank, rules
from recommender.simulation.policies import (
    PLACES,
    BetaThompson,
    Chance,
    Policy,
    Product,
    Request,
    tracks_of,
)
from recommender.simulation.simulation import (
    OURS,
    PLAYLISTS,
    RIVAL,
    interval,
    simulate,
    votes_of_others,
)
from recommender.simulation.worlds import WORLDS, listeners, targets_of
from recommender.taste.pool import USUAL_LISTENER, pool
from recommender.taste.posterior import infer
from recommender.taste.taste import Taste
from tests.support.songs import opinion, random_tracks, table_of

TABLE = table_of(random_tracks(3_000))
COUNT = 12
EASY = WORLDS["easy"]


@pytest.fixture(scope="module", params=["easy", "hard"])
def outcomes(request: pytest.FixtureRequest) -> dict:
    return simulate(TABLE, WORLDS[request.param], count=COUNT, seed=3, communities=2)


def test_who_learns_wins(outcomes: dict) -> None:
    late = {name: outcome.ndcg[:, 4:].mean() for name, outcome in outcomes.items()}
    assert late["random"] < late[RIVAL] < late[OURS]
    assert outcomes[OURS].regret.mean() < outcomes[RIVAL].regret.mean()
    assert outcomes[RIVAL].regret.mean() < outcomes["random"].regret.mean()


def test_figures_are_what_they_say(outcomes: dict) -> None:
    for name, outcome in outcomes.items():
        assert outcome.ndcg.shape == (COUNT, PLAYLISTS)
        assert outcome.ndcg.min() > 0
        assert outcome.ndcg.max() < 1.2, name  # above 1 where a track that is shown lies outside
        assert 0 <= outcome.repeats.max() < 1
        assert outcome.tracks <= COUNT * PLAYLISTS * PLACES
        assert (outcome.diversity > 0).all()
    assert not outcomes[OURS].disliked.any()


def test_the_same_seed_plays_the_same_and_progress_reaches_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recommender.simulation.simulation.OTHERS", 6)
    told: list[float] = []
    one, other = (
        simulate(TABLE, EASY, count=4, seed=5, communities=1, on_progress=told.append)[OURS].ndcg
        for _ in "ab"
    )
    assert (one == other).all()
    assert told == [0.25, 0.5, 0.75, 1] * 2


@pytest.mark.parametrize(
    "policy",
    [Chance(), BetaThompson(), Product(USUAL_LISTENER, learns=True)],
    ids=lambda p: type(p).__name__,
)
def test_policies_show_ten_tracks_but_none_disliked(policy: Policy) -> None:
    disliked = [TABLE.track(row) for row in range(0, len(TABLE), 2)]
    liked = TABLE.track(1)
    taste = Taste((*(opinion(track, -1.0) for track in disliked), opinion(liked, 1.0)))
    request = Request("sad", targets_of("sad", PLACES), taste, {TABLE.track(3).id})
    rows = policy.choose(TABLE, request, np.random.default_rng(0))
    assert len(set(rows.tolist())) == PLACES
    assert (rows % 2 == 1).all()
    assert 3 not in rows
    (target,) = targets_of("sad", 1)
    if not isinstance(policy, Product):  # which looks farther
        assert set(rows.tolist()) <= set(tracks_of(TABLE, target, taste, request.recent).tolist())


def test_a_policy_that_hears_nothing_repeats_its_choice_whatever_is_said() -> None:
    deaf = Product(USUAL_LISTENER, learns=False)
    votes = Taste(tuple(opinion(TABLE.track(row), 1.0) for row in range(40)))
    targets = targets_of("happy", PLACES)
    one, other = (
        deaf.choose(TABLE, Request("happy", targets, taste, ()), np.random.default_rng(0))
        for taste in (Taste(), votes)
    )
    assert (one == other).all()


def test_others_teach_what_listeners_share() -> None:
    rng = np.random.default_rng(0)
    world = replace(EASY, spread=0.1)
    people = listeners(world, TABLE, 30, rng)
    prior = pool(votes_of_others(TABLE, world, people, rng))
    taste = Product(prior, learns=True), Product(USUAL_LISTENER, learns=True)
    request = Request("neutral", targets_of("neutral", PLACES), Taste(), ())
    (target,) = request.targets[:1]
    chances = [
        people[0].chances(TABLE, policy.choose(TABLE, request, rng), target).mean()
        for policy in taste
    ]
    assert chances[0] > chances[1] + 0.1


def test_an_interval_holds_its_mean() -> None:
    found = interval(np.array([1.0, 2.0, 3.0]))
    assert found.low < found.mean == 2 < found.high
    assert found.high - found.mean == pytest.approx(1.96 / np.sqrt(3))


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.figures)])
def test_what_was_disliked_never_comes_again(count: int) -> None:
    """A small catalogue, so that everything has soon been shown and most has been judged."""
    table = table_of(random_tracks(150, artists=60))
    rng = np.random.default_rng(0)
    config = RankingConfig()
    repeats = playlists = shown = 0
    while playlists < count:
        opinions = {}
        taste = Taste()
        for number in range(100):
            if number % 4 == 0:
                taste = Taste(tuple(opinions.values()))
                posterior = infer(taste.votes(), USUAL_LISTENER)
                disliked = {each.track_id for each in taste.disliked}
            recent = [table.track(row).id for row in rng.integers(0, len(table), 40)]
            emotion, mode = EMOTIONS[number % len(EMOTIONS)], MODES[number % len(MODES)]
            targets = plan({emotion: 1.0}, mode, 5)
            choices = rank(
                table,
                targets,
                posterior,
                len(taste.opinions),
                recent,
                rng,
                config,
                rules(table, taste),
            )
            playlists += 1
            shown += len(choices)
            repeats += len(disliked & {table.track(choice.row).id for choice in choices})
            for choice in choices[:1]:
                track = table.track(choice.row)
                opinions[track.id] = opinion(track, -1.0 if rng.random() < 0.8 else 1.0)
    print(f"\n{playlists:,} playlists, {shown:,} tracks, {repeats} disliked ones again")
    assert shown > 3 * count
    assert repeats == 0
