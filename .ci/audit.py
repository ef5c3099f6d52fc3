"""Looks each package of `requirements.lock` up among the known vulnerabilities; a known one fails.

Where their database cannot be reached, one line says so and nothing fails. pip-audit alone would
end with an error there, or, behind a mirror that has packages but no vulnerabilities, pass them.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
AUDIT = (
    *(sys.executable, "-m", "pip_audit"),
    *("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"),
    *("--requirement", str(ROOT / "requirements.lock")),
)


def verdict(packages: list[dict[str, Any]]) -> tuple[str, int]:
    """Return what to say of pip-audit's report, and the exit code."""
    found = [package for package in packages if package.get("vulns")]
    if found:
        lines = [
            f"{package['name']} {package['version']}: {known['id']},"
            f" mended in {', '.join(known['fix_versions']) or 'no version yet'}"
            for package in found
            for known in package["vulns"]
        ]
        return "\n".join(["Known vulnerabilities:", *lines]), 1
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):
        return unreachable("it knows no package"), 0
    told = f"No known vulnerability in {len(packages) - len(unknown)} packages."
    return told + (f" Not looked up: {', '.join(unknown)}." if unknown else ""), 0


def unreachable(why: str) -> str:
    """Return what to say where nobody could be asked."""
    return f"The database of vulnerabilities cannot be reached, so none were looked up: {why}."


def main() -> int:
    """Ask, say what came of it, and return the exit code."""
    # This reads the lock and asks nobody: what fails here is no matter of who can be reached.
    read = subprocess.run([*AUDIT, "--dry-run"], capture_output=True, text=True)
    if read.returncode:
        print(f"requirements.lock cannot be audited: {_last_line(read.stderr)}")
        return 1
    done = subprocess.run(AUDIT, capture_output=True, text=True)
    if done.stdout:
        told, code = verdict(json.loads(done.stdout)["dependencies"])
    else:
        told, code = unreachable(_last_line(done.stderr)), 0
    print(told)
    return code


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2][:200]


if __name__ == "__main__":
    sys.exit(main())
