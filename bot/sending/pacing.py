"""Telegram's rate limits: how fast messages may go out, and which chats must wait.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Telegram's rate limits.

    Args:
        per_second: Messages per second, all chats together.
        burst: Messages to one chat at once, after which it is one a second.
        second: The length of a second, in seconds; shorter in tests.
    """

    per_second: int = 30
    burst: int = 5
    second: float = 1.0


USUAL = Limits()

MANY_CHATS = 1000
"""Above this number of chats, idle ones are dropped from memory."""


SHORTEST_WAIT_S = 0.01
"""How long to wait before asking again when no answer has a known time."""


class Pace:
    """Computes how long each message must wait; it never waits itself.

    A message arrives at Telegram some time between being sent and being answered. So its slot
    becomes free one second after the answer: then no second at Telegram can see more messages than
    the limit, however the network bunches them.

    Args:
        limits: Telegram's rate limits.
        clock: Returns a monotonic time in seconds.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._under_way = 0
        self._answered_s: deque[float] = deque()  # within the last second
        self._free_s: dict[Hashable, float] = {}  # when a chat has its whole burst again
        self._held_s: dict[Hashable, float] = {}

    def hold(self, scope: Hashable, seconds: float) -> None:
        """Send nothing to a chat for this long, because Telegram said so."""
        self._held_s[scope] = max(self._held_s.get(scope, 0.0), self._clock() + seconds)

    def held_for(self, scope: Hashable) -> float:
        """Return for how many more seconds nothing may be sent to a chat."""
        seconds = self._held_s.get(scope, 0.0) - self._clock()
        if seconds <= 0:
            self._held_s.pop(scope, None)
        return max(seconds, 0.0)

    def wait_in_chat(self, chat: Hashable, messages: int) -> float:
        """Reserve a chat's next slots; return the seconds until they begin."""
        now = self._clock()
        if len(self._free_s) > MANY_CHATS:
            self._free_s = {one: at for one, at in self._free_s.items() if at > now}
        free = max(self._free_s.get(chat, now), now) + messages * self._limits.second
        self._free_s[chat] = free
        return max(free - self._limits.burst * self._limits.second - now, 0.0)

    def wait_in_all(self, messages: int) -> float:
        """Take slots of the overall limit, if enough are free.

        Returns:
            0 if they were taken; `answered` must follow. Else the seconds after which to ask
                again.
        """
        now = self._clock()
        while self._answered_s and self._answered_s[0] <= now - self._limits.second:
            self._answered_s.popleft()
        taken = self._under_way + len(self._answered_s)
        too_many = taken + messages - self._limits.per_second
        if too_many > 0 and taken:
            if too_many > len(self._answered_s):
                return SHORTEST_WAIT_S
            last_s = self._answered_s[too_many - 1] + self._limits.second
            return max(last_s - now, SHORTEST_WAIT_S)
        self._under_way += messages
        return 0.0

    def answered(self, messages: int) -> None:
        """Release the slots of messages that were answered or have failed."""
        self._under_way -= messages
        self._answered_s.extend([self._clock()] * messages)
