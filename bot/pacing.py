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


class Pace:
    """Says how long each message must wait; it never waits itself.

    Args:
        limits: What Telegram takes.
        clock: Returns the time in seconds, from any beginning on.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._sent_s: deque[float] = deque(maxlen=limits.per_second)
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
        """Take a place in the row of all messages; return the seconds until its turn."""
        now = turn = self._clock()
        for _ in range(messages):
            if len(self._sent_s) == self._limits.per_second:
                turn = max(turn, self._sent_s[0] + self._limits.second)
            self._sent_s.append(turn)
        return turn - now
