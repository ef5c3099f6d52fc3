"""The buttons under a reading's picture."""

from telegram import InlineKeyboardMarkup

from bot.chat.buttons import DATA_BYTES
from bot.chat.keyboards import button, emotions, modes
from bot.chat.mood_words import Heard

NUMBERS_PER_ROW = 4


def reading(reading_id: int, *, mode: str, is_settled: bool = False) -> InlineKeyboardMarkup:
    """Return the question whether a reading is right, unless it is settled, and the modes."""
    verdict = [button("Right", "right", reading_id), button("Not quite", "wrong", reading_id)]
    mode_row = modes(mode, "mode", reading_id)
    return InlineKeyboardMarkup([mode_row] if is_settled else [verdict, mode_row])


def correction(reading_id: int) -> InlineKeyboardMarkup:
    """Return the emotions to choose from, and the way back."""
    rows = emotions("correct", reading_id).inline_keyboard
    return InlineKeyboardMarkup([*rows, [button("‹ Back", "back", reading_id)]])


def faces(count: int, heard: Heard) -> InlineKeyboardMarkup:
    """Return a button for each numbered face; each also sends what counts of the caption."""
    words = heard.packed(DATA_BYTES - len("face:00:"))
    numbers = [button(str(n + 1), "face", n, *filter(None, [words])) for n in range(count)]
    return InlineKeyboardMarkup(
        [numbers[i : i + NUMBERS_PER_ROW] for i in range(0, count, NUMBERS_PER_ROW)]
    )
