"""`mirrortape catalogue`: fill the catalogue and show what it holds."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import stop

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from recommender.catalogue.catalogue import Catalogue, CatalogueStats, ImportReport
    from recommender.catalogue.csv_rows import OnProgress, Skipped

_SHOWN = 20
"""The most rows in a table of genres or categories."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Where data is kept; default: DATA_DIR."),
]

catalogue_app = typer.Typer(
    rich_markup_mode=None, help="Fill the catalogue of tracks and see what it holds."
)


@catalogue_app.command("import")
def import_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Import tracks with audio features from a CSV.

    Takes TidyTuesday's spotify_songs.csv, Hugging Face's spotify-tracks-dataset, Kaggle's
    tracks_features.csv, and any CSV with the same columns.
    """
    with open_catalogue(data_dir) as catalogue, progress("Importing") as on_progress:
        report = catalogue.import_csv(file, on_progress)
        known = catalogue.stats()
        _retry_unavailable_tracks(data_dir)
    _print_report(file.name, report, known)


@catalogue_app.command()
def fetch(
    url: Annotated[
        str | None, typer.Option(help="Another CSV; default: TidyTuesday's 28,000 tracks.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Download a public table of tracks and import it."""
    from recommender.catalogue.download import PUBLIC_CSV, download

    address = PUBLIC_CSV if url is None else url
    with open_catalogue(data_dir) as catalogue, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / (address.rpartition("/")[2] or "catalogue.csv")
        with progress("Downloading") as on_progress:
            download(address, file, on_progress)
        with progress("Importing") as on_progress:
            report = catalogue.import_csv(file, on_progress)
        known = catalogue.stats()
        _retry_unavailable_tracks(data_dir)
    _print_report(file.name, report, known)


@catalogue_app.command()
def stats(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show what the catalogue holds."""
    with open_catalogue(data_dir) as catalogue:
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
def open_catalogue(data_dir: Path | None = None) -> "Iterator[Catalogue]":
    """Open the catalogue in a folder; stop the command with one line on any error.

    Args:
        data_dir: The folder; None means `DATA_DIR`.
    """
    from bot.data_faults import explain
    from bot.settings import NotReady
    from recommender.catalogue.catalogue import Catalogue
    from recommender.errors import CatalogueEmpty, CatalogueError

    folder = Path()
    try:
        folder = data_folder(data_dir)
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
        stop(explain(error, folder))


@contextmanager
def progress(action: str, *, in_bytes: bool = True) -> "Iterator[OnProgress]":
    """Show a progress bar on stderr during the block."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    count = DownloadColumn() if in_bytes else MofNCompleteColumn()
    with Progress(
        TextColumn(action),
        BarColumn(),
        count,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(action, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def data_folder(data_dir: Path | None) -> Path:
    """Return the folder from the command line, else from the settings.

    Raises:
        bot.settings.NotReady: A setting is invalid.
    """
    from bot.settings import load_settings

    return data_dir or load_settings().data_dir


def _retry_unavailable_tracks(data_dir: Path | None) -> None:
    """Let the bot try unavailable tracks again: a newer catalogue may have new ids for them."""
    from recommender.listeners.unavailable_tracks import UnavailableTracks
    from recommender.storage.database import open_database

    path = data_folder(data_dir) / "mirrortape.db"
    if path.exists():
        db = open_database(path)
        try:
            UnavailableTracks(db).clear()
        finally:
            db.close()


def _print_report(name: str, report: "ImportReport", known: "CatalogueStats") -> None:
    skipped = sum(reason.count for reason in report.skipped)
    typer.echo(
        f"{name}: {report.tracks:,} tracks, {report.new:,} new, {report.updated:,} updated, "
        f"{report.unchanged:,} unchanged."
    )
    typer.echo(
        f"{report.rows:,} rows: {report.duplicates:,} repeated a track, {skipped:,} skipped."
    )
    print_skipped(report.skipped)
    if report.invented_dropped:
        typer.echo(f"{report.invented_dropped:,} invented tracks gave way.")
    typer.echo(_explicit(known))


def print_skipped(skipped: "Sequence[Skipped]") -> None:
    """Print why rows of a CSV were skipped, and the first line numbers."""
    for reason in skipped:
        lines = ", ".join(map(str, reason.lines))
        more = ", ..." if reason.count > len(reason.lines) else ""
        noun = "line" if reason.count == 1 else "lines"
        typer.echo(f"  {reason.count:,} × {reason.reason} ({noun} {lines}{more})")


def _print_stats(found: "CatalogueStats") -> None:
    from rich.console import Console
    from rich.table import Table

    invented = f" ({found.invented:,} invented)" if found.invented else ""
    typer.echo(f"{found.tracks:,} tracks{invented} by {found.artists:,} artists")
    typer.echo(_explicit(found))
    features = Table("feature", "lowest", "median", "highest")
    for feature, spread in found.features.items():
        features.add_row(feature, *(f"{x:g}" for x in (spread.low, spread.median, spread.high)))
    console = Console()
    console.print(features, _shares("genre", "unknown", found.genres))
    if any(found.labels):
        console.print(_shares("category", "none yet", found.labels))


def _explicit(found: "CatalogueStats") -> str:
    """Return what the catalogue knows about explicit tracks, in a sentence."""
    known = found.explicit_known_share
    if not known:
        return (
            "It does not say which tracks are explicit, so listeners who want none can only be "
            "kept from titles with explicit words."
        )
    share = f"{found.explicit_share:.0%} are explicit"
    if known == 1:
        return f"{share}."
    return f"{share}; of {1 - known:.0%} it does not say, so these count as explicit too."


def _shares(title: str, unnamed: str, counts: "dict[str, int]") -> "RichTable":
    """Return a table of how many tracks each name has, most frequent first."""
    from rich.table import Table
    from rich.text import Text

    total = sum(counts.values())
    table = Table(title, "tracks", "share")
    for name, count in list(counts.items())[:_SHOWN]:
        table.add_row(Text(name or unnamed), f"{count:,}", f"{count / total:.0%}")
    if len(counts) > _SHOWN:
        table.caption = f"and {len(counts) - _SHOWN} more"
    return table
