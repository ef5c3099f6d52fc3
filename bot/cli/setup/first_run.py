"""Asks for the settings in `.env`, verifies and writes each of them.

The set-up can be interrupted and continued later; Enter keeps an existing value.
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
from bot.storage.keys import sound_keys


def run_first(terminal: Terminal, env: Path, example: str, clock: Callable[[], datetime]) -> User:
    """Ask everything and return the bot.

    Args:
        terminal: Asks and tells.
        env: The file that is filled in.
        example: What a new one begins as.
        clock: Returns the time now, in UTC.

    Raises:
        NotReady: What stands in the settings cannot be read.
        SetupStopped: It cannot go on.
        OSError: `.env` cannot be read or written.
    """
    answers = Answers(terminal, env, example)
    telegram = TelegramQuestions(terminal, answers)
    spotify = SpotifyQuestions(terminal, answers, clock)
    bot = telegram.ask_bot()
    ensure_key(terminal, answers)
    telegram.ask_owner(bot)
    spotify.ask_way_back()
    spotify.ask_app()
    return bot


def ensure_key(terminal: Terminal, answers: Answers) -> None:
    """Make a key where there is none; one that is torn stays as a comment."""
    held = answers.settings.secret_key.get_secret_value()
    sound = sound_keys(answers.settings)
    if sound and ",".join(sound) == held.replace(" ", ""):
        return
    if held:
        answers.set_aside("SECRET_KEY", "held what is no key, and that is a comment now")
    answers.set("SECRET_KEY", ",".join(sound) or Fernet.generate_key().decode())
    if not sound:
        terminal.good("A SECRET_KEY was made. Keep a copy of .env in a safe place.")
