"""The command line. Each command imports what it needs when it runs, to keep `--help` fast."""

import re
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.backup import backup, restore
from bot.cli.benchmark import benchmark
from bot.cli.catalogue import catalogue_app
from bot.cli.doctor.command import doctor
from bot.cli.evaluate import evaluate
from bot.cli.exits import BAD_INPUT, stop
from bot.cli.label import label
from bot.cli.read import read
from bot.cli.recommend import recommend
from bot.cli.rotate_keys import rotate_keys
from bot.cli.setup.command import setup
from bot.cli.simulate import simulate
from bot.cli.train import train

_PLAINER = (
    (re.compile(r"Input should be a valid integer.*"), "a whole number is needed"),
    (re.compile(r"Input should be a valid number.*"), "a number is needed"),
    (re.compile(r"Input should be greater than or equal to (\S+)"), r"\1 is the least"),
    (re.compile(r"Input should be less than or equal to (\S+)"), r"\1 is the most"),
    (
        re.compile(r"Got unexpected extra argument\(s\) \((.*)\)"),
        r"There is too much after the command: \1",
    ),
)
"""Plainer words for typer's messages."""

_OWNS_PROCESS = "owns the process"
"""Tells a command that nothing else runs in this process, so that it may exit it."""

app = typer.Typer(
    help="A selfie in, a mixtape out: emotion in a photo, playlist in Spotify.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help is slow to load
)
catalogue_app.command()(label)
app.add_typer(catalogue_app, name="catalogue")
app.command()(setup)
app.command()(doctor)
app.command()(read)
app.command()(recommend)
app.command()(benchmark)
app.command()(evaluate)
app.command()(train)
app.command()(backup)
app.command()(restore)
app.command()(rotate_keys)
app.command()(simulate)


@app.command()
def demo(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8765,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where data is kept; default: DATA_DIR.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the chat page.")
    ] = True,
    public: Annotated[
        bool, typer.Option("--public", help="Connect by six digits, as with a PUBLIC_URL.")
    ] = False,
) -> None:
    """Try everything on this computer, no account needed: chat, local Telegram and Spotify."""
    from bot.sandbox.demo import run_demo

    _stay(
        run_demo(
            port=port,
            data_dir=data_dir,
            opens_browser=browser,
            is_public=public,
            stopping=_when_stopping(context),
        )
    )


@app.command()
def run(context: typer.Context) -> None:
    """Run the bot with the settings in .env."""
    from bot.runtime.run import run_live

    _stay(run_live(_when_stopping(context)))


def main() -> None:
    """Run the command line; report bad input in one line."""
    try:
        sys.exit(app(standalone_mode=False, obj=_OWNS_PROCESS))
    except typer.TyperException as error:
        told = error.format_message() if isinstance(error, typer.BadParameter) else str(error)
        if told:  # empty without arguments: the help has been printed
            typer.echo(f"mirrortape: {_one_line(told)} See --help.", err=True)
        sys.exit(BAD_INPUT)
    except OSError as error:  # such as a full disk under stdout
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(f"mirrortape: {error.strerror or error}{where}.", err=True)
        sys.exit(BAD_INPUT)


def _one_line(told: str) -> str:
    """Return a message about bad input as one plain sentence."""
    for pattern, plain in _PLAINER:
        told = pattern.sub(plain, told)
    return told if told.endswith("?") else f"{told.rstrip('.')}."


def _when_stopping(context: typer.Context) -> Callable[[], None]:
    """Return what a command calls when it begins to stop."""
    from bot.runtime.serving import exit_in_time

    return exit_in_time if context.obj == _OWNS_PROCESS else lambda: None


def _stay(running: Coroutine[Any, Any, None]) -> None:
    """Run until stopped; if the bot cannot start, exit with one line."""
    import asyncio
    import sqlite3

    from telegram.error import Conflict, InvalidToken

    from bot.data_faults import explain
    from bot.runtime.serving import AddressInUse
    from bot.settings import NotReady
    from bot.texts import explain_error
    from bot.worker.process import WorkerFailed
    from vision import VisionError

    try:
        asyncio.run(running)
    except VisionError as error:
        stop(explain_error(error))
    except InvalidToken:
        stop("Telegram does not know this bot: check TELEGRAM_BOT_TOKEN in .env.")
    except Conflict:
        stop("Another instance of this bot is running: stop it first.")
    except (NotReady, AddressInUse) as error:
        stop(str(error))
    except WorkerFailed as error:
        stop(f"the network could not be loaded: {error.__cause__ or error}.")
    except (sqlite3.Error, OSError) as error:
        stop(explain(error, Path("DATA_DIR")))
