"""The local Spotify's pages: consent, playlists, and short notices.

Templates are in `html/`. All values are escaped, except HTML that this module builds.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape, unescape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, Response

from bot.sandbox.spotify.state import StoredPlaylist
from recommender.catalogue.tracks import Track

_FOLDER = Path(__file__).parent / "html"

_NOTE = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6"'
    ' stroke-linecap="round" aria-hidden="true"><circle cx="6.5" cy="18" r="2.8"/>'
    '<circle cx="17" cy="15.5" r="2.8"/><path d="M9.3 18V6.2l10.5-2.4v11.7"/></svg>'
)

_PHONE = (
    '<div class="answers"><button type="submit" name="answer" value="phone">'
    "Say yes, as on a phone</button></div>"
    '<p class="soft">A phone cannot open an address of this computer. '
    "See what its owner does then.</p>"
)


def consent_page(
    *,
    meanings: Sequence[str],
    action: str,
    names: Sequence[str],
    name: str,
    problem: str,
    status: int,
    offers_phone: bool,
) -> Response:
    """Return the consent page.

    Args:
        meanings: What the app may do, in words.
        action: The form's target.
        names: The existing accounts.
        name: The account that is preselected.
        problem: What was wrong with the last answer; empty at first.
        status: The HTTP status.
        offers_phone: Whether one can consent as if on a phone.
    """
    body = _fill(
        "consent.html",
        phone=_PHONE if offers_phone else "",
        scopes="\n".join(f"<li>{escape(meaning)}</li>" for meaning in meanings),
        action=escape(action),
        name=escape(name),
        names="".join(f'<option value="{escape(known)}"></option>' for known in names),
        problem=f'<p class="alarm" role="alert">{escape(problem)}</p>' if problem else "",
    )
    return _page("Local Spotify: agree?", body, status=status)


def unopened_page(address: str) -> Response:
    """Return what a phone's browser shows after a redirect to 127.0.0.1."""
    site = urlsplit(address).hostname or ""
    body = _fill("unopened.html", address=escape(address), site=escape(site))
    return _page("Cannot be opened", body)


def notice_page(text: str, status: int) -> Response:
    """Return a page with one sentence."""
    return _page("Local Spotify", f'<section class="card"><p>{escape(text)}</p></section>', status)


def playlist_page(
    playlist: StoredPlaylist, tracks: Mapping[str, Track], cover_url: str | None
) -> Response:
    """Return a playlist's page.

    Args:
        playlist: The playlist.
        tracks: The catalogue's tracks by URI; others are shown by their id.
        cover_url: The URL of its cover, if it has one.
    """
    items = [(item.uri, tracks.get(item.uri)) for item in playlist.items]
    rows = "\n".join(_row(i, uri, track) for i, (uri, track) in enumerate(items, start=1))
    total_ms = sum(track.duration_ms for _, track in items if track is not None)
    count = f"{len(items)} track{'' if len(items) == 1 else 's'}"
    body = _fill(
        "playlist.html",
        cover=_cover(cover_url),
        visibility="Public" if playlist.public else "Private",
        name=escape(playlist.name),
        description=escape(unescape(playlist.description)),
        owner=escape(playlist.owner.display_name),
        total=f"{count}, {_total(total_ms)}" if items else "no tracks yet",
        tracks=f"<ol>\n{rows}\n</ol>" if items else '<p class="empty soft">Nothing here yet.</p>',
    )
    hue = int.from_bytes(hashlib.sha256(playlist.id.encode()).digest()[:2], "big") % 360
    return _page(playlist.name, body, hue=hue)


def _row(number: int, uri: str, track: Track | None) -> str:
    if track is None:
        name, artist, time = uri.rpartition(":")[2], "not in the catalogue", ""
    else:
        name, artist, time = track.name, track.artist, _time(track.duration_ms)
    badge = ""
    title = escape(name)
    if track is not None and track.invented:
        badge = ' <span class="badge">(invented)</span>'
    elif track is not None:
        title = f'<a href="{escape(track.url)}" rel="noreferrer">{title}</a>'
    return (
        f'<li class="track"><span class="number">{number}</span><div><div class="name">{title}'
        f'</div><div class="artist">{badge} {escape(artist)}</div></div>'
        f'<span class="time">{time}</span></li>'
    )


def _cover(url: str | None) -> str:
    if url is None:
        return f'<div class="cover">{_NOTE}</div>'
    return f'<img class="cover" src="{escape(url)}" alt="">'


def _time(ms: int) -> str:
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes}:{seconds:02}"


def _total(ms: int) -> str:
    hours, minutes = divmod(round(ms / 60_000), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _page(title: str, body: str, status: int = 200, hue: int = 150) -> Response:
    style = _fill("style.css", hue=str(hue), hue2=str((hue + 50) % 360))
    page = _fill("page.html", title=escape(title), style=style, body=body)
    headers = {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(page, status_code=status, headers=headers)


def _fill(template: str, /, **values: str) -> str:
    return _template(template).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template((_FOLDER / name).read_text(encoding="utf-8"))
