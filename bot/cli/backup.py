"""`mirrortape backup` and `restore`: copy the user data to one file, and put it back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.exits import stop


def backup(file: Annotated[Path, typer.Argument(help="The backup to write.")]) -> None:
    """Copy the user data into one file, whether the bot runs or not.

    It holds everything but SECRET_KEY: keep that too, but elsewhere.
    """
    from bot.data_faults import explaining_errors
    from bot.storage.backups import back_up

    with _errors_in_one_line():
        database = _database()
        with explaining_errors(database):
            if not database.exists():
                stop(f"there is no user data in {database.parent} yet, so nothing to copy.")
            back_up(database, file)
    size_kb = max(1, file.stat().st_size // 1000)
    typer.echo(f"The user data is in {file} ({size_kb:,} kB).")
    typer.echo(
        "SECRET_KEY is not in it. Keep it too, elsewhere: without it, whoever connected Spotify "
        "must do so again."
    )


def restore(file: Annotated[Path, typer.Argument(help="A file made by `backup`.")]) -> None:
    """Replace the user data by a backup; the bot must not be running."""
    from bot.data_faults import explaining_errors
    from bot.runtime.database_lock import at_rest
    from bot.settings import load_settings
    from bot.storage.backups import restore
    from bot.storage.keys import cipher

    with _errors_in_one_line():
        database, keys = _database(), cipher(load_settings())
        with explaining_errors(database), at_rest(database):
            done = restore(file, database, keys, datetime.now(UTC))
    typer.echo(f"The user data is as it was in {file}.")
    if done.left_out:
        who = "person" if done.left_out == 1 else "people"
        typer.echo(f"Without {done.left_out} {who} who asked to be forgotten since.")
    if not done.knows_all:
        typer.echo(
            "There is no record of who asked to be forgotten after that backup was made: if "
            "anybody did, they are back."
        )
    if done.before is not None:
        typer.echo(f"What was there before is in {done.before}, for as long as a nightly copy.")


def _database() -> Path:
    from bot.settings import load_settings

    return load_settings().data_dir / "mirrortape.db"


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    from bot.settings import NotReady
    from bot.storage.backups import NotABackup

    try:
        yield
    except (NotReady, NotABackup) as error:
        stop(str(error))
