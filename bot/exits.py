"""How commands end when they cannot do what was asked."""

from typing import NoReturn

import typer

BAD_INPUT = 2


def stop(message: str) -> NoReturn:
    """End the program with exit code 2 and one line that says what to do."""
    typer.echo(f"mirrortape: {message}", err=True)
    raise typer.Exit(BAD_INPUT)
