"""`mirrortape rotate-keys`: re-encrypt everything with the newest key."""

import sqlite3
from pathlib import Path

import typer

from bot.cli.exits import BAD_INPUT, stop


def rotate_keys() -> None:
    """Re-encrypt Spotify tokens and waiting messages with the first key of SECRET_KEY.

    Put the new key in front of the old one (SECRET_KEY=new,old), restart the bot, and run this, as
    often as you like and while the bot runs. Then remove the old key and restart the bot.
    """
    from bot.data_faults import explain
    from bot.runtime.database_lock import rotating
    from bot.settings import NotReady, load_settings
    from bot.storage.keys import cipher
    from bot.storage.records import SEALED, open_stores
    from recommender.storage.rotation import rotate

    folder = None
    try:
        settings = load_settings()
        keys, folder = cipher(settings), settings.data_dir
        database = folder / "mirrortape.db"
        if not database.exists():
            stop(f"there is no user data in {folder} yet, so nothing to re-encrypt.")
        with rotating(database, settings):
            db = open_stores(database, keys).people.db
            done = rotate(db, keys, SEALED)
            db.close()
    except NotReady as error:
        stop(str(error))
    except (sqlite3.Error, OSError) as error:
        stop(explain(error, folder or Path("DATA_DIR")))
    rows = "row is" if done.renewed == 1 else "rows are"
    typer.echo(f"{done.renewed:,} {rows} encrypted with the newest key.")
    if done.unreadable:
        _tell_unreadable(done.unreadable)
        raise typer.Exit(BAD_INPUT)
    typer.echo("SECRET_KEY needs no other key any more.")


def _tell_unreadable(users: tuple[int, ...]) -> None:
    whose = ", ".join(map(str, users))
    noun = "user" if len(users) == 1 else "users"
    typer.echo(
        f"mirrortape: what belongs to {len(users)} {noun} opens with none of these keys and was "
        f"left as it is: {whose}. Put its key into SECRET_KEY and run this again; without it, "
        "they must connect anew.",
        err=True,
    )
