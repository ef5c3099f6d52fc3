"""The answers of the set-up: each one is written to `.env` once it was verified.

Replaced values stay in the file as comments, so that no encryption key is lost.
"""

import os
from pathlib import Path

from bot.cli.env_file import set_aside, set_value, write_private
from bot.cli.setup.terminal import Terminal
from bot.settings import load_settings


class SetupStopped(Exception):
    """The set-up cannot continue; the message says why and what to do."""


class Answers:
    """The file that is filled in, and the settings as the bot will read them.

    Args:
        terminal: Where it is told what else changes.
        env: The file, from which the settings are read; made if there is none.
        example: What a new one begins as.

    Raises:
        NotReady: What stands in the settings cannot be read.
        OSError: `.env` cannot be read or written.
    """

    def __init__(self, terminal: Terminal, env: Path, example: str) -> None:
        self._terminal = terminal
        self._env = env
        self.settings = load_settings()
        self._write(env.read_text(encoding="utf-8") if env.exists() else example)

    def set(self, name: str, value: str) -> None:
        """Write one answer."""
        self._write(set_value(self._text, name, value))
        if os.environ.get(name, value) != value:
            self._terminal.note(f"{name} is set in the environment too, which counts more.")

    def set_aside(self, name: str, why: str) -> None:
        """Make a comment of what is no answer any more."""
        self._write(set_aside(self._text, name))
        self._terminal.note(f"{name} {why}.")

    def _write(self, text: str) -> None:
        write_private(self._env, text)
        self._text = text
        self.settings = load_settings()
