"""Parses what users paste to connect: the redirect address, or the six digits of our page.

A phone's browser cannot open the redirect address on the bot's computer, so its user copies it
into the chat: maybe with text around it, broken into lines by another app, or without `http://`,
as some browsers copy it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from itertools import islice
from urllib.parse import parse_qsl, urlsplit

from recommender.services.spotify.web_api import STATE_CHARS

_DIGITS = re.compile(r"(\d{3})[\s-]?(\d{3})\s*\.?")

_CLIENT_ID = re.compile(r"[0-9a-fA-F]{32}")

_START = re.compile(
    r"(?<![=?&%/])https?://|(?<![\w.:/@-])(?:\[[0-9a-f:]+\]|[\w-]+(?:\.[\w-]+)+)(?::\d+)?/",
    re.IGNORECASE,
)
_QUERY_ALONE = re.compile(r"(?:/?callback)?\??(?:code|error|state)=")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
_LINE_BREAK = re.compile(r"(?:(?<![ \t])[ \t]+)?[\r\n][\r\n> \t]*")
_END = re.compile(r"[\s<>\"“”«»]")

_ADDRESSES_READ = 50
"""How many addresses of a message are parsed: each may extend to the message's end."""


@dataclass(frozen=True, slots=True)
class PastedAddress:
    """An address in a message.

    Args:
        site: Host and port.
        is_ours: Whether it is our redirect address.
        query: Its parameters.
    """

    site: str
    is_ours: bool
    query: Mapping[str, str]

    @property
    def is_complete(self) -> bool:
        """Whether it has a state, and a code or an error."""
        has_state = len(self.query.get("state", "")) >= STATE_CHARS
        return has_state and bool(self.query.get("code") or self.query.get("error"))


def read_digits(text: str) -> str | None:
    """Return the digits if the message is six digits, in any script; else None."""
    match = _DIGITS.fullmatch(text.strip())
    return f"{int(match[1] + match[2]):06}" if match else None


def read_client_id(text: str) -> str | None:
    """Return the client id of a Spotify app if the text is one; else None."""
    return text.lower() if _CLIENT_ID.fullmatch(text) else None


def read_address(text: str, redirect_uri: str) -> PastedAddress | None:
    """Return the address in a message, preferring ours; None if there is none.

    Args:
        text: The message.
        redirect_uri: Our redirect address.
    """
    text = _INVISIBLE.sub("", unescape(text))
    found = [_parsed(tail, redirect_uri) for tail in _tails(text)]
    return next((one for one in found if one.is_ours), found[0] if found else None)


def _tails(text: str) -> Iterator[str]:
    """Yield the message from each address on, or from a bare query if there is no address."""
    starts = list(islice(_START.finditer(text), _ADDRESSES_READ))
    for start in starts:
        yield text[start.start() :]
    alone = None if starts else _QUERY_ALONE.search(text)
    if alone is not None:
        yield text[alone.start() :]


def _parsed(tail: str, redirect_uri: str) -> PastedAddress:
    """Parse an address up to white space, or across line breaks if only that completes it."""
    address = _split(_until_end(tail), redirect_uri)
    if address.is_complete:
        return address
    joined = _split(_until_end(_LINE_BREAK.sub("", tail)), redirect_uri)
    if not joined.is_complete:
        return address
    state = joined.query["state"][:STATE_CHARS]  # text of the next line may follow it
    return PastedAddress(joined.site, joined.is_ours, {**joined.query, "state": state})


def _until_end(tail: str) -> str:
    return _END.split(tail, maxsplit=1)[0].rstrip(".,;:!)]}'’")


def _split(address: str, redirect_uri: str) -> PastedAddress:
    if _QUERY_ALONE.match(address):
        query = address.rpartition("?")[2]
        return PastedAddress("", is_ours=True, query=dict(parse_qsl(query)))
    ours = urlsplit(redirect_uri)
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
    except ValueError:  # brackets without an IPv6 address
        return PastedAddress(address, is_ours=False, query={})
    is_ours = (parts.netloc.lower(), parts.path.rstrip("/")) == (ours.netloc.lower(), ours.path)
    return PastedAddress(parts.netloc, is_ours, dict(parse_qsl(parts.query)))
