"""Text formatting as in Telegram: parses HTML into entities, and finds links and commands.

Offsets and lengths count UTF-16 code units, as everywhere in the Bot API.
https://core.telegram.org/bots/api#html-style
"""

import re
from dataclasses import dataclass, field
from typing import Any

Entity = dict[str, Any]
"""A `MessageEntity`: type, offset, length, and the fields of its type (url, language)."""

_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_CHARACTERS = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-z]+);")
_TOKEN = re.compile(r"<(?:\"[^\"]*\"|'[^']*'|[^'\">])*>|<|" + _REFERENCE.pattern)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*|)(.*)>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?()\[\]'])"
    r"|(?<![\w/@.])(?P<mention>@[A-Za-z][A-Za-z0-9_]{3,31})\b"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/])"
)


class UnreadableMarkup(Exception):
    """HTML that Telegram refuses, with Telegram's own message."""


@dataclass(slots=True)
class _Open:
    """An open tag and its offset, in UTF-16 units."""

    tag: str
    start: int
    attributes: dict[str, str] = field(default_factory=dict)


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str) -> str:
    """Return the text as Telegram stores it: no control characters or lone surrogates."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub(" ", text.replace("\r", ""))


def parse_html(text: str) -> tuple[str, list[Entity]]:
    """Return the plain text and its entities.

    Raises:
        UnreadableMarkup: A tag is unknown, unclosed or closed in the wrong order.
    """
    plain: list[str] = []
    length = 0
    entities: list[Entity] = []
    stack: list[_Open] = []
    position = 0
    for token in _TOKEN.finditer(text):
        before = text[position : token.start()]
        plain.append(before)
        length += utf16_length(before)
        position = token.end()
        if token.group().startswith("&"):
            character = _character(token.group())
            plain.append(character)
            length += utf16_length(character)
            continue
        byte_offset = len(text[: token.start()].encode())
        tag = _TAG.fullmatch(token.group())
        if tag is None:
            raise UnreadableMarkup(f"Unclosed start tag at byte offset {byte_offset}")
        closing, name, rest = tag.group(1), tag.group(2).lower(), tag.group(3)
        if closing:
            opened = _close(stack, name, byte_offset)
            inner = "".join(plain).encode("utf-16-le")[2 * opened.start :].decode("utf-16-le")
            entities += _entity(opened, inner, stack)
        else:
            stack.append(_open(name, rest, length, byte_offset))
    if stack:
        raise UnreadableMarkup(f'Can\'t find end tag corresponding to start tag "{stack[-1].tag}"')
    plain.append(text[position:])
    return "".join(plain), sorted(entities, key=lambda e: (e["offset"], -e["length"]))


def _character(reference: str) -> str:
    """Decode a character reference; an unknown one stays as it is."""
    name = reference[1:-1]
    if not name.startswith("#"):
        return _CHARACTERS.get(name, reference)
    code = int(name[2:], 16) if name[1] == "x" else int(name[1:])
    is_character = 0 < code < 0x110000 and not 0xD800 <= code < 0xE000
    return chr(code) if is_character else reference


def _open(name: str, rest: str, start: int, byte_offset: int) -> _Open:
    attributes = {}
    for key, *values in _ATTRIBUTE.findall(rest):
        value = next((value for value in values if value), "")
        attributes[key.lower()] = _REFERENCE.sub(lambda found: _character(found[0]), value)
    is_plain_span = name == "span" and attributes.get("class") != "tg-spoiler"
    if name not in _TYPES or is_plain_span:
        raise UnreadableMarkup(f'Unsupported start tag "{name}" at byte offset {byte_offset}')
    return _Open(name, start, attributes)


def _close(stack: list[_Open], name: str, byte_offset: int) -> _Open:
    if not stack:
        raise UnreadableMarkup(f"Unexpected end tag at byte offset {byte_offset}")
    opened = stack.pop()
    if name and name != opened.tag:
        raise UnreadableMarkup(
            f"Unmatched end tag at byte offset {byte_offset}, "
            f'expected "</{opened.tag}>", found "</{name}>"'
        )
    return opened


def _entity(opened: _Open, inner: str, stack: list[_Open]) -> list[Entity]:
    """Return the entity of a closed tag; None if it is empty or has no meaning."""
    if not inner:
        return []
    entity: Entity = {
        "type": _TYPES[opened.tag],
        "offset": opened.start,
        "length": utf16_length(inner),
    }
    if opened.tag == "a":
        entity["url"] = opened.attributes.get("href") or inner
        if not entity["url"].startswith(("http://", "https://", "tg://")):
            return []
    if opened.tag == "blockquote" and "expandable" in opened.attributes:
        entity["type"] = "expandable_blockquote"
    if opened.tag == "pre" and "language" in opened.attributes:
        entity["language"] = opened.attributes["language"]
    language = opened.attributes.get("class", "").removeprefix("language-")
    if opened.tag == "code" and stack and stack[-1].tag == "pre" and language:
        stack[-1].attributes["language"] = language
        return []
    return [entity]


def find_entities(text: str, entities: list[Entity]) -> list[Entity]:
    """Return the entities, plus the links, mentions and commands between them."""
    taken = [
        range(entity["offset"], entity["offset"] + entity["length"])
        for entity in entities
        if entity["type"] in ("code", "pre", "text_link")
    ]
    found = [
        {
            "type": match.lastgroup,
            "offset": utf16_length(text[: match.start()]),
            "length": utf16_length(match.group()),
        }
        for match in _FOUND.finditer(text)
    ]
    free = [entity for entity in found if not any(entity["offset"] in part for part in taken)]
    return sorted(entities + free, key=lambda entity: (entity["offset"], -entity["length"]))


def trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Strip whitespace from both ends, as Telegram does, and adjust the entities."""
    kept = text.strip()
    removed = utf16_length(text[: len(text) - len(text.lstrip())])
    end = utf16_length(kept)
    moved = []
    for entity in entities:
        start = max(entity["offset"] - removed, 0)
        stop = min(entity["offset"] + entity["length"] - removed, end)
        if stop > start:
            moved.append({**entity, "offset": start, "length": stop - start})
    return kept, moved
