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
        second: How long a second is, in seconds.
    """

    per_second: int = 30
    burst: int = 5
    second: float = 1.0


USUAL = Limits()

MANY_CHATS = 1000
"""From then on those are dropped that have been silent."""


SHORTEST_WAIT_S = 0.01
"""After which to ask again where it is not known when an answer comes."""


class Pace:
    """Says how long each message must wait; it never waits itself.

    A message arrives some time between its leaving here and the answer to it. So its place in the
    second is free again a second after the answer: then no more can arrive there in one second
    than left here, however they bunch on the way.

    Args:
        limits: What Telegram takes.
        clock: Returns the time in seconds, from any beginning on.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._under_way = 0
        self._answered_s: deque[float] = deque()  # within the last second
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
        """Take places for messages that go out now, as far as all chats together allow.

        Returns:
            0 if they may, and `answered` must follow; else the seconds after which to ask again,
            and nothing was taken.
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
        """Note that messages which had places have arrived, or never will."""
        self._under_way -= messages
        self._answered_s.extend([self._clock()] * messages)
