"""The command line's `recommend`: tracks for a mood, without Telegram or Spotify."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands_catalogue import open_catalogue
from bot.exits import stop

if TYPE_CHECKING:
    from recommender.recommend import Recommendation
    from recommender.taste import Taste

MAX_LENGTH = 100
"""As many tracks as Spotify takes at once."""


def recommend(
    emotion: Annotated[
        str, typer.Option(help="angry, disgust, fear, happy, sad, surprise or neutral.")
    ],
    mode: Annotated[str, typer.Option(help="match, lift or calm.")] = "match",
    length: Annotated[int, typer.Option(help=f"Number of tracks, 1 to {MAX_LENGTH}.")] = 20,
    user: Annotated[
        int | None, typer.Option(help="Count the votes of this Telegram user.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same tracks; another, others.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recommend tracks for a mood, without Telegram or Spotify.

    Nothing is stored, and tracks shown before may come again.
    """
    import numpy as np

    from recommender.recommend import recommend as recommend_tracks
    from recommender.targets import EMOTIONS, MODES

    _check_choice("emotion", emotion, EMOTIONS)
    _check_choice("mode", mode, MODES)
    if not 1 <= length <= MAX_LENGTH:
        stop(f"a playlist has 1 to {MAX_LENGTH} tracks, not {length}.")
    with open_catalogue() as catalogue:
        table = catalogue.load()
        taste = _taste(user)
    recommendation = recommend_tracks(
        table,
        probabilities={emotion: 1.0},
        mode=mode,
        length=length,
        taste=taste,
        recent=(),
        rng=np.random.default_rng(seed),
    )
    if as_json:
        _print_json(emotion, mode, recommendation)
    else:
        _print_tracks(recommendation)


def _taste(user_id: int | None) -> "Taste":
    """Return what a user thinks, as far as `mirrortape.db` knows them."""
    from bot.settings import load_settings
    from recommender.database import open_database
    from recommender.store import MusicStore
    from recommender.taste import Taste

    taste = Taste()
    path = load_settings().data_dir / "mirrortape.db"
    if user_id is not None and path.exists():
        db = open_database(path)
        try:
            taste = MusicStore(db).taste(user_id)
        finally:
            db.close()
    if user_id is not None and not taste.opinions:
        typer.echo(f"mirrortape: there are no votes of user {user_id}.", err=True)
    return taste


def _check_choice(noun: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        stop(f"there is no {noun} {value!r}; choose one of {', '.join(choices)}.")


def _print_json(emotion: str, mode: str, recommendation: "Recommendation") -> None:
    tracks = [
        {
            "id": pick.track.id,
            "name": pick.track.name,
            "artist": pick.track.artist,
            "valence": pick.track.valence,
            "energy": pick.track.energy,
            "score": round(pick.score, 4),
            "reason": pick.reason,
            "invented": pick.track.invented,
        }
        for pick in recommendation.picks
    ]
    targets = [
        {"valence": target.valence, "energy": target.energy} for target in recommendation.targets
    ]
    answer = {
        "emotion": emotion,
        "mode": mode,
        "tracks": tracks,
        "targets": targets,
        "ms": round(recommendation.ms, 2),
    }
    typer.echo(json.dumps(answer, ensure_ascii=False))


def _print_tracks(recommendation: "Recommendation") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("#", "track", "valence", "energy", "why", box=None, pad_edge=False)
    for number, pick in enumerate(recommendation.picks, start=1):
        track = pick.track
        invented = " (invented)" if track.invented else ""
        title = Text(f"{track.name} · {track.artist}{invented}")  # brackets are no markup here
        valence, energy = f"{track.valence:.2f}", f"{track.energy:.2f}"
        table.add_row(str(number), title, valence, energy, Text(pick.reason))
    Console().print(table)
    if len(recommendation.picks) < len(recommendation.targets):
        typer.echo("The catalogue has no more that may be in one playlist.")
    typer.echo(f"chosen in {recommendation.ms:.0f} ms")
