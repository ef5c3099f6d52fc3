"""Who is next: fair, bounded, and each user's photos one after the other."""

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.worker.photo_queue import PhotoQueue, QueueFull, Ticket

ANNA, BEN, CLARA = 1, 2, 3


class Crowd:
    """People who join a queue and stay until they are told to leave."""

    def __init__(self, at_once: int = 1, limit: int = 100) -> None:
        self.queue = PhotoQueue(at_once, limit)
        self._stays: dict[Ticket, ExitStack] = {}

    def join(self, user_id: int, photos: int = 1) -> Ticket:
        stay = ExitStack()
        place = stay.enter_context(self.queue.join(user_id, photos))
        self._stays[place] = stay
        return place

    def leave(self, place: Ticket) -> None:
        self._stays.pop(place).close()

    def numbers(self, *places: Ticket) -> list[int]:
        return [self.queue.number(place) for place in places]

    def called(self) -> list[Ticket]:
        return [place for place in self._stays if self.queue.number(place) == 0]


def test_who_finds_nobody_there_need_not_wait() -> None:
    crowd = Crowd(at_once=2)
    anna, ben = crowd.join(ANNA), crowd.join(BEN)
    assert crowd.numbers(anna, ben) == [0, 0]
    clara = crowd.join(CLARA)
    assert crowd.numbers(clara) == [1]
    crowd.leave(ben)
    assert crowd.numbers(anna, clara) == [0, 0]


def test_a_second_photo_stands_behind_the_first_of_whoever_comes_later() -> None:
    crowd = Crowd()
    first, second = crowd.join(ANNA), crowd.join(ANNA)
    third = crowd.join(ANNA)
    ben, clara = crowd.join(BEN), crowd.join(CLARA)
    assert crowd.numbers(first, ben, clara, second, third) == [0, 1, 2, 3, 4]


def test_nobody_has_two_turns_at_a_time() -> None:
    crowd = Crowd(at_once=3)
    first, second = crowd.join(ANNA), crowd.join(ANNA)
    assert crowd.numbers(first, second) == [0, 1]
    crowd.leave(first)
    assert crowd.numbers(second) == [0]


def test_no_more_photos_wait_than_may_and_each_of_an_album_counts() -> None:
    crowd = Crowd(limit=10)
    crowd.join(ANNA, 10)  # has its turn
    crowd.join(BEN, 8)
    with pytest.raises(QueueFull):
        crowd.join(CLARA, 3)
    assert crowd.queue.waiting() == 8
    crowd.join(CLARA, 2)


def test_whoever_gives_up_makes_room() -> None:
    crowd = Crowd(limit=2)
    crowd.join(ANNA)
    ben, clara = crowd.join(BEN), crowd.join(CLARA)
    crowd.leave(ben)
    assert crowd.numbers(clara) == [1]
    assert crowd.queue.waiting() == 1


async def test_a_turn_can_be_waited_for() -> None:
    queue = PhotoQueue(at_once=1)
    order = []

    async def use(user_id: int) -> None:
        with queue.join(user_id) as place:
            await place.turn()
            order.append(user_id)
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*map(use, [ANNA, ANNA, BEN, CLARA])), 5)
    assert order == [ANNA, BEN, CLARA, ANNA]


@given(st.lists(st.one_of(st.integers(1, 5), st.none()), max_size=60), st.integers(1, 3))
def test_whatever_comes_and_goes_it_stays_fair_and_bounded(
    steps: list[int | None], at_once: int
) -> None:
    """Each step is a user who joins, or, with None, the one longest under way who leaves."""
    crowd = Crowd(at_once, limit=8)
    for user_id in steps:
        if user_id is not None:
            try:
                crowd.join(user_id)
            except QueueFull:
                assert crowd.queue.waiting() == 8
        elif called := crowd.called():
            crowd.leave(called[0])
        users = [place.user_id for place in crowd.called()]
        assert len(users) == len(set(users)) <= at_once
        waiting = sorted(set(crowd._stays) - set(crowd.called()), key=crowd.queue.number)
        assert crowd.numbers(*waiting) == list(range(1, len(waiting) + 1))
        befores = [place.before for place in waiting]
        assert befores == sorted(befores)
        # Nobody waits for a turn that is free.
        assert len(users) == at_once or {place.user_id for place in waiting} <= set(users)
