"""The buttons for ratings, and for taking back what was said."""

from telegram import InlineKeyboardMarkup

from bot.chat.keyboards import button, emotions
from bot.texts import UNDO


def stars(playlist_id: int, chosen: int | None = None) -> InlineKeyboardMarkup:
    """Return one to five stars for a playlist as a whole."""
    row = [
        button(f"• {n} ★ •" if n == chosen else f"{n} ★", "stars", playlist_id, n)
        for n in range(1, 6)
    ]
    return InlineKeyboardMarkup([row])


def how_now(playlist_id: int, stars_before: int | None = None) -> InlineKeyboardMarkup:
    """Return the moods after a playlist, and an undo of its rating.

    Args:
        playlist_id: Which playlist.
        stars_before: The rating that the undo restores, 0 for none; None offers no undo.
    """
    rows = list(emotions("felt", playlist_id).inline_keyboard)
    if stars_before is not None:
        rows += undo("stars", playlist_id, stars_before).inline_keyboard
    return InlineKeyboardMarkup(rows)


def undo(*fields: object) -> InlineKeyboardMarkup:
    """Return the undo button; the fields say what to restore."""
    return InlineKeyboardMarkup([[button(UNDO, "undo", *fields)]])
