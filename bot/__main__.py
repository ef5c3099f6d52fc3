"""The command `mirrortape`, also `python -m bot`.

It needs what Unix has, file locks above all. Where that is missing, as on Windows itself, it says
so at once, before anything is imported that would fail halfway.
"""

import sys
from importlib.util import find_spec

NOT_HERE = (
    "mirrortape: this runs on Linux and macOS. On Windows, install WSL2 (type `wsl --install` in "
    "PowerShell) and run it in there."
)


def main() -> None:
    """Run the command line, or say in one line where it runs."""
    if find_spec("fcntl") is None:
        print(NOT_HERE, file=sys.stderr)  # noqa: T201 - nothing else is imported yet
        sys.exit(2)
    from bot.cli import main as cli

    cli.main()


if __name__ == "__main__":
    main()
