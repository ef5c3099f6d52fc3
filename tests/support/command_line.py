"""The command line, run as its user runs it: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

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
