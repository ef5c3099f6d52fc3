"""The updates that wait for the bot, kept until it acknowledges them.

A poll acknowledges by a higher offset, a webhook by its answer.
"""

import threading
from collections import deque
from collections.abc import Callable

from bot.sandbox.telegram.bell import Bell
from bot.sandbox.telegram.refusals import Json, Refusal

MAX_WAITING = 2000
"""Beyond this many, the oldest are dropped; the real Telegram drops them after a day."""

FOR_EVER_S = 1e9

_ONLY_ON_WISH = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateQueue:
    """The updates of one bot, fetched by long polls, one poller at a time."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._lock = threading.Lock()
        self._waiting: deque[Json] = deque(maxlen=MAX_WAITING)
        self.last_id = 0
        self._allowed: frozenset[str] = frozenset()
        self._poll = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, kind: str, content: Json) -> None:
        """Add an update, unless the bot does not want this kind."""
        with self._lock:
            wanted = kind in self._allowed if self._allowed else kind not in _ONLY_ON_WISH
            if not wanted:
                return
            self.last_id += 1
            self._waiting.append({"update_id": self.last_id, kind: content})
        self._bell.ring()

    def want(self, kinds: list[str] | None) -> None:
        """Set the kinds that the bot wants; empty for the default ones, None for no change."""
        if kinds is not None:
            self._allowed = frozenset(map(str, kinds))

    async def first(self, is_over: Callable[[], bool]) -> Json | None:
        """Wait for the oldest update and return it; None once delivery has stopped."""

        def look() -> Json | None:
            if is_over():
                return {}
            with self._lock:
                return self._waiting[0] if self._waiting else None

        return await self._bell.wait_for(look, FOR_EVER_S) or None

    def drop(self, update_id: int) -> None:
        """Remove a delivered update."""
        with self._lock:
            if self._waiting and self._waiting[0]["update_id"] == update_id:
                self._waiting.popleft()

    def look_again(self) -> None:
        """Wake everybody who waits for updates to check whether they still should."""
        self._poll += 1
        self._bell.ring()

    def clear(self) -> None:
        """Remove all waiting updates."""
        with self._lock:
            self._waiting.clear()

    async def fetch(
        self, offset: int, limit: int, timeout_s: float, allowed: list[str] | None
    ) -> list[Json]:
        """Return up to `limit` updates from `offset` on, and remove those before it.

        Args:
            offset: The first update wanted; 0 for the oldest, negative to count from the end.
            limit: The most updates, 1 to 100.
            timeout_s: How long to wait for the first update.
            allowed: The kinds wanted from now on; empty for the default ones, None for no change.

        Raises:
            Refusal: Another poll has started meanwhile.
        """
        with self._lock:
            self._poll += 1
            poll = self._poll
            self.want(allowed)
            if offset < 0:
                first = max(len(self._waiting) + offset, 0)
                offset = self._waiting[first]["update_id"] if self._waiting else 0
            while self._waiting and self._waiting[0]["update_id"] < offset:
                self._waiting.popleft()
        self._bell.ring()  # an older poll that still waits ends in a conflict

        def look() -> list[Json] | None:
            if poll != self._poll:
                raise Refusal(
                    "terminated by other getUpdates request; "
                    "make sure that only one bot instance is running",
                    code=409,
                )
            with self._lock:
                return list(self._waiting)[:limit] or None

        return await self._bell.wait_for(look, timeout_s) or []
