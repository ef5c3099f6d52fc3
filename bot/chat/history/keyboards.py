"""The buttons of /history."""

from collections.abc import Sequence

from telegram import InlineKeyboardMarkup

from bot.chat.keyboards import button


def weeks(page: int, *, has_earlier: bool) -> InlineKeyboardMarkup | None:
    """Return the ways to the pages of moods before and after; None if there are none."""
    row = [button("‹ Earlier", "history", page + 1)] if has_earlier else []
    if page > 0:
        row.append(button("Later ›", "history", page - 1))
    return InlineKeyboardMarkup([row]) if row else None


def playlists(playlist_ids: Sequence[int]) -> InlineKeyboardMarkup:
    """Return a numbered button for each listed playlist, which shows it again."""
    return InlineKeyboardMarkup(
        [[button(str(number), "again", each) for number, each in enumerate(playlist_ids, 1)]]
    )
