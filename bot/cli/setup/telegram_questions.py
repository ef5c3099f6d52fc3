"""The set-up's questions about Telegram: which bot it is, and who owns it."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from telegram import User
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.cli.owner import Owner, identify, make_code, printable, wait_for_owner, webhook_of
from bot.cli.setup.answers import Answers, SetupStopped
from bot.cli.setup.terminal import Terminal

_TOKEN = re.compile(r"(?<![\w-])\d{5,}:[\w-]{30,}(?![\w-])", re.ASCII)

BOT_STEPS = (
    "Open https://t.me/BotFather in Telegram and send /newbot.",
    "Choose a name, then a username that ends in bot.",
    "Copy the token from the answer and paste it here. It does not show.",
)

T = TypeVar("T")


class TelegramQuestions:
    """Asks for the bot and for its owner.

    Args:
        terminal: Asks and reports.
        answers: Stores the answers.
    """

    def __init__(self, terminal: Terminal, answers: Answers) -> None:
        self._terminal = terminal
        self._answers = answers

    def ask_bot(self) -> User:
        """Ask for the bot's token and return the bot.

        Raises:
            SetupStopped: Telegram cannot be reached.
        """
        held = _TOKEN.search(self._answers.settings.telegram_bot_token.get_secret_value())
        known = held[0] if held else ""
        self._terminal.section("1 · The bot", steps=() if known else BOT_STEPS)
        question = f"Token [Enter keeps {shortened(known)}]" if known else "Token"
        while True:
            typed = self._terminal.ask_hidden(question)
            match = _TOKEN.search(typed or known)
            if match is None:
                self._terminal.bad(
                    "That is no token. It looks like 123456789:AAF..., in BotFather's answer."
                )
                continue
            try:
                bot = self._ask_telegram(
                    partial(identify, match[0], self._answers.settings.telegram_api_url)
                )
            except InvalidToken:  # its text contains the token
                self._terminal.bad("Telegram does not know that token. Copy it from BotFather.")
                continue
            self._terminal.good(f"{printable(bot.full_name)}, @{bot.username}")
            if match[0] != known:
                self._answers.set("TELEGRAM_BOT_TOKEN", match[0])
            return bot

    def ask_owner(self, bot: User) -> None:
        """Allow the user who sends a code to the bot.

        Raises:
            SetupStopped: Telegram cannot be reached, or the bot stays with another program.
        """
        allowed = self._answers.settings.allowed_ids
        self._terminal.section(
            "2 · You", "Only those whom you name may use the bot. A code tells it who you are."
        )
        if allowed:
            self._terminal.good(f"These may use it: {', '.join(sorted(allowed))}")
            if not self._terminal.confirm("Add a Telegram account?", default=False):
                return
        self._ask_for_webhook()
        owner = self._linked(bot)
        if owner is None:
            self._terminal.note("Left as it is. Run this again to add yourself.")
        elif str(owner.user_id) not in allowed:
            ids = [*sorted(allowed), str(owner.user_id)]
            self._answers.set("ALLOWED_TELEGRAM_IDS", ",".join(ids))
            self._terminal.good(
                "You may use the bot. Anybody else is told their number, to be added to .env."
            )

    def _ask_for_webhook(self) -> None:
        """Ask before taking over updates that another program receives."""
        token = self._answers.settings.telegram_bot_token.get_secret_value()
        url = self._ask_telegram(
            partial(webhook_of, token, self._answers.settings.telegram_api_url)
        ).url
        if url and not self._terminal.confirm(
            f"This bot's messages go to {urlsplit(url).netloc} now. Take them from there?"
        ):
            raise SetupStopped("the bot stays with that program. Make another with @BotFather.")

    def _linked(self, bot: User) -> Owner | None:
        """Return the user who sent the code and confirmed it here; None if they gave up."""
        while True:
            code = make_code()
            self._terminal.section(
                "", f"Open this and press Start, or send the code to @{bot.username}:"
            )
            self._terminal.show(f"https://t.me/{bot.username}?start={code}")
            self._terminal.show(f"{code[:4]}-{code[4:]}")
            try:
                owner = self._await_code(code)
            except Conflict:
                self._terminal.bad(
                    "Another program fetches this bot's messages. Stop it first; it may be "
                    "`mirrortape run`."
                )
            except TelegramError:
                self._say_unreachable()
            else:
                if owner is None:
                    self._terminal.bad("No code came in time.")
                elif self._terminal.confirm(f"{owner.name}, number {owner.user_id}: is it you?"):
                    return owner
            if not self._terminal.confirm("Try again, with a new code?"):
                return None

    def _await_code(self, code: str) -> Owner | None:
        token = self._answers.settings.telegram_bot_token.get_secret_value()
        waiting = wait_for_owner(
            token,
            self._answers.settings.telegram_api_url,
            code,
            on_other=lambda: self._terminal.note("A message came that is not the code."),
        )
        with self._terminal.waiting("Waiting for the code, for five minutes ..."):
            return asyncio.run(waiting)

    def _ask_telegram(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return Telegram's answer; if there is none, ask whether to retry.

        Raises:
            InvalidToken: Telegram does not know the bot.
            SetupStopped: Telegram cannot be reached.
        """
        while True:
            try:
                with self._terminal.waiting("Asking Telegram ..."):
                    return asyncio.run(ask())
            except InvalidToken:
                raise
            except TelegramError:
                self._say_unreachable()
                if not self._terminal.confirm("Try again?"):
                    raise SetupStopped(
                        "Telegram cannot be reached. Run this again once it can; what you "
                        "answered is kept."
                    ) from None

    def _say_unreachable(self) -> None:
        host = urlsplit(self._answers.settings.telegram_api_url).netloc
        self._terminal.bad(f"{host} does not answer. Check the connection.")


def shortened(secret: str) -> str:
    """Return the part of a secret that identifies it."""
    return f"{secret.partition(':')[0][:4]}...{secret[-4:]}"
