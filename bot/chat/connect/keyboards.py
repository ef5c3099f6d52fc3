"""The ways to Spotify's consent page."""

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.keyboards import button


def connect(url: str) -> InlineKeyboardMarkup:
    """Return a button that opens the consent page."""
    return InlineKeyboardMarkup([[InlineKeyboardButton("Connect Spotify", url=url)]])


def reconnect() -> InlineKeyboardMarkup:
    """Return a button that asks for a fresh link; it works forever, unlike the link itself."""
    return InlineKeyboardMarkup([[button("Connect again", "connect")]])
