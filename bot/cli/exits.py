"""Ends commands with an error, and names the next command to type."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import typer

BAD_INPUT = 2


def stop(message: str) -> NoReturn:
    """End the program with exit code 2 and one line that says what to do."""
    typer.echo(f"mirrortape: {message}", err=True)
    raise typer.Exit(BAD_INPUT)


def program() -> str:
    """Return how to call this program here."""
    if shutil.which("mirrortape"):
        return "mirrortape"
    called = sys.argv[0]
    if Path(called).name != "mirrortape":
        return "python -m bot"
    return min(called, os.path.relpath(called), key=len)
