"""The command line's music: filling the catalogue, looking into it, and asking it for tracks."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.exits import stop

if TYPE_CHECKING:
    from recommender.catalogue import Catalogue, CatalogueStats, ImportReport
    from recommender.importing import OnProgress
    from recommender.recommend import Recommendation
    from recommender.taste import Taste

MAX_LENGTH = 100
"""As many tracks as Spotify takes at once."""

catalogue_app = typer.Typer(
    rich_markup_mode=None, help="Fill the catalogue of tracks and see what it holds."
)


@catalogue_app.command("import")
def import_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", show_default=False)],
) -> None:
    """Import tracks with audio features from a CSV.

    Takes TidyTuesday's spotify_songs.csv, the Hugging Face set spotify-tracks-dataset, Kaggle's
    tracks_features.csv, and whatever has the same columns.
    """
    with _catalogue() as catalogue, _progress("Importing") as on_progress:
        report = catalogue.import_csv(file, on_progress)
    _print_report(file.name, report)


@catalogue_app.command()
def fetch(
    url: Annotated[
        str | None, typer.Option(help="Another CSV; default: TidyTuesday's 28,000 tracks.")
    ] = None,
) -> None:
    """Download a public table of tracks and import it."""
    from recommender.download import PUBLIC_CSV, download

    address = url or PUBLIC_CSV
    with _catalogue() as catalogue, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / (address.rpartition("/")[2] or "catalogue.csv")
        with _progress("Downloading") as on_progress:
            download(address, file, on_progress)
        with _progress("Importing") as on_progress:
            report = catalogue.import_csv(file, on_progress)
    _print_report(file.name, report)


@catalogue_app.command()
def stats(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what the catalogue holds."""
    with _catalogue() as catalogue:
        found = catalogue.stats()
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
    elif found.tracks:
        _print_stats(found)
    else:
        typer.echo(_EMPTY)


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
    with _catalogue() as catalogue:
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


_EMPTY = (
    "The catalogue is empty: fill it with `mirrortape catalogue fetch` or "
    "`mirrortape catalogue import FILE.csv`."
)


@contextmanager
def _catalogue() -> "Iterator[Catalogue]":
    """Open the catalogue of the settings; what goes wrong with it ends in one line."""
    from bot.settings import NotReady, load_settings
    from recommender.catalogue import Catalogue
    from recommender.errors import CatalogueEmpty, CatalogueError

    folder = None
    try:
        folder = load_settings().data_dir
        catalogue = Catalogue(folder / "catalogue.db")
        try:
            yield catalogue
        finally:
            catalogue.close()
    except CatalogueEmpty:
        stop(_EMPTY)
    except (CatalogueError, NotReady) as error:
        stop(str(error))
    except (sqlite3.Error, OSError) as error:
        stop(f"the data in {folder or 'DATA_DIR'} cannot be used: {error}")


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


@contextmanager
def _progress(action: str) -> "Iterator[OnProgress]":
    """Show a bar of bytes on stderr while something large goes on."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn(action), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(action, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)


def _check_choice(noun: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        stop(f"there is no {noun} {value!r}; choose one of {', '.join(choices)}.")


def _print_report(name: str, report: "ImportReport") -> None:
    skipped = sum(reason.count for reason in report.skipped)
    typer.echo(
        f"{name}: {report.tracks:,} tracks, {report.new:,} new, {report.updated:,} updated, "
        f"{report.unchanged:,} unchanged."
    )
    typer.echo(
        f"{report.rows:,} rows: {report.duplicates:,} repeated a track, {skipped:,} skipped."
    )
    for reason in report.skipped:
        lines = ", ".join(map(str, reason.lines))
        more = ", ..." if reason.count > len(reason.lines) else ""
        noun = "line" if reason.count == 1 else "lines"
        typer.echo(f"  {reason.count:,} × {reason.reason} ({noun} {lines}{more})")
    if report.invented_dropped:
        typer.echo(f"{report.invented_dropped:,} invented tracks gave way.")


def _print_stats(found: "CatalogueStats") -> None:
    from rich.console import Console
    from rich.table import Table

    invented = f" ({found.invented:,} invented)" if found.invented else ""
    explicit = f", {found.explicit_share:.0%} explicit" if found.explicit_share else ""
    typer.echo(f"{found.tracks:,} tracks{invented} by {found.artists:,} artists{explicit}")
    features = Table("feature", "lowest", "median", "highest")
    for feature, spread in found.features.items():
        features.add_row(feature, *(f"{x:g}" for x in (spread.low, spread.median, spread.high)))
    genres = Table("genre", "tracks", "share")
    for genre, count in list(found.genres.items())[:20]:
        genres.add_row(genre or "unknown", f"{count:,}", f"{count / found.tracks:.0%}")
    console = Console()
    console.print(features, genres)
    if len(found.genres) > 20:
        typer.echo(f"and {len(found.genres) - 20} more genres")


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
