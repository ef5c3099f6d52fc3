"""The buttons that take back consent and corrections, or delete everything."""

from telegram import InlineKeyboardMarkup

from bot.chat.keyboards import button
from bot.texts import RESET, WITHDRAW


def privacy(*, has_consent: bool, has_answers: bool) -> InlineKeyboardMarkup | None:
    """Return what the user can take back; None if there is nothing."""
    rows = []
    if has_answers:
        rows.append([button(RESET, "reset")])
    if has_consent:
        rows.append([button(WITHDRAW, "withdraw")])
    return InlineKeyboardMarkup(rows) if rows else None


def forget() -> InlineKeyboardMarkup:
    """Return the last question before everything is deleted."""
    return InlineKeyboardMarkup(
        [[button("Delete everything", "forget", "yes"), button("Keep it", "forget", "no")]]
    )
