"""The messages of /history, as Telegram's HTML."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from html import escape

from bot import texts
from bot.chat.history.mood_calendar import MoodPage
from bot.chat.html_text import shorten
from recommender.listeners.saved import SavedPlaylist

BRIGHTER_BY = 0.05
"""A rise in valence of more than this counts as brighter; readings are never exact."""

TITLE_CHARS, ARTIST_CHARS = 40, 30


def moods_caption(page: MoodPage, total: int) -> str:
    """Return the caption of a page's picture.

    Args:
        page: What the picture shows.
        total: The number of moods on all pages.
    """
    shown = sum(page.counts.values())
    if not shown:
        return texts.NO_MOOD_SHOWN
    most = max(page.counts.values())
    often = [name for name, count in page.counts.items() if count == most]
    told = texts.MOODS_SHOWN.format(moods="One mood" if shown == 1 else f"{shown} moods")
    if shown > 1 and len(often) == 1:
        told += " " + texts.MOST_OFTEN.format(
            emotion=texts.ADJECTIVES[often[0]], emoji=texts.EMOTION_EMOJI[often[0]]
        )
    if page.changes:
        told += " " + texts.after_music([change.rise > BRIGHTER_BY for change in page.changes])
    if total > shown:
        told += " " + texts.MOODS_IN_ALL.format(total=total)
    return told


def playlists_text(
    playlists: Sequence[SavedPlaylist], urls: Mapping[int, str], zone: tzinfo
) -> str:
    """Return the last playlists with their links.

    Args:
        playlists: The newest first.
        urls: The Spotify addresses of those that are there, by id.
        zone: The user's time zone.
    """
    lines = [
        _playlist_lines(number, saved, urls.get(saved.id), zone)
        for number, saved in enumerate(playlists, 1)
    ]
    return "\n".join([texts.LAST_PLAYLISTS, *lines, "", texts.SHOW_AGAIN])


def _playlist_lines(number: int, saved: SavedPlaylist, url: str | None, zone: tzinfo) -> str:
    name = f"{saved.emotion.capitalize()} · {texts.MODE_LABELS[saved.mode]}"
    if url:
        name = f'<a href="{escape(url)}">{name}</a>'
    line = f"{number}. {texts.EMOTION_EMOJI[saved.emotion]} <b>{name}</b>, "
    line += _day_and_time(saved.created.astimezone(zone))
    if saved.stars:
        line += f" · {'★' * saved.stars}{'☆' * (5 - saved.stars)}"
    if not saved.tracks:
        return line
    first = saved.tracks[0]
    title = escape(shorten(first.title, TITLE_CHARS))
    if not first.invented:
        title = f'<a href="{escape(first.url)}">{title}</a>'
    others = f" and {len(saved.tracks) - 1} more" if len(saved.tracks) > 1 else ""
    return f"{line}\n    {title} · {escape(shorten(first.artist, ARTIST_CHARS))}{others}"


def _day_and_time(moment: datetime) -> str:
    return f"{moment.day} {texts.MONTHS[moment.month - 1]}, {moment:%H:%M}"
