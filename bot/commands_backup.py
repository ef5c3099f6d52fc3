"""The command line's `backup` and `restore`: the user data in one file, and back."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bot.exits import stop


def backup(file: Annotated[Path, typer.Argument(help="Where the copy goes.")]) -> None:
    """Copy the user data into one file, while the bot runs or not.

    Everything but SECRET_KEY is in it: keep that too, but elsewhere.
    """
    from bot.backups import back_up

    with _told_in_one_line():
        database = _database()
        if not database.exists():
            stop(f"there is no user data in {database.parent} yet, so nothing to copy.")
        back_up(database, file)
    size_kb = max(1, file.stat().st_size // 1000)
    typer.echo(f"The user data is in {file} ({size_kb:,} kB).")
    typer.echo(
        "SECRET_KEY is not in it. Keep it too, elsewhere: without it, whoever connected Spotify "
        "must do so again."
    )


def restore(file: Annotated[Path, typer.Argument(help="A copy made by backup.")]) -> None:
    """Put a copy in the place of the user data; the bot must not be running."""
    from bot.backups import restore
    from bot.running import at_rest

    with _told_in_one_line():
        database = _database()
        with at_rest(database):
            before = restore(file, database)
    typer.echo(f"The user data is as it was in {file}.")
    if before is not None:
        typer.echo(f"What was there before is in {before}; delete it once all is well.")


def _database() -> Path:
    from bot.settings import load_settings

    return load_settings().data_dir / "mirrortape.db"


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    from bot.backups import NotABackup
    from bot.settings import NotReady

    try:
        yield
    except (NotReady, NotABackup, OSError) as error:
        stop(str(error))
    except sqlite3.Error as error:
        stop(f"the data cannot be read: {error}.")
