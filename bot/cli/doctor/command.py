"""`mirrortape doctor`: check this installation and say what to do."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import BAD_INPUT, program

if TYPE_CHECKING:
    from rich.console import Console

    from bot.cli.doctor.findings import Finding

_MARKS = {"ok": ("✓", "green"), "wrong": ("✗", "red"), "unknown": ("?", "yellow")}
_NAME_WIDTH = 13


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Check settings, services, files and ports; say in one line each what to do."""
    from bot.cli.doctor.checks import examine

    findings = examine(Path(".env"), partial(datetime.now, UTC))
    if as_json:
        found = list(findings)
        is_well = _is_well(found)
        checks = [asdict(finding) for finding in found]
        typer.echo(json.dumps({"ok": is_well, "checks": checks}, ensure_ascii=False))
    else:
        is_well = _is_well(_shown(findings))
    if not is_well:
        raise typer.Exit(BAD_INPUT)


def _shown(findings: "Iterable[Finding]") -> "list[Finding]":
    """Print findings as they come, and a summary; return all."""
    from rich.console import Console

    console = Console(highlight=False)
    found = []
    for finding in findings:
        found.append(finding)
        if console.is_terminal:
            _print_row(console, finding)
        else:
            typer.echo(f"{finding.verdict:<8} {finding.what}: {finding.says}")
    wrong = sum(finding.verdict == "wrong" for finding in found)
    noun = "thing" if wrong == 1 else "things"
    end = f"{wrong} {noun} to mend." if wrong else f"All is well. Next: {program()} run"
    typer.echo(f"\n {end}\n" if console.is_terminal else end)
    return found


def _print_row(console: "Console", finding: "Finding") -> None:
    """Print one finding, with a hanging indent."""
    from rich.table import Table
    from rich.text import Text

    mark, style = _MARKS[finding.verdict]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=2, justify="right")
    grid.add_column(width=_NAME_WIDTH)
    grid.add_row(Text(mark, style), Text(finding.what, "bold"), Text(finding.says))
    console.print(grid)


def _is_well(findings: "Iterable[Finding]") -> bool:
    return all(finding.verdict != "wrong" for finding in findings)
