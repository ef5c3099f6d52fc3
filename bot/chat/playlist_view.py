"""A playlist as a message: its text in Telegram's HTML, and its buttons.

Text from outside, such as titles, passes through `escape`.
"""

from html import escape
from typing import NamedTuple

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import texts
from bot.chat.html_text import MESSAGE_CHARS, shorten, visible_chars
from bot.chat.keyboards import Rows, button, modes
from bot.playlists.naming import meaning, playlist_name
from recommender.listeners.published import Publication, State
from recommender.listeners.saved import SavedPlaylist, ShownTrack

PAGE_TRACKS = 10
"""Tracks whose vote buttons show at a time."""

BUTTONS_PER_ROW = 4
"""Vote buttons side by side, as many as a phone shows well."""

OPEN_IN_SPOTIFY = "Open in Spotify"
SAVE = "Save to my Spotify"
SAVE_AS_NEW = "Save as new"


class _Layout(NamedTuple):
    """How much of a track its line shows; title and artist in UTF-16 code units."""

    title: int
    artist: int
    has_reasons: bool


_LAYOUTS = (_Layout(60, 40, True), _Layout(60, 40, False), _Layout(30, 20, False))
"""The first that fits into a message is used; the last fits the longest playlist."""


def playlist_text(saved: SavedPlaylist, *, url: str | None, notice: str = "") -> str:
    """Return what a playlist is for, which wishes it could not meet, and its tracks with reasons.

    Args:
        saved: The playlist.
        url: Its address in Spotify; None if it is not there.
        notice: A sentence about what went wrong, already markup.
    """
    title = f"{texts.EMOTION_EMOJI[saved.emotion]} {saved.emotion.capitalize()}"
    heading = f"{title} · {texts.MODE_LABELS[saved.mode]}"
    if url:
        heading = f'<a href="{escape(url)}">{heading}</a>'
    head = f"<b>{heading}</b>\n{len(saved.tracks)} tracks: {meaning(saved.mode)}."
    if any(track.invented for track in saved.tracks):
        head += f"\n{texts.INVENTED_TRACKS}"
    if notices := " ".join(filter(None, [*saved.relaxed, notice])):
        head += f"\n{notices}"
    for layout in _LAYOUTS:
        lines = [_track_line(track, layout) for track in saved.tracks]
        text = f"{head}\n\n" + "\n".join(lines)
        if visible_chars(text) <= MESSAGE_CHARS:
            break
    return text


def _track_line(track: ShownTrack, layout: _Layout) -> str:
    title = escape(shorten(track.title, layout.title))
    if not track.invented:
        title = f'<a href="{escape(track.url)}">{title}</a>'
    line = f"{track.position + 1}. {title} · {escape(shorten(track.artist, layout.artist))}"
    if track.invented:
        line += f" ({texts.INVENTED})"
    return f"{line}\n    <i>{escape(track.reason)}</i>" if layout.has_reasons else line


def in_spotify(saved: SavedPlaylist, url: str) -> str:
    """Return the news that a playlist which was pending is in Spotify now."""
    name = escape(playlist_name(saved.emotion, saved.mode))
    return texts.IN_SPOTIFY.format(url=escape(url), name=name)


def playlist_keyboard(saved: SavedPlaylist, page: int, place: Publication) -> InlineKeyboardMarkup:
    """Return the buttons: votes for one page of tracks, other pages, more music, Spotify, files.

    Args:
        saved: The playlist.
        page: Which page, from 0; a number out of range shows the nearest page.
        place: Whether and where the playlist is in Spotify.
    """
    pages = max(1, -(-len(saved.tracks) // PAGE_TRACKS))
    page = min(max(page, 0), pages - 1)
    shown = saved.tracks[page * PAGE_TRACKS : (page + 1) * PAGE_TRACKS]
    votes = [vote for track in shown for vote in _votes(saved.id, track)]
    rows: Rows = [votes[i : i + BUTTONS_PER_ROW] for i in range(0, len(votes), BUTTONS_PER_ROW)]
    if pages > 1:
        first, last = shown[0].position + 1, shown[-1].position + 1
        rows.append(
            [
                button("‹", "page", saved.id, (page - 1) % pages),
                button(f"{first} to {last} of {len(saved.tracks)}", "page", saved.id, page),
                button("›", "page", saved.id, (page + 1) % pages),
            ]
        )
    if saved.reading_id is None:  # otherwise these buttons are under the picture
        rows.append(modes(saved.mode, "remode", saved.id))
    rows.append(
        [button("More like this", "more", saved.id), button("Another one", "another", saved.id)]
    )
    rows.append([_spotify_button(saved, place), button("Get as a file", "files", saved.id)])
    return InlineKeyboardMarkup(rows)


def open_in_spotify(url: str) -> InlineKeyboardMarkup:
    """Return a button that opens a playlist in Spotify."""
    return InlineKeyboardMarkup([[InlineKeyboardButton(OPEN_IN_SPOTIFY, url=url)]])


def _spotify_button(saved: SavedPlaylist, place: Publication) -> InlineKeyboardButton:
    if place.url is not None:
        return InlineKeyboardButton(OPEN_IN_SPOTIFY, url=place.url)
    label = SAVE_AS_NEW if place.state is State.REPLACED else SAVE
    return button(label, "save", saved.id)


def _votes(playlist_id: int, track: ShownTrack) -> list[InlineKeyboardButton]:
    """Return 👍 and 👎 for a track. Each sends the vote it sets, so pressing twice is harmless."""
    votes = []
    for sign, wish, liked in (("👍", "up", True), ("👎", "down", False)):
        is_set = track.vote is liked
        label = f"{sign} {track.position + 1}" + (" ✓" if is_set else "")
        votes.append(
            button(label, "vote", playlist_id, track.position, "none" if is_set else wish)
        )
    return votes
