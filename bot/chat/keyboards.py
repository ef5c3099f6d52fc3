"""Buttons that several capabilities share.

Callback data, see `bot.chat.buttons`, holds all that its handler needs, so a button of last month
works after today's restart.
"""

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.buttons import pack
from bot.storage.people import CONSENT_VERSION
from bot.texts import EMOTION_EMOJI, MODE_LABELS

Rows = list[list[InlineKeyboardButton]]


def button(label: str, *fields: object) -> InlineKeyboardButton:
    """Return a button that sends `fields`, which must have a form in `bot.chat.buttons`."""
    return InlineKeyboardButton(label, callback_data=pack(*fields))


def consent() -> InlineKeyboardMarkup:
    """Return the two answers to the question for consent, for the current terms."""
    return InlineKeyboardMarkup(
        [[button("Agree", "agree", CONSENT_VERSION), button("No, thanks", "decline")]]
    )


def emotions(verb: str, *fields: object) -> InlineKeyboardMarkup:
    """Return a button for each emotion, which sends the verb, the fields and the emotion."""
    choices = [
        button(f"{emoji} {emotion}", verb, *fields, emotion)
        for emotion, emoji in EMOTION_EMOJI.items()
    ]
    return InlineKeyboardMarkup([choices[i : i + 3] for i in range(0, len(choices), 3)])


def modes(chosen: str, verb: str, subject_id: int) -> list[InlineKeyboardButton]:
    """Return a row with a button for each mode, the chosen one marked."""
    return [
        button(f"• {label} •" if mode == chosen else label, verb, subject_id, mode)
        for mode, label in MODE_LABELS.items()
    ]
