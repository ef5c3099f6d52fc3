"""The times of check-ins: parses what people write, and computes the next time in their zone.

When the clocks change, a skipped time (02:30 if the clock goes from 02:00 to 03:00) is shifted by
the same amount, to 03:30, and a repeated time counts once, the first time. Both as in iCalendar
(RFC 5545, section 3.3.5).
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
    """The text has no valid times; `word` is the unknown word, empty if a time is missing."""

    def __init__(self, word: str) -> None:
        super().__init__(word or "no time of day")
        self.word = word


class HourAlone(Exception):
    """Some hours have no am or pm, such as 9 in `9 weekdays`.

    Args:
        clear: The unambiguous slots of the text.
        mornings: The ambiguous slots, taken as before noon.
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
        days: Days of the week, 0 is Monday; never empty.
    """

    minute: int
    days: frozenset[int]

    @property
    def time(self) -> time:
        """The time of day."""
        return time(*divmod(self.minute, 60))

    @property
    def days_text(self) -> str:
        """The days as digits, such as 01234, for tables and buttons."""
        return "".join(map(str, sorted(self.days)))

    @property
    def later(self) -> "Slot":
        """The slot twelve hours later."""
        return Slot(self.minute + NOON, self.days)

    @classmethod
    def of(cls, minute: int | str, days_text: str) -> "Slot":
        """Return the slot of a row or button."""
        return cls(int(minute), frozenset(map(int, days_text)))


def read_slots(words: str) -> tuple[Slot, ...]:
    """Parse slots such as `8:30 weekdays, 10 am sat`.

    Days belong to the times before them, or to those after them if the days come first. Times
    without days are daily.

    Raises:
        NotUnderstood: A word is unknown, or there is no time of day.
        HourAlone: The text is valid, but an hour may be before or after noon.
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
        if is_time is not begins_with_days and times and days:  # a group begins as the first did
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
    """Return slots with one for each time of day, in their order, on all the days of its kind."""
    days: dict[int, frozenset[int]] = {}
    for slot in slots:
        days[slot.minute] = days.get(slot.minute, frozenset()) | slot.days
    return tuple(Slot(minute, days[minute]) for minute in sorted(days))


def occurrences(slot: Slot, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Yield when a slot comes next after a moment, in UTC, without end."""
    day = after.astimezone(zone).date() - timedelta(days=1)  # its skipped time may come today
    while True:
        if day.weekday() in slot.days:
            # Of a skipped or doubled time, fold 0 takes the offset before the jump.
            moment = datetime.combine(day, slot.time, zone).astimezone(UTC)
            if moment > after:
                yield moment
                after = moment
        day += timedelta(days=1)


def _is_clear(found: re.Match[str]) -> bool:
    """Return whether a time is more than an hour that comes twice a day."""
    return bool(
        found["named"] or found["minute"] or found["half"] or not 1 <= int(found["hour"]) <= 12
    )


def _minute(found: re.Match[str]) -> int:
    """Return the minute of the day, before noon where that is unclear."""
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
