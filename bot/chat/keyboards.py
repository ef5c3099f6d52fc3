"""The buttons under the bot's messages, and what they send back.

Callback data, see `bot.chat.buttons`, holds all that its handler needs, so that a button of last
month works after a restart of today.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
)

from bot.chat.buttons import DATA_BYTES, pack
from bot.chat.checkins.messages import clock_label, hour_text, slot_text
from bot.chat.mood_words import Heard
from bot.storage.people import CONSENT_VERSION
from bot.storage.schedules import Schedule
from bot.texts import (
    CHANGE_ZONE,
    EMOTION_EMOJI,
    MODE_LABELS,
    RESET,
    SEND_LOCATION,
    TELL_ZONE,
    UNDO,
    WITHDRAW,
)
from bot.timetable import EVERY_DAY, WEEKDAYS, WEEKEND, Slot
from recommender.listeners.published import Place, State
from recommender.listeners.saved import SavedPlaylist, ShownTrack

PAGE = 10
"""Tracks whose vote buttons show at a time."""

ROW = 4
"""Vote buttons side by side, as many as a phone shows well."""

OPEN_IN_SPOTIFY = "Open in Spotify"
SAVE = "Save to my Spotify"
SAVE_AS_NEW = "Save as new"

SUGGESTED = (Slot(8 * 60 + 30, WEEKDAYS), Slot(20 * 60, EVERY_DAY), Slot(10 * 60, WEEKEND))
"""Check-ins to begin with."""

Rows = list[list[InlineKeyboardButton]]


def button(label: str, *fields: object) -> InlineKeyboardButton:
    """Return a button that sends `fields`, which have a form in `bot.chat.buttons`."""
    return InlineKeyboardButton(label, callback_data=pack(*fields))


def consent() -> InlineKeyboardMarkup:
    """Return the two answers to the question of consent, as it is put now."""
    return InlineKeyboardMarkup(
        [[button("Agree", "agree", CONSENT_VERSION), button("No, thanks", "decline")]]
    )


def reading(reading_id: int, *, mode: str, is_settled: bool = False) -> InlineKeyboardMarkup:
    """Return the buttons under a picture: is it right, and what the music should do."""
    modes = _modes(mode, "mode", reading_id)
    verdict = [button("Right", "right", reading_id), button("Not quite", "wrong", reading_id)]
    return InlineKeyboardMarkup([modes] if is_settled else [verdict, modes])


def emotions(verb: str, *fields: object) -> InlineKeyboardMarkup:
    """Return a button for each emotion, which sends `verb`, the fields and the emotion."""
    choices = [
        button(f"{emoji} {emotion}", verb, *fields, emotion)
        for emotion, emoji in EMOTION_EMOJI.items()
    ]
    return InlineKeyboardMarkup([choices[i : i + 3] for i in range(0, len(choices), 3)])


def faces(count: int, heard: Heard) -> InlineKeyboardMarkup:
    """Return a button for each numbered face; each sends along what of the caption counts."""
    words = heard.packed(DATA_BYTES - len("face:00:"))
    numbers = [button(str(n + 1), "face", n, *filter(None, [words])) for n in range(count)]
    return InlineKeyboardMarkup([numbers[i : i + ROW] for i in range(0, count, ROW)])


def correction(reading_id: int) -> InlineKeyboardMarkup:
    """Return what else a reading may have been, and the way back."""
    rows = emotions("correct", reading_id).inline_keyboard
    return InlineKeyboardMarkup([*rows, [button("‹ Back", "back", reading_id)]])


def playlist(saved: SavedPlaylist, page: int, place: Place) -> InlineKeyboardMarkup:
    """Return 👍 and 👎 for one page of tracks, and the ways to others, Spotify and files."""
    pages = page_count(saved)
    page = min(max(page, 0), pages - 1)
    shown = saved.tracks[page * PAGE : (page + 1) * PAGE]
    votes = [vote for track in shown for vote in _votes(saved.id, track)]
    rows: Rows = [votes[i : i + ROW] for i in range(0, len(votes), ROW)]
    if pages > 1:
        first, last = shown[0].position + 1, shown[-1].position + 1
        rows.append(
            [
                button("‹", "page", saved.id, (page - 1) % pages),
                button(f"{first} to {last} of {len(saved.tracks)}", "page", saved.id, page),
                button("›", "page", saved.id, (page + 1) % pages),
            ]
        )
    if saved.reading_id is None:  # else these buttons are under the picture
        rows.append(_modes(saved.mode, "remode", saved.id))
    rows.append(
        [button("More like this", "more", saved.id), button("Another one", "another", saved.id)]
    )
    rows.append([_in_spotify(saved, place), button("Get as a file", "files", saved.id)])
    return InlineKeyboardMarkup(rows)


def open_in_spotify(url: str) -> InlineKeyboardMarkup:
    """Return the way to a playlist in Spotify."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(OPEN_IN_SPOTIFY, url=url)]])


def page_count(saved: SavedPlaylist) -> int:
    """Return how many pages of vote buttons a playlist has, at least one."""
    return max(1, -(-len(saved.tracks) // PAGE))


def stars(playlist_id: int, chosen: int | None = None) -> InlineKeyboardMarkup:
    """Return one to five for the playlist as a whole."""
    row = [
        button(f"• {n} ★ •" if n == chosen else f"{n} ★", "stars", playlist_id, n)
        for n in range(1, 6)
    ]
    return InlineKeyboardMarkup([row])


def how_now(playlist_id: int, stars_before: int | None = None) -> InlineKeyboardMarkup:
    """Return the moods after a playlist, and the way back to its rating of before, 0 for none."""
    rows = list(emotions("felt", playlist_id).inline_keyboard)
    if stars_before is not None:
        rows += undo("stars", playlist_id, stars_before).inline_keyboard
    return InlineKeyboardMarkup(rows)


def undo(*fields: object) -> InlineKeyboardMarkup:
    """Return the way back to what was before, which the fields say."""
    return InlineKeyboardMarkup([[button(UNDO, "undo", *fields)]])


def connect(url: str) -> InlineKeyboardMarkup:
    """Return the way to Spotify's consent page."""
    return InlineKeyboardMarkup([[InlineKeyboardButton("Connect Spotify", url=url)]])


def reconnect() -> InlineKeyboardMarkup:
    """Return the way to a fresh link, which unlike the link itself works for ever."""
    return InlineKeyboardMarkup([[button("Connect again", "connect")]])


def privacy(*, has_consent: bool, has_answers: bool) -> InlineKeyboardMarkup | None:
    """Return what can be taken back, if there is anything."""
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


def schedule(planned: Schedule) -> InlineKeyboardMarkup:
    """Return a button to delete each check-in, or some to begin with; and the zone's."""
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
    """Return a button for a slot of an hour before noon, and one for the same hour after."""
    both = (morning, morning.later)
    row = [button(hour_text(slot), "half", slot.minute, slot.days_text) for slot in both]
    return InlineKeyboardMarkup([row])


def zones(names: Iterable[str], now: datetime) -> InlineKeyboardMarkup:
    """Return a button for each zone, with the time on its clock."""
    return InlineKeyboardMarkup([[button(clock_label(name, now), "zone", name)] for name in names])


def weeks(page: int, *, has_earlier: bool) -> InlineKeyboardMarkup | None:
    """Return the ways from one page of moods to those beside it, if there are any."""
    row = [button("‹ Earlier", "history", page + 1)] if has_earlier else []
    if page > 0:
        row.append(button("Later ›", "history", page - 1))
    return InlineKeyboardMarkup([row]) if row else None


def playlists(playlist_ids: Sequence[int]) -> InlineKeyboardMarkup:
    """Return a button to show each of some listed playlists again."""
    return InlineKeyboardMarkup(
        [[button(str(number), "again", each) for number, each in enumerate(playlist_ids, 1)]]
    )


def location() -> ReplyKeyboardMarkup:
    """Return the button that sends where the user is; phones alone have one."""
    send = KeyboardButton(SEND_LOCATION, request_location=True)
    return ReplyKeyboardMarkup([[send]], resize_keyboard=True, one_time_keyboard=True)


def _modes(chosen: str, verb: str, subject_id: int) -> list[InlineKeyboardButton]:
    return [
        button(f"• {label} •" if mode == chosen else label, verb, subject_id, mode)
        for mode, label in MODE_LABELS.items()
    ]


def _in_spotify(saved: SavedPlaylist, place: Place) -> InlineKeyboardButton:
    """Return the way to a playlist in Spotify, or the button that writes it there."""
    if place.url is not None:
        return InlineKeyboardButton(OPEN_IN_SPOTIFY, url=place.url)
    is_replaced = place.state is State.REPLACED
    return button(SAVE_AS_NEW if is_replaced else SAVE, "save", saved.id)


def _votes(playlist_id: int, track: ShownTrack) -> list[InlineKeyboardButton]:
    """Return 👍 and 👎 for a track; each says what its press sets, so that two say it once."""
    votes = []
    for sign, wish, liked in (("👍", "up", True), ("👎", "down", False)):
        is_set = track.vote is liked
        label = f"{sign} {track.position + 1}" + (" ✓" if is_set else "")
        votes.append(
            button(label, "vote", playlist_id, track.position, "none" if is_set else wish)
        )
    return votes
