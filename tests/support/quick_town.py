"""A `Town` whose bot starts in a fraction of a second, see `tests.support.fork_server`."""

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


class ForkServer:
    """The process that forks bots, one at a time; it ends with the tests."""

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

    def fork_bot(self, folder: Path) -> int:
        """Start the bot with the settings in a folder, and return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder}\n")
        return int(self.until("started").split()[1])

    def until(self, word: str) -> str:
        """Read lines until one begins with a word, and return it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(word):
                return line
            assert not line.startswith("ended"), "the bot has ended; see bot.log"
        raise AssertionError("the fork server has ended")


fork_server = cache(ForkServer)
"""Shared by all tests."""


class QuickTown(Town):
    """One bot, which does not run at first, and the services it talks to.

    Args:
        folder: Where the bot keeps its data.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._child = 0

    def start(self) -> None:
        """Start the bot and wait until it answers."""
        self.launch()
        fork_server().until("Mirrortape is running")

    def launch(self) -> None:
        """Start the bot."""
        self.starts += 1
        self._child = fork_server().fork_bot(self.folder)

    def kill(self) -> None:
        """Kill the bot without warning, as a power cut would."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._child = 0
            fork_server().until("ended")


@contextmanager
def quick_town_in(folder: Path) -> Iterator[QuickTown]:
    """Yield a `Town` whose bot does not run yet."""
    town = QuickTown(folder)
    try:
        yield town
    finally:
        town.kill()
        town.telegram.close()
        town.server.stop()
