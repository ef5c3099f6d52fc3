"""`mirrortape catalogue label`: learn a library's own song categories, and assign them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.catalogue import DataDir, open_catalogue, progress


def label(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Learn song categories from labelled songs and assign them to the whole catalogue.

    The file names each song's category in a column `label`, `mood`, `emotion` or `category`, and
    has its audio features, at least valence and energy. If it names artists too, cross-validation
    keeps each artist's songs together. Tracks in the file keep their category from it.
    """
    from bot.cli.label_tables import print_cross_validation, print_songs
    from recommender.catalogue.labelled import read_labelled

    with open_catalogue(data_dir) as catalogue:
        table = catalogue.load()
        with progress("Reading") as on_progress:
            songs = read_labelled(file, on_progress)
        from recommender.catalogue.labels import (  # takes a second
            check,
            cross_validate,
            label_tracks,
        )

        check(songs)
        with progress("Cross-validating", in_bytes=False) as on_progress:
            found = cross_validate(songs, on_progress)
        with progress("Labelling", in_bytes=False) as on_progress:
            labels = label_tracks(songs, table, on_progress)
        with progress("Writing", in_bytes=False) as on_progress:
            catalogue.set_labels(labels.pairs(table, on_progress))
    if as_json:
        answer = asdict(found) | {"labelled": labels.counts(), "as_in_the_file": labels.own}
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    print_songs(songs)
    print_cross_validation(found, labels.counts())
    typer.echo(f"Labelled {len(table):,} tracks, {labels.own:,} of them as the file has them.")
