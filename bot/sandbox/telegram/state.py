"""The state of the local Telegram, and what the bot does in it.

Nothing is kept on disk and nothing leaves the process.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from bot.sandbox.telegram.bell import Bell
from bot.sandbox.telegram.files import FileStore
from bot.sandbox.telegram.local_chat import LocalChat
from bot.sandbox.telegram.refusals import NOT_MODIFIED, Json, Refusal
from bot.sandbox.telegram.reply_keyboards import ReplyKeyboard
from bot.sandbox.telegram.updates import UpdateQueue
from bot.sandbox.telegram.webhook import Delivering

QUERY_LIFETIME_S = 60.0
"""How long a bot may answer a pressed button."""

_NAMES = ("Robin", "Kim", "Alex", "Sam", "Noa", "Charlie", "Jo", "Mika", "Toni", "Sasha")


class TelegramState:
    """One bot, any number of people, each in a private chat with it.

    Its methods may be called from any thread.

    Args:
        token: The bot's token; its part before the colon is the bot's id.
        clock: Returns the present time, with a time zone.
    """

    def __init__(self, token: str, clock: Callable[[], datetime]) -> None:
        self.token = token
        self.bell = Bell()
        self.files = FileStore()
        self.updates = UpdateQueue(self.bell)
        self.delivering: Delivering | None = None
        self.leads_to: dict[str, str] = {}  # where public addresses lead on this computer
        self.profile = {"name": "Mirrortape", "description": "", "short_description": ""}
        self._commands: dict[tuple[str, str], list[Json]] = {}  # by scope and language
        self._epoch = secrets.token_hex(4)
        self._profile_version = 0
        self._clock = clock
        self._lock = threading.RLock()
        self.chats: dict[int, LocalChat] = {}
        self.queries: dict[str, tuple[int, float]] = {}  # id -> user, when pressed
        self._last_message_id = 0
        bot_id = token.partition(":")[0]
        self._bot_id = int(bot_id) if bot_id.isdecimal() else 1

    @property
    def bot_user(self) -> Json:
        """The bot as a `User`."""
        return {
            "id": self._bot_id,
            "is_bot": True,
            "first_name": self.profile["name"],
            "username": "mirrortape_local_bot",
        }

    def now_s(self) -> float:
        """Return the present time in seconds since 1970."""
        return self._clock().timestamp()

    def post(self, chat_id: int, content: Json, reply_to: int | None = None) -> Json:
        """Send a message of the bot."""
        with self.changing():
            return self.add(self.chat(chat_id), self.bot_user, content, reply_to)

    def offer(self, chat_id: int, keyboard: ReplyKeyboard) -> None:
        """Show a reply keyboard in the place of the one before."""
        with self.changing():
            self.chat(chat_id).offer(keyboard)

    def edit(self, chat_id: int, message_id: int, change: Callable[[Json], Json]) -> Json:
        """Replace a message of the bot by the result of `change`."""
        with self.changing():
            chat = self.chat(chat_id)
            message = chat.messages.get(message_id)
            if message is None:
                raise Refusal("message to edit not found")
            if not message["from"]["is_bot"]:
                raise Refusal("message can't be edited")
            changed = change(dict(message))
            if changed == message:
                raise Refusal(NOT_MODIFIED)
            changed["edit_date"] = int(self.now_s())
            chat.put(changed)
            return changed

    def remove(self, chat_id: int, message_id: int) -> None:
        """Delete a message, whoever sent it."""
        with self.changing():
            chat = self.chat(chat_id)
            if message_id not in chat.messages:
                raise Refusal("message to delete not found")
            chat.remove(message_id)

    def answer(self, query_id: str, answer: Json) -> None:
        """Answer a pressed button."""
        with self.changing():
            user_id, pressed_s = self.queries.get(query_id, (0, float("-inf")))
            if self.now_s() - pressed_s > QUERY_LIFETIME_S:
                raise Refusal(
                    "query is too old and response timeout expired or query ID is invalid"
                )
            self.chats[user_id].answer({"query_id": query_id, **answer})

    def act(self, chat_id: int, action: str) -> None:
        """Show what the bot is doing."""
        with self.changing():
            self.chat(chat_id).act(action, self.now_s())

    def react(self, chat_id: int, message_id: int, emoji: list[str]) -> None:
        """Show the bot's reactions at a message."""
        with self.changing():
            chat = self.chat(chat_id)
            if message_id not in chat.messages:
                raise Refusal("message to react not found")
            chat.react(message_id, emoji)

    def describe(self, **texts: str) -> None:
        """Change the bot's name or descriptions."""
        with self.changing():
            self.profile |= texts
            self._profile_version += 1

    def deliver_to(self, url: str, secret: str, kinds: list[str] | None) -> None:
        """Deliver updates to a URL from now on; an empty one ends this."""
        with self._lock:
            self.updates.want(kinds)
            if self.delivering is not None:
                self.delivering.stop()
            self.delivering = (
                Delivering(self.updates, url, secret, self.leads_to, self.now_s) if url else None
            )
        self.updates.look_again()  # a poll that waits ends in a conflict

    def set_commands(self, scope: Json | None, language: str, commands: list[Json]) -> None:
        """Change the list of commands; an empty one removes it."""
        with self.changing():
            self._commands[_scope_key(scope), language] = commands
            self._profile_version += 1

    def commands(self, scope: Json | None = None, language: str = "") -> list[Json]:
        """Return the commands of a scope and language."""
        return self._commands.get((_scope_key(scope), language), [])

    def chat(self, chat_id: int) -> LocalChat:
        """Return the chat with a person who has written to the bot before."""
        chat = self.chats.get(chat_id)
        if chat is None:
            raise Refusal("chat not found")
        return chat

    async def news(self, user_id: int, cursor: str, timeout_s: float) -> Json:
        """Wait until a chat has changed since the cursor, and return the changes.

        Args:
            user_id: The chat's user.
            cursor: From the last answer; empty for everything.
            timeout_s: How long to wait before answering that nothing changed.
        """
        await self.bell.wait_for(lambda: self._cursor(user_id) != cursor or None, timeout_s)
        with self._lock:
            chat = self.chats.get(user_id) or LocalChat(person(user_id))
            return {
                **chat.news(self._revision(cursor), self.now_s()),
                "cursor": self._cursor(user_id),
                "bot": {**self.profile, "commands": self.commands()},
            }

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock while the state changes, then wake those who wait."""
        with self._lock:
            yield
        self.bell.ring()

    def add(self, chat: LocalChat, sender: Json, content: Json, reply_to: int | None) -> Json:
        """Add a message to a chat and return it."""
        self._last_message_id += 1
        message = {
            "message_id": self._last_message_id,
            "from": sender,
            "chat": chat.as_json(),
            "date": int(self.now_s()),
            **content,
        }
        if (original := chat.messages.get(reply_to or 0)) is not None:
            message["reply_to_message"] = {
                key: value for key, value in original.items() if key != "reply_to_message"
            }
        chat.put(message)
        return message

    def _cursor(self, user_id: int) -> str:
        chat = self.chats.get(user_id)
        return f"{self._epoch}.{self._profile_version}.{chat.revision if chat else 0}"

    def _revision(self, cursor: str) -> int | None:
        """Return the revision of a cursor; None for one from before a restart."""
        epoch, _, rest = cursor.partition(".")
        revision = rest.rpartition(".")[2]
        return int(revision) if epoch == self._epoch and revision.isdecimal() else None


def person(user_id: int) -> Json:
    """Return the person with this id, as a `User`."""
    name = _NAMES[(user_id - 1) % len(_NAMES)]
    return {"id": user_id, "is_bot": False, "first_name": name, "language_code": "en"}


def _scope_key(scope: Json | None) -> str:
    """Return the key for the commands of a scope."""
    if not isinstance(scope, dict | None):
        raise Refusal("can't parse BotCommandScope JSON object")
    if scope is None or scope.get("type") in ("default", "all_private_chats"):
        return "default"
    return json.dumps(scope, sort_keys=True)
