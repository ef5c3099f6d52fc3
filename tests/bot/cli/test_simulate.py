import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.cli.simulate import simulate
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.table import TrackTable
from recommender.simulation.simulation import LEAST_LISTENERS, LEAST_TRACKS, Outcome
from recommender.simulation.simulation import simulate as play
from recommender.simulation.worlds import World
from tests.support.songs import random_tracks

app = typer.Typer()
app.command()(simulate)

FEW = ["--listeners", str(LEAST_LISTENERS)]


PLAYED: dict[tuple[str, int, int], dict[str, Outcome]] = {}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play the same once, and learn what listeners share from fewer of them."""
    monkeypatch.setattr("recommender.simulation.simulation.OTHERS", 10)

    def play_once(table: TrackTable, world: World, *, count: int, seed: int, **rest: Any) -> Any:
        key = (repr(world), count, seed)
        if key not in PLAYED:
            PLAYED[key] = play(table, world, count=count, seed=seed, **rest)
        return PLAYED[key]

    monkeypatch.setattr("recommender.simulation.simulation.simulate", play_once)


def fill(folder: Path, tracks: int) -> None:
    catalogue = Catalogue(folder / "catalogue.db")
    catalogue.replace_invented(random_tracks(tracks))
    catalogue.close()


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(
        app, list(words), env={"DATA_DIR": str(folder)}, catch_exceptions=False
    )


def test_json_has_every_policy_with_intervals(tmp_path: Path) -> None:
    fill(tmp_path, 1_500)
    plot = tmp_path / "plot.png"
    result = run(tmp_path, "--world", "easy", *FEW, "--seed", "4", "--json", "--plot", str(plot))
    assert (result.exit_code, result.stderr) == (0, "")
    answer = json.loads(result.stdout)
    assert (answer["tracks"], answer["listeners"], answer["seed"]) == (1_500, LEAST_LISTENERS, 4)
    assert list(answer["worlds"]) == ["easy"]
    easy = answer["worlds"]["easy"]
    assert list(easy["policies"]) == [
        "random",
        "targets only",
        "Beta-Thompson",
        "warm LinUCB",
        "pool only",
        "own votes ignored",
        "Mirrortape",
    ]
    for policy in easy["policies"].values():
        assert list(policy["ndcg"]) == ["1", "2", "5", "10"]
        fifth = policy["ndcg"]["5"]
        assert fifth["low"] < fifth["mean"] < fifth["high"]
        assert 0 < policy["coverage"] < 1
    assert 0 < easy["regret_ratio"] < 1
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_tables_tell_it_too(tmp_path: Path) -> None:
    fill(tmp_path, 1_500)
    easy = ("--world", "easy", *FEW, "--seed", "4")
    result = run(tmp_path, *easy, "--plot", str(tmp_path / "plot.cow"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    result = run(tmp_path, *easy)
    assert result.exit_code == 0
    for words in ("The easy world", "Mirrortape regrets", "disliked"):
        assert words in result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--world", "fair"], "there is no world 'fair'; choose from easy, hard, clusters,"),
        (["--world", "real"], "--world real and --data FILE.csv go together."),
        (["--world", "easy", "--data", "x.csv"], "--world real and --data FILE.csv go together."),
        (["--world", "real", "--data", "x.csv"], "x.csv cannot be opened: no such file"),
        (["--world", "easy,real", "--data", "x.csv"], "--world real goes alone."),
        (["--listeners", "3"], "--listeners 3: 30 or more are needed for an interval."),
        (["--plot", "nowhere/plot.png"], "for the plot."),
    ],
)
def test_what_cannot_be_played_is_told_in_a_line(
    tmp_path: Path, words: list[str], said: str
) -> None:
    result = run(tmp_path, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_too_few_tracks_are_told(tmp_path: Path) -> None:
    assert "The catalogue is empty" in run(tmp_path).stderr
    fill(tmp_path, LEAST_TRACKS - 1)
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "999 tracks are too few" in result.stderr
