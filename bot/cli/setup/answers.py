"""The answers so far: each is written to `.env` once it has been checked.

No encryption key is ever lost: replaced values stay in the file as comments.
"""

import os
from pathlib import Path

from bot.cli.env_file import set_aside, set_value, write_private
from bot.cli.setup.terminal import Terminal
from bot.settings import load_settings


class SetupStopped(Exception):
    """The set-up cannot go on; the text says why and what to do."""


class Answers:
    """The `.env` file being filled in, and the settings as the bot will read them.

    Args:
        terminal: Reports other changes.
        env: The file; created if it does not exist.
        example: The initial content of a new file.

    Raises:
        NotReady: The present settings are invalid.
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
        """Comment out an answer that is no longer valid."""
        self._write(set_aside(self._text, name))
        self._terminal.note(f"{name} {why}.")

    def _write(self, text: str) -> None:
        write_private(self._env, text)
        self._text = text
        self.settings = load_settings()
