"""The buttons for times and time zones."""

from collections.abc import Iterable
from datetime import datetime

from telegram import InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup

from bot.chat.checkins.messages import clock_label, hour_text, slot_text
from bot.chat.keyboards import button
from bot.storage.schedules import Schedule
from bot.texts import CHANGE_ZONE, SEND_LOCATION, TELL_ZONE
from bot.timetable import EVERY_DAY, WEEKDAYS, WEEKEND, Slot

SUGGESTED = (Slot(8 * 60 + 30, WEEKDAYS), Slot(20 * 60, EVERY_DAY), Slot(10 * 60, WEEKEND))
"""Check-ins offered to users who have none."""


def schedule(planned: Schedule) -> InlineKeyboardMarkup:
    """Return a delete button for each check-in and one for the zone, or suggestions."""
    if not planned.check_ins:
        return InlineKeyboardMarkup(
            [[button(slot_text(slot), "plan", slot.minute, slot.days_text)] for slot in SUGGESTED]
        )
    rows = [
        [button(f"✕ {slot_text(check_in.slot)}", "unplan", check_in.id)]
        for check_in in planned.check_ins
    ]
    rows.append([button(TELL_ZONE if planned.zone is None else CHANGE_ZONE, "zone")])
    return InlineKeyboardMarkup(rows)


def halves(morning: Slot) -> InlineKeyboardMarkup:
    """Return a button for a slot before noon, and one for the same hour after noon."""
    both = (morning, morning.later)
    row = [button(hour_text(slot), "half", slot.minute, slot.days_text) for slot in both]
    return InlineKeyboardMarkup([row])


def zones(names: Iterable[str], now: datetime) -> InlineKeyboardMarkup:
    """Return a button for each time zone, labelled with its current time."""
    return InlineKeyboardMarkup([[button(clock_label(name, now), "zone", name)] for name in names])


def location() -> ReplyKeyboardMarkup:
    """Return the button that sends the user's location; only phones show it."""
    send = KeyboardButton(SEND_LOCATION, request_location=True)
    return ReplyKeyboardMarkup([[send]], resize_keyboard=True, one_time_keyboard=True)
