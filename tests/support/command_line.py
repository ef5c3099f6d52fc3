"""The command line, in a process of its own or, which is quicker, in this one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from typer.testing import CliRunner

from bot.cli.main import app
from tests.support.contracts import ROOT


def mirrortape(
    *words: str, folder: Path, stdout: int | IO[str] = subprocess.PIPE, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with that folder's `data` and these settings."""
    own = {"DATA_DIR": "data", "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env=os.environ | own | settings,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def run(*words: str) -> str:
    """Run a command that succeeds and return what it prints; nothing goes to stderr."""
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refused(*words: str) -> str:
    """Run a command that fails as it should and return its one line on stderr."""
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("mirrortape: ")
    return line
