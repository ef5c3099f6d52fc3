"""The update that is being handled, for whatever is done on its behalf.

An update may be tried several times: after an error, and after a stop or crash. Most of what the
handlers do gives the same result however often it is done. What does not is done through
`Records.once` or `bot.sending.delivery`, which note it in the update's row by name and number, so
that a later try takes the result from there. What may be done only once no try follows is done
`at_end`.
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
"""Stores something in the `bot.storage.records.Stores` that it is given, at the time that it is
given.
"""


@dataclass(slots=True)
class Handling:
    """One try to handle an update.

    Args:
        update_id: Which one.
        give_way: Lets the next update of the same user begin.
        is_last_try: Whether its user must be told if it fails.
        done: What earlier tries did, by name; what this one does is added.
        over: Is done once no try follows, and cancelled where a stop leaves the update for the
            next start. All tries of this run share it; None where the update was never stored.
        has_failed: Whether it ended in an error and is to be tried again.
        met_full_disk: Whether it is to be tried again once there is room on the disk.
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
        """Return a name for a step that tells it from others of its kind in this update."""
        self._counts[step] += 1
        return f"{step} {self._counts[step]}"

    def at_end(self, work: LastWork) -> None:
        """Have something stored together with the update's being handled, however it ends."""
        self._at_end.append(work)

    def end(self, stores: Any, now: datetime) -> None:
        """Store what was to be stored at the end, in the transaction that ends the update."""
        for work in self._at_end:
            work(stores, now)


def current() -> Handling | None:
    """Return what is being handled here; None outside of updates, as in jobs."""
    return _now.get()


@contextmanager
def being(handling: Handling) -> Iterator[None]:
    """Have everything in the block, and in tasks that it starts, done on behalf of an update."""
    token = _now.set(handling)
    try:
        yield
    finally:
        _now.reset(token)


@contextmanager
def insisting() -> Iterator[None]:
    """Have what is sent in the block tried again until Telegram takes it, as within an update."""
    token = _insists.set(True)
    try:
        yield
    finally:
        _insists.reset(token)


def is_insisted_on() -> bool:
    """Return whether what is sent here is tried again: there is nobody else to do so."""
    return _insists.get() or current() is not None


def earlier(step: str) -> int | None:
    """Return the result of a step that an earlier try of the same update did, None if none did."""
    handling = current()
    return None if handling is None else handling.done.get(f"{step} 1")


def first_found(step: str, found: int) -> int:
    """Return what the first try of an update found at this step: later ones may find it changed.

    Other than by `Records.once`, that is remembered only while this process runs.
    """
    handling = current()
    return found if handling is None else handling.done.setdefault(handling.name(step), found)


def give_way() -> None:
    """Let the user's next update begin: to be called before a wait for something slow."""
    handling = current()
    if handling is not None:
        handling.give_way()
