"""The steps of the set-up: ask for each setting, check it, and write it.

It can be interrupted and resumed; when asked again, Enter keeps what is there.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet
from telegram import User

from bot.cli.setup.answers import Answers
from bot.cli.setup.spotify_questions import SpotifyQuestions
from bot.cli.setup.telegram_questions import TelegramQuestions
from bot.cli.setup.terminal import Terminal
from bot.storage.keys import valid_keys


def run_first(terminal: Terminal, env: Path, example: str, clock: Callable[[], datetime]) -> User:
    """Ask everything and return the bot.

    Args:
        terminal: Asks and reports.
        env: The `.env` file.
        example: The initial content of a new file.
        clock: Returns the time now, in UTC.

    Raises:
        NotReady: The present settings are invalid.
        SetupStopped: The set-up cannot go on.
        OSError: `.env` cannot be read or written.
    """
    answers = Answers(terminal, env, example)
    telegram = TelegramQuestions(terminal, answers)
    spotify = SpotifyQuestions(terminal, answers, clock)
    bot = telegram.ask_bot()
    ensure_key(terminal, answers)
    telegram.ask_owner(bot)
    spotify.ask_redirect_uri()
    spotify.ask_app()
    return bot


def ensure_key(terminal: Terminal, answers: Answers) -> None:
    """Create a key if there is no valid one; an invalid one stays as a comment."""
    held = answers.settings.secret_key.get_secret_value()
    valid = valid_keys(answers.settings)
    if valid and ",".join(valid) == held.replace(" ", ""):
        return
    if held:
        answers.set_aside("SECRET_KEY", "held what is no key, and that is a comment now")
    answers.set("SECRET_KEY", ",".join(valid) or Fernet.generate_key().decode())
    if not valid:
        terminal.good("A SECRET_KEY was made. Keep a copy of .env in a safe place.")
