"""Parses check-in times as people write them, and computes when they occur.

Twice a year most clocks jump. A time that a day skips (02:30 when the clock goes from 02:00 to
03:00) is moved by the length of the jump, to 03:30. A time that a day has twice occurs once, the
first time. Both follow iCalendar (RFC 5545, section 3.3.5).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS = frozenset(range(5))
WEEKEND = frozenset({5, 6})
EVERY_DAY = WEEKDAYS | WEEKEND

NOON = 12 * 60

_NAMED_TIMES = {"noon": NOON, "midday": NOON, "midnight": 0}

_DAY = (
    r"(?:mon(?:days?)?|tue(?:s(?:days?)?)?|wed(?:s|nesdays?)?|thu(?:r(?:s(?:days?)?)?)?"
    r"|fri(?:days?)?|sat(?:urdays?)?|sun(?:days?)?)\b"
)
_WORD = re.compile(
    rf"""
      (?P<hour>\d{{1,2}}) (?: [:.] (?P<minute>\d{{2}}) (?!\d) )? \s*
      (?P<half> [ap] \.? m \b \.? )? (?![\w:])
    | (?P<named> noon | midday | midnight ) \b
    | (?P<first> {_DAY} ) \s* (?: - | – | to \b ) \s* (?P<last> {_DAY} )
    | (?P<day> {_DAY} )
    | (?P<daily> (?: daily | every \s* day ) \b )
    | (?P<kind> weekend s? | weekdays? | workdays? ) \b
    | (?P<between> [\s,;&+]+ | (?: and | at | on | every ) \b )
    | (?P<other> \S+ )
    """,
    re.VERBOSE,
)


class NotUnderstood(Exception):
    """Text that states no times; `word` is the word in the way, empty if a time is missing."""

    def __init__(self, word: str) -> None:
        super().__init__(word or "no time of day")
        self.word = word


class HourAlone(Exception):
    """Hours without am or pm, such as 9 in `9 weekdays`; hours above 12 are clear.

    Args:
        clear: The slots with a clear time.
        mornings: The other slots, read as before noon.
    """

    def __init__(self, clear: "tuple[Slot, ...]", mornings: "tuple[Slot, ...]") -> None:
        super().__init__("morning or evening")
        self.clear = clear
        self.mornings = mornings


@dataclass(frozen=True, slots=True)
class Slot:
    """A time of day on some days of the week.

    Args:
        minute: Minute of the day, 0..1439.
        days: Days of the week, Monday is 0; never empty.
    """

    minute: int
    days: frozenset[int]

    @property
    def time(self) -> time:
        """The time of day."""
        return time(*divmod(self.minute, 60))

    @property
    def days_text(self) -> str:
        """The days as digits, such as 01234, as tables and buttons store them."""
        return "".join(map(str, sorted(self.days)))

    @property
    def later(self) -> "Slot":
        """The same slot twelve hours later, for one before noon."""
        return Slot(self.minute + NOON, self.days)

    @classmethod
    def of(cls, minute: int | str, days_text: str) -> "Slot":
        """Return the slot stored in a row or a button."""
        return cls(int(minute), frozenset(map(int, days_text)))


def read_slots(words: str) -> tuple[Slot, ...]:
    """Parse slots such as `8:30 weekdays, 10 am sat`.

    Days belong to the times before them, or after them if the text starts with days. Times without
    days are daily.

    Raises:
        NotUnderstood: A word makes no sense, or there is no time of day.
        HourAlone: An hour may be before or after noon; the rest is clear.
    """
    times: list[tuple[int, bool]] = []  # and whether it is clear
    days: set[int] = set()
    clear: list[Slot] = []
    mornings: list[Slot] = []
    begins_with_days: bool | None = None

    def close() -> None:
        if not times:
            raise NotUnderstood("")
        for minute, is_clear in times:
            slots = clear if is_clear else mornings
            slots.append(Slot(minute, frozenset(days) or EVERY_DAY))
        times.clear()
        days.clear()

    for found in _WORD.finditer(words.lower()):
        if found["between"]:
            continue
        is_time = bool(found["hour"] or found["named"])
        if begins_with_days is None:
            begins_with_days = not is_time
        if is_time is not begins_with_days and times and days:  # each group starts like the first
            close()
        if is_time:
            times.append((_minute(found), _is_clear(found)))
        else:
            days |= _days(found)
    close()
    if mornings:
        raise HourAlone(merged(clear), merged(mornings))
    return merged(clear)


def merged(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """Merge slots with the same time of day, and sort them."""
    days: dict[int, frozenset[int]] = {}
    for slot in slots:
        days[slot.minute] = days.get(slot.minute, frozenset()) | slot.days
    return tuple(Slot(minute, days[minute]) for minute in sorted(days))


def occurrences(slot: Slot, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Yield the occurrences of a slot after a moment, in UTC, without end."""
    day = after.astimezone(zone).date() - timedelta(days=1)  # a skipped time may move to today
    while True:
        if day.weekday() in slot.days:
            # For a skipped or repeated time, fold 0 means the offset before the jump.
            moment = datetime.combine(day, slot.time, zone).astimezone(UTC)
            if moment > after:
                yield moment
                after = moment
        day += timedelta(days=1)


def _is_clear(found: re.Match[str]) -> bool:
    """Return whether a time is unambiguous, unlike an hour from 1 to 12 alone."""
    return bool(
        found["named"] or found["minute"] or found["half"] or not 1 <= int(found["hour"]) <= 12
    )


def _minute(found: re.Match[str]) -> int:
    """Return the minute of the day, before noon if that is unclear."""
    if found["named"]:
        return _NAMED_TIMES[found["named"]]
    hour, minute, half = int(found["hour"]), int(found["minute"] or 0), found["half"]
    is_valid = 1 <= hour <= 12 if half else hour < 24
    if not is_valid or minute >= 60:
        raise NotUnderstood(found[0].strip())
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    elif not _is_clear(found):
        hour %= 12
    return 60 * hour + minute


def _days(found: re.Match[str]) -> frozenset[int]:
    if found["first"]:
        first, last = (DAYS.index(found[name][:3]) for name in ("first", "last"))
        return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
    if found["day"]:
        return frozenset({DAYS.index(found["day"][:3])})
    if found["daily"]:
        return EVERY_DAY
    if found["kind"]:
        return WEEKEND if found["kind"].startswith("weekend") else WEEKDAYS
    raise NotUnderstood(found["other"])
