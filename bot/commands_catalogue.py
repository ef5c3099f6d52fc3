"""The command line's catalogue: filling it, and looking into it."""

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
    from recommender.csv_rows import OnProgress

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
    with open_catalogue() as catalogue, _progress("Importing") as on_progress:
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
    with open_catalogue() as catalogue, tempfile.TemporaryDirectory() as folder:
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
    with open_catalogue() as catalogue:
        found = catalogue.stats()
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
    elif found.tracks:
        _print_stats(found)
    else:
        typer.echo(_EMPTY)


_EMPTY = (
    "The catalogue is empty: fill it with `mirrortape catalogue fetch` or "
    "`mirrortape catalogue import FILE.csv`."
)


@contextmanager
def open_catalogue() -> "Iterator[Catalogue]":
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
