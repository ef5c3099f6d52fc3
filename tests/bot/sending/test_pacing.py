"""No schedule of messages gets past Telegram's limits, and none waits longer than it must."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sending.pacing import Limits, Pace

LIMITS = Limits(per_second=4, burst=3, second=1.0)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),  # the chat
            st.floats(0, 2),  # seconds until it is wanted
            st.integers(1, 2),  # messages
            st.floats(0, 1.5),  # seconds until it is answered
            st.floats(0, 1),  # when it arrives, as a share of these
        ),
        max_size=60,
    )
)
def test_no_second_and_no_chat_gets_more_than_telegram_takes(
    wanted: list[tuple[int, float, int, float, float]],
) -> None:
    clock = Clock()
    pace = Pace(LIMITS, clock)
    arrived: list[float] = []
    unanswered: list[tuple[float, int]] = []
    by_chat: defaultdict[int, list[float]] = defaultdict(list)

    def wait(seconds: float) -> None:
        until_s = clock.now_s + seconds
        while unanswered and min(unanswered)[0] <= until_s:
            clock.now_s, messages = min(unanswered)
            unanswered.remove((clock.now_s, messages))
            pace.answered(messages)
        clock.now_s = until_s

    for chat, pause_s, messages, answer_s, share in wanted:
        wait(pause_s)
        wait(pace.wait_in_chat(chat, messages))
        while wait_s := pace.wait_in_all(messages):
            wait(wait_s)
        unanswered.append((clock.now_s + answer_s, messages))
        arrived += [clock.now_s + share * answer_s] * messages
        by_chat[chat] += [clock.now_s] * messages
    assert most_within(1.0, arrived) <= LIMITS.per_second
    for times in by_chat.values():
        assert most_within(1.0, times) <= LIMITS.burst + 1
        assert most_within(5.0, times) <= LIMITS.burst + 5


def most_within(seconds: float, times: list[float]) -> int:
    """Return how many of the times lie in the fullest span that is a little shorter."""
    return max((sum(0 <= each - t < seconds - 1e-6 for each in times) for t in times), default=0)


def test_a_burst_goes_out_at_once_and_then_one_a_second() -> None:
    pace = Pace(LIMITS, Clock())
    assert [pace.wait_in_chat(1, 1) for _ in range(6)] == pytest.approx([0, 0, 0, 1, 2, 3])
    assert pace.wait_in_chat(2, 1) == 0


def test_a_chat_that_was_silent_has_its_burst_again() -> None:
    clock = Clock()
    pace = Pace(LIMITS, clock)
    for _ in range(4):
        pace.wait_in_chat(1, 1)
    clock.now_s += 4.0
    assert [pace.wait_in_chat(1, 1) for _ in range(4)] == pytest.approx([0, 0, 0, 1])


def test_a_chat_is_left_in_peace_for_as_long_as_told_and_no_other_is() -> None:
    clock = Clock()
    pace = Pace(LIMITS, clock)
    pace.hold(1, 7.0)
    pace.hold(1, 3.0)  # does not shorten it
    assert (pace.held_for(1), pace.held_for(2)) == (7.0, 0.0)
    clock.now_s += 7.0
    assert pace.held_for(1) == 0.0


def test_of_many_chats_the_silent_are_dropped() -> None:
    clock = Clock()
    pace = Pace(LIMITS, clock)
    for chat in range(1500):
        pace.wait_in_chat(chat, 1)
        clock.now_s += 0.01
    assert len(pace._free_s) < 1100
