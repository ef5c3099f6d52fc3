"""`mirrortape setup`: from nothing to a bot that can run."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.catalogue import fetch
from bot.cli.exits import BAD_INPUT, program, stop

if TYPE_CHECKING:
    from bot.cli.setup.terminal import Terminal

ENV = Path(".env")
EXAMPLE = Path(__file__).resolve().parents[3] / ".env.example"
WIDTH = 88
"""The most columns of a line, however wide the terminal is."""


def setup(
    url: Annotated[
        str | None,
        typer.Option(help="Another CSV for the catalogue, as `catalogue fetch` has it."),
    ] = None,
) -> None:
    """Ask for what the bot needs, check it with the services, and write .env.

    Run it again to change something: Enter keeps what is there.
    """
    if not sys.stdin.isatty():
        stop(
            "setup asks questions, so it needs a terminal; without one, copy .env.example to .env "
            "and fill it in."
        )
    from rich.console import Console

    from bot.cli.setup.answers import SetupStopped
    from bot.cli.setup.first_run import run_first
    from bot.cli.setup.terminal import Terminal
    from bot.settings import NotReady

    console = Console(highlight=False)
    console.width = min(console.width, WIDTH)
    terminal = Terminal(console)
    try:
        terminal.title("Mirrortape", "Five short parts. Enter keeps what is there; Ctrl-C stops.")
        example = EXAMPLE.read_text(encoding="utf-8")
        bot = run_first(terminal, ENV, example, partial(datetime.now, UTC))
        has_tracks = _fill_catalogue(terminal, url)
        is_ready = _end(terminal, bot.username or "", has_tracks=has_tracks)
    except (KeyboardInterrupt, EOFError):
        typer.echo()
        stop("stopped. What you answered is in .env; run this again to go on.")
    except (NotReady, SetupStopped) as error:
        stop(str(error))
    except OSError as error:
        stop(f"{ENV.absolute()} cannot be written: {error.strerror}.")
    if not is_ready:
        raise typer.Exit(BAD_INPUT)


def _fill_catalogue(terminal: "Terminal", url: str | None) -> bool:
    """Fill the catalogue if it is empty; return whether it has tracks."""
    from bot.cli.doctor.checks import catalogue
    from bot.settings import load_settings

    terminal.section("5 · Music")
    found = catalogue(load_settings())
    if found.verdict == "ok":
        terminal.good(found.says)
        return True
    tracks = f"the tracks in {url}" if url else "28,000 tracks with their audio features (8 MB)"
    if not terminal.confirm(f"Download {tracks}?"):
        return False
    try:
        fetch(url)
    except typer.Exit:  # the reason has been printed
        return False
    return True


def _end(terminal: "Terminal", username: str, *, has_tracks: bool) -> bool:
    """Say what to type next; return whether the bot can start."""
    from bot.settings import load_settings

    has_people = bool(load_settings().allowed_ids)
    if not has_people or not has_tracks:
        terminal.section("Not quite done. What is left:")
        if not has_people:
            terminal.show(f"{program()} setup              # you, or anybody")
        if not has_tracks:
            terminal.show(f"{program()} catalogue fetch    # or: catalogue import FILE.csv")
        return False
    terminal.section("All is set. Next, type:")
    terminal.show(f"{program()} run")
    terminal.section(
        "", f"and send @{username} a selfie. `{program()} doctor` looks at all of it."
    )
    return True
