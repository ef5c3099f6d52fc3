"""One user's chat with the bot, with revisions to find what has changed.

The chat page asks for changes since a revision. The answer is the current state of everything that
changed, so a page that missed something is correct after its next request.
"""

from collections import deque

from bot.sandbox.telegram.refusals import Json
from bot.sandbox.telegram.reply_keyboards import NO_KEYBOARD, ReplyKeyboard

MAX_MESSAGES = 500
"""Older messages are dropped; a page that shows them keeps them until it is reloaded."""

MAX_ANSWERS = 50
MAX_DELETIONS = 1000
ACTION_S = 5.0
"""How long "typing" is shown, like the real one."""


class LocalChat:
    """The messages of one chat as the Bot API shows them, each with its latest revision.

    Attributes:
        user: The person, as a `User`.
        messages: By message id, oldest first.
        revision: Goes up with each change.
    """

    def __init__(self, user: Json) -> None:
        self.user = user
        self.messages: dict[int, Json] = {}
        self.revision = 0
        self._reactions: dict[int, list[str]] = {}  # the bot's
        self._own_reactions: dict[int, list[str]] = {}  # the person's
        self._changed: dict[int, int] = {}  # message id -> revision
        self._deleted: dict[int, int] = {}  # message id -> revision, oldest first
        self._oldest_deletion = 0
        self._answers: deque[tuple[int, Json]] = deque(maxlen=MAX_ANSWERS)
        self._action = ("", 0.0)  # kind, until when in seconds
        self._offered = NO_KEYBOARD

    def as_json(self) -> Json:
        """Return the chat as a `Chat`."""
        return {
            "id": self.user["id"],
            "type": "private",
            "first_name": self.user["first_name"],
        }

    def put(self, message: Json) -> None:
        """Add a message, or replace the one with the same id."""
        message_id = message["message_id"]
        self.messages[message_id] = message
        self._changed[message_id] = self._next()
        if message["from"]["is_bot"]:
            self._action = ("", 0.0)
        elif self._offered.is_for_once:
            self._offered = NO_KEYBOARD
        if len(self.messages) > MAX_MESSAGES:
            oldest = next(iter(self.messages))
            self._drop(oldest)

    def remove(self, message_id: int) -> None:
        """Delete a message."""
        self._drop(message_id)
        self._deleted[message_id] = self._next()
        if len(self._deleted) > MAX_DELETIONS:
            self._oldest_deletion = self._deleted.pop(next(iter(self._deleted)))

    def react(self, message_id: int, emoji: list[str]) -> None:
        """Set the bot's reactions to a message."""
        self._reactions[message_id] = emoji
        self._changed[message_id] = self._next()

    def react_to(self, message_id: int, emoji: list[str]) -> list[str]:
        """Set the person's reactions to a message, and return the previous ones."""
        before = self._own_reactions.get(message_id, [])
        self._own_reactions[message_id] = emoji
        self._changed[message_id] = self._next()
        return before

    def offer(self, keyboard: ReplyKeyboard) -> None:
        """Show a reply keyboard, replacing the previous one."""
        self._next()
        self._offered = keyboard

    def act(self, action: str, now_s: float) -> None:
        """Show for a while what the bot is doing."""
        self._next()
        self._action = (action, now_s + ACTION_S)

    def answer(self, answer: Json) -> None:
        """Pass the bot's answer to a pressed button to the page."""
        self._answers.append((self._next(), answer))

    def news(self, after: int | None, now_s: float) -> Json:
        """Return the changes since a revision, or everything for a new page.

        `reset` tells the page to start from scratch.
        """
        reset = after is None or after < self._oldest_deletion
        after = 0 if after is None or reset else after
        action, until = self._action
        return {
            "reset": reset,
            "messages": [
                {
                    "message": self.messages[message_id],
                    "reactions": self._reactions.get(message_id, []),
                    "own_reactions": self._own_reactions.get(message_id, []),
                }
                for message_id, revision in sorted(self._changed.items())
                if revision > after
            ],
            "deleted": [
                message_id for message_id, revision in self._deleted.items() if revision > after
            ],
            "answers": [answer for revision, answer in self._answers if revision > after],
            "offered": self._offered.rows,
            "action": {"kind": action, "seconds": until - now_s} if until > now_s else None,
        }

    def _drop(self, message_id: int) -> None:
        for table in (self.messages, self._changed, self._reactions, self._own_reactions):
            table.pop(message_id, None)

    def _next(self) -> int:
        self.revision += 1
        return self.revision
