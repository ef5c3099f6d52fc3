"""A town whose bot starts in a fraction of a second, see `tests.support.fork_server`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.support.contracts import ROOT
from tests.support.town import Town, without_settings


class Mother:
    """The process that gives birth to bots, one at a time; it ends when the tests do."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"],
            env=without_settings(os.environ) | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.until("ready")

    def give_birth(self, folder: Path) -> int:
        """Start the bot whose settings are in a folder, and return its process."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder}\n")
        return int(self.until("born").split()[1])

    def until(self, word: str) -> str:
        """Read what is said until something begins with a word, and return that."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(word):
                return line
            assert not line.startswith("dead"), "the bot died; see bot.log"
        raise AssertionError("no bot is born any more")


mother = cache(Mother)
"""All tests have the same one."""


class QuickTown(Town):
    """Everything around one bot, which does not run at first.

    Args:
        folder: Where the bot keeps its data.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._child = 0

    def start(self) -> None:
        """Start the bot and wait until it answers."""
        self.launch()
        mother().until("Mirrortape is running")

    def launch(self) -> None:
        """Start the bot."""
        self.starts += 1
        self._child = mother().give_birth(self.folder)

    def kill(self) -> None:
        """End the bot where it is, as a power cut would."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._child = 0
            mother().until("dead")


@contextmanager
def quick_town_in(folder: Path) -> Iterator[QuickTown]:
    """Yield a town whose bot does not run yet."""
    town = QuickTown(folder)
    try:
        yield town
    finally:
        town.kill()
        town.telegram.close()
        town.server.stop()
