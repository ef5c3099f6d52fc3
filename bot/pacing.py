"""How fast messages may go out, and who must be left in peace: Telegram's limits.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What Telegram takes.

    Args:
        per_second: Messages in any one second, all chats together.
        burst: Messages to one chat at once; then it is one a second. Telegram allows a short one.
        second: How long a second is, in seconds: a little more, since what leaves here in one may
            arrive there in less.
    """

    per_second: int = 30
    burst: int = 5
    second: float = 1.05


USUAL = Limits()

MANY_CHATS = 1000
"""From then on those are dropped that have been silent."""


SHORTEST_WAIT_S = 0.001
"""Never 0 by rounding, which would mean that it may go."""


class Pace:
    """Says how long each message must wait; it never waits itself.

    Args:
        limits: What Telegram takes.
        clock: Returns the time in seconds, from any beginning on.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._sent_s: deque[float] = deque()  # within the last second
        self._free_s: dict[Hashable, float] = {}  # when a chat has its whole burst again
        self._held_s: dict[Hashable, float] = {}

    def hold(self, whom: Hashable, seconds: float) -> None:
        """Leave a chat in peace for as long as Telegram says."""
        self._held_s[whom] = max(self._held_s.get(whom, 0.0), self._clock() + seconds)

    def held_for(self, whom: Hashable) -> float:
        """Return for how many seconds a chat must still be left in peace."""
        seconds = self._held_s.get(whom, 0.0) - self._clock()
        if seconds <= 0:
            self._held_s.pop(whom, None)
        return max(seconds, 0.0)

    def wait_in_chat(self, chat: Hashable, messages: int) -> float:
        """Take a place in the row of a chat's messages; return the seconds until its turn."""
        now = self._clock()
        if len(self._free_s) > MANY_CHATS:
            self._free_s = {one: at for one, at in self._free_s.items() if at > now}
        free = max(self._free_s.get(chat, now), now) + messages * self._limits.second
        self._free_s[chat] = free
        return max(free - self._limits.burst * self._limits.second - now, 0.0)

    def wait_in_all(self, messages: int) -> float:
        """Count messages that go out now, as far as all chats together allow.

        Returns:
            0 if they may; else the seconds after which to ask again, and nothing was counted.
        """
        now, limit = self._clock(), self._limits.per_second
        while self._sent_s and self._sent_s[0] <= now - self._limits.second:
            self._sent_s.popleft()
        too_many = len(self._sent_s) + messages - limit
        if too_many > 0 and self._sent_s:
            last = self._sent_s[min(too_many, len(self._sent_s)) - 1]
            return max(last + self._limits.second - now, SHORTEST_WAIT_S)
        self._sent_s.extend([now] * messages)
        return 0.0
