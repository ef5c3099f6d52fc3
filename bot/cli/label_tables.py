"""Prints what `catalogue label` learned as tables in the terminal."""

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli.catalogue import print_skipped
from recommender.catalogue.labelled import LabelledSongs
from recommender.catalogue.labels import CrossValidation

_MATRIX = 12
"""The most categories whose confusion matrix fits a terminal."""

_NAMED = 7
"""The most categories whose names fit as well."""

_MISTAKES = 15


def print_songs(songs: LabelledSongs) -> None:
    """Print what a file of labelled songs contains."""
    skipped = sum(reason.count for reason in songs.skipped)
    typer.echo(
        f"{songs.source}: {len(songs):,} songs in {len(songs.categories)} categories; "
        f"learned from {', '.join(songs.features)}."
    )
    typer.echo(f"{songs.rows:,} rows: {songs.repeats:,} repeated a song, {skipped:,} skipped.")
    print_skipped(songs.skipped)
    if songs.disputed:
        typer.echo(
            f"{songs.disputed:,} songs are in several categories: the most frequent counts."
        )


def print_cross_validation(found: CrossValidation, labelled: dict[str, int]) -> None:
    """Print how well categories are predicted.

    Args:
        found: The results.
        labelled: The number of catalogue tracks in each category now.
    """
    console = Console(highlight=False)
    apart = (
        "no artist is both learned from and asked about"
        if found.by_artist
        else "the file names no artists, so songs by one artist may flatter the figures"
    )
    console.print(
        f"Cross-validation in {len(found.folds)} folds; {apart}:\n"
        f"macro-F1 {found.macro_f1:.3f} ± {found.spread:.3f} over the folds "
        f"(guesses would get {found.chance:.3f}), accuracy {found.accuracy:.3f}."
    )
    if not found.is_informed:
        console.print("That is hardly better than guessing: do not expect much of these labels.")
    table = Table("category", "songs", "precision", "recall", "F1", "tracks now")
    for category, score in found.categories.items():
        shares = (f"{share:.2f}" for share in (score.precision, score.recall, score.f1))
        table.add_row(Text(category), f"{score.songs:,}", *shares, f"{labelled[category]:,}")
    console.print(table)
    if len(found.categories) <= _MATRIX:
        console.print(_confusion(found))
    else:
        console.print(_mistakes(found))


def _confusion(found: CrossValidation) -> Table:
    """Return the confusion matrix: true categories as rows, predicted ones as columns."""
    names = list(found.categories)
    if len(names) > _NAMED:
        names = [f"{number} {name}" for number, name in enumerate(names, start=1)]
        heads = [str(number) for number in range(1, len(names) + 1)]
    else:
        heads = names
    table = Table(title="In the file (rows), and what it was taken for (columns)")
    table.add_column()
    for head in heads:
        table.add_column(Text(head), justify="right")
    for name, row in zip(names, found.confusion, strict=True):
        table.add_row(Text(name), *(f"{count:,}" for count in row))
    return table


def _mistakes(found: CrossValidation) -> Table:
    """Return the most frequent mistakes, if the matrix would be too wide."""
    names = list(found.categories)
    mistakes = sorted(
        (
            (count, names[truth], names[taken])
            for truth, row in enumerate(found.confusion)
            for taken, count in enumerate(row)
            if truth != taken and count
        ),
        reverse=True,
    )
    table = Table("in the file", "taken for", "songs", title="The most frequent mistakes")
    for count, truth_name, taken_name in mistakes[:_MISTAKES]:
        table.add_row(Text(truth_name), Text(taken_name), f"{count:,}")
    return table
