"""Telegram's rate limits: overall, per chat, and after a 429.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Telegram's limits.

    Args:
        per_second: Messages per second, all chats together.
        burst: Messages to one chat at once, before it is limited to one a second.
        second: The length of a second, in seconds (for tests).
    """

    per_second: int = 30
    burst: int = 5
    second: float = 1.0


USUAL = Limits()

MANY_CHATS = 1000
"""With more chats than this, idle ones are dropped."""


SHORTEST_WAIT_S = 0.01
"""Pause before asking again while the time of an answer is unknown."""


class Pace:
    """Computes how long each message must wait; it never waits itself.

    A message arrives at Telegram some time between sending it and its answer. So its place in the
    global limit is free again a second after the answer: however messages bunch on the way,
    Telegram never sees more than the limit in a second.

    Args:
        limits: Telegram's limits.
        clock: Returns monotonic seconds.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._under_way = 0
        self._answered_s: deque[float] = deque()  # within the last second
        self._free_s: dict[Hashable, float] = {}  # when a chat may send a full burst again
        self._held_s: dict[Hashable, float] = {}

    def hold(self, whom: Hashable, seconds: float) -> None:
        """Send nothing to a chat for as long as Telegram says."""
        self._held_s[whom] = max(self._held_s.get(whom, 0.0), self._clock() + seconds)

    def held_for(self, whom: Hashable) -> float:
        """Return for how many seconds nothing may be sent to a chat."""
        seconds = self._held_s.get(whom, 0.0) - self._clock()
        if seconds <= 0:
            self._held_s.pop(whom, None)
        return max(seconds, 0.0)

    def wait_in_chat(self, chat: Hashable, messages: int) -> float:
        """Take a place in a chat's queue; return the seconds until its turn."""
        now = self._clock()
        if len(self._free_s) > MANY_CHATS:
            self._free_s = {one: at for one, at in self._free_s.items() if at > now}
        free = max(self._free_s.get(chat, now), now) + messages * self._limits.second
        self._free_s[chat] = free
        return max(free - self._limits.burst * self._limits.second - now, 0.0)

    def wait_in_all(self, messages: int) -> float:
        """Take places in the global limit for messages to send now.

        Returns:
            0 if they were taken, and `answered` must follow; otherwise the seconds after which to
            ask again.
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
        """Record that messages with places were answered or failed."""
        self._under_way -= messages
        self._answered_s.extend([self._clock()] * messages)
