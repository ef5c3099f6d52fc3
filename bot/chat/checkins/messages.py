"""The messages about check-ins and time zones, as Telegram's HTML."""

from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from bot import texts
from bot.chat.zones import city
from bot.storage.schedules import Schedule
from bot.timetable import EVERY_DAY, WEEKDAYS, WEEKEND, Slot


def slot_text(slot: Slot) -> str:
    """Return a slot's time and days, such as `08:30 Mon, Wed, Fri`."""
    named = {EVERY_DAY: "daily", WEEKDAYS: "weekdays", WEEKEND: "weekends"}.get(slot.days)
    days = named or ", ".join(texts.DAYS[day] for day in sorted(slot.days))
    return f"{slot.time:%H:%M} {days}"


def schedule_text(schedule: Schedule, now: datetime) -> str:
    """Return a user's check-ins, their time zone, and when the next one comes."""
    if not schedule.check_ins:
        return texts.NO_CHECK_INS
    lines = [f"• {slot_text(check_in.slot)}" for check_in in schedule.check_ins]
    if schedule.zone is None:
        after = texts.ZONE_MISSING
    else:
        moments = [check_in.next for check_in in schedule.check_ins if check_in.next]
        after = texts.NEXT_CHECK_IN.format(
            clock=_clock(schedule.zone, now),
            when=_when(min(moments).astimezone(schedule.zone), now.astimezone(schedule.zone)),
        )
    return "\n".join([texts.CHECK_INS, *lines, "", after])


def which_half(morning: Slot) -> str:
    """Return the question whether a slot is before or after noon."""
    return texts.WHICH_HALF.format(before=hour_text(morning), after=hour_text(morning.later))


def hour_text(slot: Slot) -> str:
    """Return the hour of a slot on the 12-hour clock, with am or pm."""
    hour = slot.time.hour
    if hour % 12 == 0:
        return texts.NOON if hour else texts.MIDNIGHT
    return (texts.BEFORE_NOON if hour < 12 else texts.AFTER_NOON).format(hour=hour % 12)


def zone_noted(zone: str, now: datetime) -> str:
    """Return the confirmation of a time zone."""
    return texts.ZONE_NOTED.format(clock=_clock(ZoneInfo(zone), now))


def clock_label(zone: str, now: datetime) -> str:
    """Return the label of a zone's button: its current time and its city."""
    return f"{now.astimezone(ZoneInfo(zone)):%H:%M} · {city(zone)}"


def _clock(zone: ZoneInfo, now: datetime) -> str:
    return f"{escape(city(zone.key))} ({now.astimezone(zone):%H:%M})"


def _when(moment: datetime, now: datetime) -> str:
    """Return a moment of the coming days in words."""
    if moment.date() == now.date():
        day = "today"
    elif moment.date() == now.date() + timedelta(days=1):
        day = "tomorrow"
    else:
        day = f"on {texts.DAYS[moment.weekday()]}, {moment.day} {texts.MONTHS[moment.month - 1]}"
    return f"{day} at {moment:%H:%M}"
