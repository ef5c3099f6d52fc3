"""The update being handled, kept in a context variable.

An update may be tried several times: after an error, and after a stop or crash. Most steps of the
handlers are idempotent. Those that are not go through `Records.once` or `bot.sending.delivery`,
which store the result in the update's row by name and number, so that a retry finds it. A step
that must wait until no retry follows is registered with `at_end`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_now: ContextVar["Handling | None"] = ContextVar("handling", default=None)
_insists: ContextVar[bool] = ContextVar("insists", default=False)


LastWork = Callable[[Any, datetime], object]
"""Stores something, given the `bot.storage.records.Stores` and the time."""


@dataclass(slots=True)
class Handling:
    """One try to handle an update.

    Args:
        update_id: Which update.
        give_way: Lets the next update of the same user start.
        is_last_try: Whether no retry follows, so that a failure must be reported to the user.
        done: The results of steps, by name; earlier tries' results are in it.
        over: Done once no retry follows; cancelled if a shutdown leaves the update for the next
            start. Shared by all tries of this run; None if the update was not stored.
        has_failed: Whether it ended in an error and must be retried.
        met_full_disk: Whether it must be retried once the disk has room.
    """

    update_id: int
    give_way: Callable[[], None]
    is_last_try: bool
    done: dict[str, int]
    over: asyncio.Future[None] | None = None
    has_failed: bool = False
    met_full_disk: bool = False
    _counts: Counter[str] = field(default_factory=Counter)
    _at_end: list[LastWork] = field(default_factory=list)

    def name(self, step: str) -> str:
        """Return a unique name for a step of this kind in this update."""
        self._counts[step] += 1
        return f"{step} {self._counts[step]}"

    def at_end(self, work: LastWork) -> None:
        """Register work for the transaction that marks the update as handled."""
        self._at_end.append(work)

    def end(self, stores: Any, now: datetime) -> None:
        """Run the registered work, in the transaction that marks the update as handled."""
        for work in self._at_end:
            work(stores, now)


def current() -> Handling | None:
    """Return the update being handled; None outside of updates, as in jobs."""
    return _now.get()


@contextmanager
def being(handling: Handling) -> Iterator[None]:
    """Make an update current for the block, and for tasks that it starts."""
    token = _now.set(handling)
    try:
        yield
    finally:
        _now.reset(token)


@contextmanager
def insisting() -> Iterator[None]:
    """Retry what is sent in the block until Telegram accepts it, as within an update."""
    token = _insists.set(True)
    try:
        yield
    finally:
        _insists.reset(token)


def is_insisted_on() -> bool:
    """Return whether sending here must be retried."""
    return _insists.get() or current() is not None


def earlier(step: str) -> int | None:
    """Return an earlier try's result of a step; None if there is none."""
    handling = current()
    return None if handling is None else handling.done.get(f"{step} 1")


def first_found(step: str, found: int) -> int:
    """Return what the first try of an update found at this step, or `found` if this is it.

    Unlike with `Records.once`, this is lost when the process ends.
    """
    handling = current()
    return found if handling is None else handling.done.setdefault(handling.name(step), found)


def give_way() -> None:
    """Let the user's next update start. Call it before waiting for something slow."""
    handling = current()
    if handling is not None:
        handling.give_way()
