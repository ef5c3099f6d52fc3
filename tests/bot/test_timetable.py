"""Times of day as people write them, and when they come on clocks that jump."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.timetable import (
    EVERY_DAY,
    WEEKDAYS,
    WEEKEND,
    HourAlone,
    NotUnderstood,
    Slot,
    occurrences,
    read_slots,
)

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # jumps by half an hour
    "Pacific/Apia",  # went without 30 December 2011
    "America/St_Johns",
    "UTC",
)


def slots(*parts: tuple[str, frozenset[int] | set[int]]) -> tuple[Slot, ...]:
    return tuple(Slot(60 * int(time[:2]) + int(time[3:]), frozenset(days)) for time, days in parts)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("08:30 weekdays", slots(("08:30", WEEKDAYS))),
        ("8.30", slots(("08:30", EVERY_DAY))),
        ("20:00 daily", slots(("20:00", EVERY_DAY))),
        ("Every day at noon", slots(("12:00", EVERY_DAY))),
        ("WEEKENDS 10am", slots(("10:00", WEEKEND))),
        ("8:30 PM mon,wed,fri", slots(("20:30", {MON, WED, FRI}))),
        ("6 p.m. on Mondays and Thursdays", slots(("18:00", {MON, THU}))),
        ("12am", slots(("00:00", EVERY_DAY))),
        ("12 pm sunday", slots(("12:00", {SUN}))),
        ("fri-mon 23:59", slots(("23:59", {FRI, SAT, SUN, MON}))),
        ("tue to thu 9:00", slots(("09:00", {TUE, WED, THU}))),
        ("08:30, 20:00 weekdays", slots(("08:30", WEEKDAYS), ("20:00", WEEKDAYS))),
        ("20:00 weekdays 10:00 weekends", slots(("10:00", WEEKEND), ("20:00", WEEKDAYS))),
        ("weekdays 7:15; weekends 9:30", slots(("07:15", WEEKDAYS), ("09:30", WEEKEND))),
        ("8:30 weekdays 8:30 sat 10:00", slots(("08:30", {*WEEKDAYS, SAT}), ("10:00", EVERY_DAY))),
        ("٠٨:٣٠", slots(("08:30", EVERY_DAY))),
        ("18 weekdays, 0 sat", slots(("00:00", {SAT}), ("18:00", WEEKDAYS))),
    ],
)
def test_times_and_days_are_read_as_people_write_them(
    words: str, expected: tuple[Slot, ...]
) -> None:
    assert read_slots(words) == expected


@pytest.mark.parametrize(
    ("words", "in_the_way"),
    [
        ("", ""),
        ("weekdays", ""),
        ("mon 8:00 tue", ""),
        ("24", "24"),
        ("8 tomorrow", "tomorrow"),
        ("25 tomorrow", "25"),
        ("25:00", "25:00"),
        ("8:60 daily", "8:60"),
        ("13pm", "13pm"),
        ("0830", "0830"),
        ("08:30:15", "08:30:15"),
        ("8:30 tomorrow", "tomorrow"),
        ("monkey 9:00", "monkey"),
        ("<b>_*[x](y) 8:00", "<b>_*[x](y)"),
        ("²:00", "²:00"),
    ],
)
def test_what_makes_no_sense_is_named(words: str, in_the_way: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        read_slots(words)
    assert refused.value.word == in_the_way


@pytest.mark.parametrize(
    ("words", "clear", "mornings"),
    [
        ("9", (), slots(("09:00", EVERY_DAY))),
        ("at 12 on sundays", (), slots(("00:00", {SUN}))),
        ("weekdays 9, weekend 6:30 pm", slots(("18:30", WEEKEND)), slots(("09:00", WEEKDAYS))),
        ("9 mon 7 9 tue", (), slots(("07:00", {TUE}), ("09:00", {MON, TUE}))),
    ],
)
def test_an_hour_alone_may_be_before_noon_or_after(
    words: str, clear: tuple[Slot, ...], mornings: tuple[Slot, ...]
) -> None:
    with pytest.raises(HourAlone) as unclear:
        read_slots(words)
    assert (unclear.value.clear, unclear.value.mornings) == (clear, mornings)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(words: str) -> None:
    mornings: tuple[Slot, ...] = ()
    try:
        found = read_slots(words)
    except NotUnderstood:
        return
    except HourAlone as unclear:
        found, mornings = unclear.clear, unclear.mornings
    assert all(0 <= slot.minute < 1440 and slot.days <= EVERY_DAY for slot in found)
    assert [slot.minute for slot in found] == sorted({slot.minute for slot in found})
    assert all(slot.minute % 60 == 0 and slot.later.minute < 1440 for slot in mornings)


@given(st.integers(0, 1439), st.sets(st.integers(0, 6), min_size=1))
def test_a_slot_survives_its_button(minute: int, days: set[int]) -> None:
    slot = Slot(minute, frozenset(days))
    assert Slot.of(str(slot.minute), slot.days_text) == slot


@pytest.mark.parametrize(
    ("zone", "time", "after", "expected"),
    [
        # Spring: 02:30 is skipped, and comes as much later as the clock jumped.
        (
            "Europe/Berlin",
            "02:30",
            "2027-03-27T00:00",
            ["2027-03-27T01:30", "2027-03-28T01:30", "2027-03-29T00:30"],
        ),
        (
            "America/New_York",
            "02:30",
            "2027-03-13T00:00",
            ["2027-03-13T07:30", "2027-03-14T07:30", "2027-03-15T06:30"],
        ),
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-02T00:00",
            ["2026-10-02T15:45", "2026-10-03T15:45", "2026-10-04T15:15"],
        ),
        # Autumn: 02:30 comes twice, and counts the first time.
        (
            "Europe/Berlin",
            "02:30",
            "2026-10-24T00:00",
            ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"],
        ),
        (
            "America/New_York",
            "01:30",
            "2026-10-31T00:00",
            ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
        ),
        # What is not in the jump keeps its time on the wall.
        (
            "Europe/Berlin",
            "08:30",
            "2027-03-27T00:00",
            ["2027-03-27T07:30", "2027-03-28T06:30", "2027-03-29T06:30"],
        ),
        # Half hours, and no summer time at all.
        (
            "Asia/Kolkata",
            "08:30",
            "2027-03-27T00:00",
            ["2027-03-27T03:00", "2027-03-28T03:00", "2027-03-29T03:00"],
        ),
        # A whole day that a country went without comes at once with the next.
        (
            "Pacific/Apia",
            "08:00",
            "2011-12-29T00:00",
            ["2011-12-29T18:00", "2011-12-30T18:00", "2011-12-31T18:00"],
        ),
    ],
)
def test_jumps_of_the_clock(zone: str, time: str, after: str, expected: list[str]) -> None:
    slot = Slot(60 * int(time[:2]) + int(time[3:]), EVERY_DAY)
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    moments = islice(occurrences(slot, ZoneInfo(zone), start), 3)
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in moments] == expected


def test_a_skipped_time_is_read_on_the_wall_as_much_later() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2027, 3, 28, tzinfo=berlin)
    moment = next(occurrences(Slot(2 * 60 + 30, EVERY_DAY), berlin, start))
    assert f"{moment.astimezone(berlin):%d %H:%M}" == "28 03:30"


@example("Pacific/Apia", 0, {4}, datetime(2011, 12, 1, tzinfo=UTC))
@given(
    st.sampled_from(ZONES),
    st.integers(0, 1439),
    st.sets(st.integers(0, 6), min_size=1),
    st.datetimes(datetime(2011, 12, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
def test_each_day_has_its_moment_once(
    zone: str, minute: int, days: set[int], after: datetime
) -> None:
    clock, slot = ZoneInfo(zone), Slot(minute, frozenset(days))
    moments = list(islice(occurrences(slot, clock, after), 40))
    assert all(earlier < later for earlier, later in zip([after, *moments], moments, strict=False))
    for moment in moments:
        wall = moment.astimezone(clock)
        if wall.hour * 60 + wall.minute == minute:
            # What falls on a day that a country went without comes at its time of the next.
            noon = datetime.combine(wall.date() - timedelta(days=1), time(12), clock)
            was_skipped = noon.astimezone(UTC).astimezone(clock).date() != noon.date()
            assert wall.weekday() in days or was_skipped
        else:  # skipped: as much later as the clock jumped just before
            late = timedelta(hours=wall.hour, minutes=wall.minute) - timedelta(minutes=minute)
            before = (moment - late).astimezone(clock)
            assert before.utcoffset() != wall.utcoffset()
    # Nothing is left out: no wall in between shows the time on one of the days.
    days_met = {moment.astimezone(clock).date() for moment in moments}
    day, last = moments[0].astimezone(clock).date(), moments[-1].astimezone(clock).date()
    while day < last:
        assert (day in days_met) == (day.weekday() in days) or zone == "Pacific/Apia"
        day += timedelta(days=1)
