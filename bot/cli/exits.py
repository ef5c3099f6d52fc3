"""How commands end: on bad input, and with what to type next."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import typer

BAD_INPUT = 2


def stop(message: str) -> NoReturn:
    """Exit with code 2 and one line that says what to do."""
    typer.echo(f"mirrortape: {message}", err=True)
    raise typer.Exit(BAD_INPUT)


def program() -> str:
    """Return the command that runs this program here."""
    if shutil.which("mirrortape"):
        return "mirrortape"
    called = sys.argv[0]
    if Path(called).name != "mirrortape":
        return "python -m bot"
    return min(called, os.path.relpath(called), key=len)
