"""Parses requests to the local Spotify's Web API, and refuses invalid ones."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from bot.sandbox.spotify.refusals import ApiRefusal
from bot.sandbox.spotify.state import Item

MAX_ITEMS = 100
MAX_PAGE = 50

_URI = re.compile(r"spotify:(track|episode):[0-9A-Za-z]{22}")


async def json_object(request: Request) -> dict[str, Any]:
    """Return the body as an object, empty if there is no body."""
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except ValueError as error:
        raise ApiRefusal(400, "Error parsing JSON.") from error
    if not isinstance(body, dict):  # a bare array of URIs was taken once
        raise ApiRefusal(400, "Error parsing JSON.")
    return body


def uris_in(request: Request, body: Mapping[str, Any]) -> list[str]:
    """Return the URIs in the query, else those in the body."""
    asked = request.query_params.get("uris")
    return checked_uris(body.get("uris") if asked is None else asked.split(",") if asked else [])


def checked_uris(uris: object) -> list[str]:
    """Return the URIs if all are valid and not too many for one request."""
    if not isinstance(uris, list):
        raise ApiRefusal(400, "No uris provided")
    if len(uris) > MAX_ITEMS:
        raise ApiRefusal(400, f"You can add a maximum of {MAX_ITEMS} tracks per request.")
    for uri in uris:
        if not isinstance(uri, str) or not _URI.fullmatch(uri):
            raise ApiRefusal(400, f"Invalid track uri: {uri}")
    return uris


def reordered(items: list[Item], body: Mapping[str, Any]) -> list[Item]:
    """Return the items, reordered as the body says."""
    start = number(body.get("range_start"), "range_start")
    before = number(body.get("insert_before"), "insert_before")
    end = start + number(body.get("range_length", 1), "range_length")
    if end > len(items) or before > len(items):
        raise ApiRefusal(400, "Index out of bounds.")
    moved = items[start:end]
    if before <= start:
        return items[:before] + moved + items[before:start] + items[end:]
    return items[:start] + items[end : max(before, end)] + moved + items[max(before, end) :]


def number(value: object, name: str) -> int:
    """Return a field that must be a non-negative integer."""
    text = str(value)
    if not text.isascii() or not text.isdigit():
        raise ApiRefusal(400, f"Invalid {name}")
    return int(text)


def page_asked(request: Request) -> tuple[int, int]:
    """Return the requested page's limit and offset."""
    limit = number(request.query_params.get("limit", "20"), "limit")
    if not 1 <= limit <= MAX_PAGE:
        raise ApiRefusal(400, "Invalid limit")
    return limit, number(request.query_params.get("offset", "0"), "offset")
