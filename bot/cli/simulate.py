"""`mirrortape simulate`: how well the product learns simulated listeners' tastes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.catalogue import DataDir, open_catalogue, progress
from bot.cli.exits import stop

if TYPE_CHECKING:
    from recommender.catalogue.table import TrackTable
    from recommender.simulation.simulation import Interval, Outcome

_REAL = "real"
Outcomes = dict[str, dict[str, "Outcome"]]


def simulate(
    world: Annotated[
        str,
        typer.Option(
            metavar="easy,hard",
            help="In which worlds the listeners live: easy, hard, clusters, moods, drift, bias, "
            "noise; or real, with --data.",
        ),
    ] = "easy,hard",
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="What real listeners heard and rated."),
    ] = None,
    count: Annotated[int, typer.Option("--listeners", help="How many listeners.")] = 150,
    seed: Annotated[int, typer.Option(min=0, help="Another one, other listeners.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the figures here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Play ten playlists to simulated listeners, by several policies, and compare.

    The listeners' tastes are drawn over the features of your catalogue's tracks. In the easy world
    tastes are simple and all tracks are voted on. In the hard one tastes peak at a medium value,
    three tracks are voted on, a fifth of the votes are random and a tenth of the moods are
    misread. In the others tastes depend on genre and artist (clusters), depend on the mood (moods)
    or change (drift), later positions are liked less (bias), or three votes in ten are random
    (noise). The world "real" replays the plays of real listeners in --data instead.
    """
    from recommender.simulation.simulation import LEAST_LISTENERS, LEAST_TRACKS
    from recommender.simulation.simulation import simulate as play
    from recommender.simulation.worlds import WORLDS

    names = [name.strip() for name in world.split(",")]
    for name in names:
        if name not in (*WORLDS, _REAL):
            stop(f"there is no world {name!r}; choose from {', '.join(WORLDS)}, {_REAL}.")
    if (_REAL in names) != (data is not None):
        stop(f"--world {_REAL} and --data FILE.csv go together.")
    if data is not None:
        if names != [_REAL]:
            stop(f"--world {_REAL} goes alone.")
        _replay(data, as_json=as_json)
        return
    if count < LEAST_LISTENERS:
        stop(f"--listeners {count}: {LEAST_LISTENERS} or more are needed for an interval.")
    if plot is not None and not plot.absolute().parent.is_dir():
        stop(f"there is no folder {plot.absolute().parent} for the plot.")
    with open_catalogue(data_dir) as catalogue:
        table = catalogue.load()
    if len(table) < LEAST_TRACKS:
        stop(
            f"{len(table):,} tracks are too few: import {LEAST_TRACKS:,} or more, "
            "so that each mood has its own."
        )
    worlds: Outcomes = {}
    for name in names:
        with progress(f"The {name} world", in_bytes=False) as on_progress:
            worlds[name] = play(
                table,
                WORLDS[name],
                count=count,
                seed=seed,
                on_progress=lambda share: on_progress(round(share * 1000), 1000),
            )
    if plot is not None:
        _draw(plot, worlds)
    if as_json:
        typer.echo(json.dumps(_to_json(table, worlds, count, seed)))
    else:
        _print(table, worlds, count)


def _replay(path: Path, *, as_json: bool) -> None:
    """Replay real listeners' plays and print how each policy would have ranked them."""
    from recommender.errors import CatalogueUnreadable
    from recommender.simulation.replay import read_plays, replay
    from recommender.simulation.simulation import OURS, interval

    try:
        people = read_plays(path)
    except CatalogueUnreadable as error:
        stop(f"{error}.")
    with progress("Replaying", in_bytes=False) as on_progress:
        found = replay(people, lambda share: on_progress(round(share * 1000), 1000))
    policies = {name: interval(values) for name, values in found.items()}
    differences = {
        name: interval(found[OURS] - values) for name, values in found.items() if name != OURS
    }
    if as_json:
        answer = {
            "listeners": len(people),
            "worlds": {
                _REAL: {
                    "policies": {name: {"ndcg": asdict(x)} for name, x in policies.items()},
                    "differences": {name: asdict(x) for name, x in differences.items()},
                }
            },
        }
        typer.echo(json.dumps(answer))
        return
    _print_replay(policies, differences, len(people))


def _print_replay(
    policies: "dict[str, Interval]", differences: "dict[str, Interval]", count: int
) -> None:
    from rich.console import Console
    from rich.table import Table

    from recommender.simulation.simulation import OURS

    console = Console()
    console.print(f"{count} listeners; means with 95 % intervals over listeners", highlight=False)
    shown = Table(title="Real listeners: NDCG@5 of their next plays", title_justify="left")
    for column in ("policy", "NDCG@5", f"{OURS} gains"):
        shown.add_column(column, no_wrap=True)
    for name, x in policies.items():
        gain = differences.get(name)
        told = f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})" if gain else "-"
        shown.add_row(name, f"{x.mean:.3f} ({x.low:.3f} to {x.high:.3f})", told)
    console.print(shown)


def _to_json(table: "TrackTable", worlds: Outcomes, count: int, seed: int) -> dict[str, Any]:
    from recommender.simulation.simulation import OURS, RIVAL

    return {
        "tracks": len(table),
        "invented": int(table.invented.sum()),
        "listeners": count,
        "seed": seed,
        "worlds": {
            world: {
                "policies": {name: each.to_json(len(table)) for name, each in outcomes.items()},
                "regret_ratio": float(
                    outcomes[OURS].regret.mean() / outcomes[RIVAL].regret.mean()
                ),
            }
            for world, outcomes in worlds.items()
        },
    }


def _print(table: "TrackTable", worlds: Outcomes, count: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from recommender.simulation.simulation import OURS, PLAYLISTS, REPORTED, RIVAL, interval

    console = Console()
    console.print(
        f"{count} listeners, {PLAYLISTS} playlists each, from {len(table):,} tracks; means with "
        "95 % intervals over listeners",
        highlight=False,
    )
    for world, outcomes in worlds.items():
        shown = Table(title=f"The {world} world: NDCG@10 of playlist …", title_justify="left")
        for column in ("policy", *(str(number) for number in REPORTED)):
            shown.add_column(column, no_wrap=True)
        rest = Table("policy", "regret", "diversity", "coverage", "repeats", "disliked again")
        for name, outcome in outcomes.items():
            found = (interval(outcome.ndcg[:, number - 1]) for number in REPORTED)
            shown.add_row(name, *(f"{x.mean:.3f} ({x.low:.3f}–{x.high:.3f})" for x in found))
            regret = interval(outcome.regret)
            rest.add_row(
                name,
                f"{regret.mean:.1f} ({regret.low:.1f}–{regret.high:.1f})",
                f"{outcome.diversity.mean():.2f}",
                f"{outcome.tracks / len(table):.1%}",
                f"{outcome.repeats.mean():.1%}",
                str(outcome.disliked.sum()),
            )
        console.print(shown, rest)
        ratio = outcomes[OURS].regret.mean() / outcomes[RIVAL].regret.mean()
        console.print(f"{OURS} regrets {ratio:.0%} of what {RIVAL} does.\n", highlight=False)


def _draw(path: Path, worlds: Outcomes) -> None:
    from recommender.simulation.plot import plot_simulation

    try:
        plot_simulation(path, worlds)
    except (OSError, ValueError) as error:  # a ValueError: an unknown image format
        stop(f"the plot cannot be written to {path}: {error}")
