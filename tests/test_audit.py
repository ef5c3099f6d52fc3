"""What CI says of known vulnerabilities, with a pip-audit of ours that reports what it is told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.contracts import ROOT

PIP_AUDIT = """
import os, sys
if "--dry-run" in sys.argv:
    sys.exit(os.environ["DRY_RUN"] or 0)
print(os.environ["REPORT"], end="")
sys.exit(os.environ["ENDED"] or 0)
"""

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
BROKEN = {
    "name": "broken",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}, {"id": "X-2", "fix_versions": []}],
}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def audit(
    folder: Path, *packages: dict[str, Any], ended: str = "", dry_run: str = ""
) -> subprocess.CompletedProcess[str]:
    (folder / "pip_audit.py").write_text(PIP_AUDIT)
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "audit.py")],
        env={
            **os.environ,
            "PYTHONPATH": str(folder),
            "REPORT": json.dumps({"dependencies": packages}) if packages else "",
            "ENDED": ended,
            "DRY_RUN": dry_run,
        },
        capture_output=True,
        text=True,
    )


def test_a_known_vulnerability_fails_and_is_named(tmp_path: Path) -> None:
    done = audit(tmp_path, SOUND, BROKEN, UNKNOWN, ended="Found 2 known vulnerabilities")
    assert done.returncode == 1
    assert "broken 2.0: PYSEC-2026-1, mended in 2.1" in done.stdout
    assert "broken 2.0: X-2, mended in no version yet" in done.stdout
    assert "sound" not in done.stdout


@pytest.mark.parametrize(
    ("packages", "ended", "says"),
    [
        ([SOUND], "", "No known vulnerability in 1 packages.\n"),
        ([SOUND, UNKNOWN], "", "1 packages. Not looked up: unknown.\n"),
        ([UNKNOWN, UNKNOWN], "", "cannot be reached, so none were looked up: it knows no"),
        ([], "a trace\nConnectionError: no such host\n", "looked up: ConnectionError: no such"),
    ],
)
def test_what_cannot_be_looked_up_is_said_in_one_line(
    tmp_path: Path, packages: list[dict[str, Any]], ended: str, says: str
) -> None:
    done = audit(tmp_path, *packages, ended=ended)
    assert (done.returncode, done.stderr) == (0, "")
    assert says in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_lock_that_cannot_be_read_fails(tmp_path: Path) -> None:
    done = audit(tmp_path, SOUND, dry_run="ERROR: sound does not contain a hash")
    assert done.returncode == 1
    assert "sound does not contain a hash" in done.stdout
