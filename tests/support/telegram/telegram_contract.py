"""Compares what goes over the wire with Telegram's Bot API, as its contract file describes it.

The file lists the fields of each method and type; limits of length stand in their descriptions.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from bot.sandbox.telegram.entities import UnreadableMarkup, parse_html, utf16_length
from tests.support.contracts import CONTRACTS

FILE = CONTRACTS / "telegram-bot-api-10.1.json"

_PLAIN = {bool: {"Boolean", "True"}, int: {"Integer", "Float"}, float: {"Float"}}
_TEXTS = {"String", "InputFile"}
_SCALARS = {"Boolean", "True", "Integer", "Float", *_TEXTS}
_LIMIT = re.compile(r"\b(\d+)-(\d+) (characters|bytes)( after entit)?")
_RAW_MARKUP = re.compile(r"</\w+>|&(?:lt|gt|amp|quot|#\d+);")
_ALWAYS = re.compile(r'always [“"](\w+)[”"]')
_SMALLEST = {"Boolean": True, "True": True, "Integer": 1, "Float": 1.0, "String": "x"}
_ALWAYS_A_BUTTON = {"text", "icon_custom_emoji_id", "style"}
"""What a button has beside the one field that says what it does."""


class Contract:
    """Methods and types of the Bot API."""

    def __init__(self) -> None:
        spec = json.loads(FILE.read_text(encoding="utf-8"))
        self.methods: dict[str, Any] = spec["methods"]
        self.types: dict[str, Any] = spec["types"]

    def call_problems(
        self, method: str, parameters: Mapping[str, str], uploads: Collection[str] = ()
    ) -> list[str]:
        """Return what is wrong with a call: names, types, lengths, markup that would show.

        Args:
            method: The method's name.
            parameters: As they are sent: texts as they are, anything else as JSON.
            uploads: The names of the files that are sent beside them.
        """
        if method not in self.methods:
            return [f"{method} is no method"]
        fields = {field["name"]: field for field in self.methods[method].get("fields", ())}
        values = {name: _decoded(text, fields.get(name)) for name, text in parameters.items()}
        values |= {name: f"attach://{name}" for name in uploads if name in fields}
        return list(self._object_problems(values, fields, method))

    def value_problems(self, value: Any, kinds: list[str], where: str) -> Iterator[str]:
        """Yield what is wrong with a value that is to be of one of these kinds."""
        if isinstance(value, list):
            inner = [k.removeprefix("Array of ") for k in kinds if k.startswith("Array of ")]
            if not inner:
                yield f"{where} must not be an array"
            for index, item in enumerate(value if inner else ()):
                yield from self.value_problems(item, inner, f"{where}[{index}]")
        elif isinstance(value, dict):
            found = [list(self._typed_problems(value, kind, where)) for kind in self._whole(kinds)]
            yield from min(found, key=len, default=[f"{where} must not be an object"])
        elif not _PLAIN.get(type(value), _TEXTS) & set(kinds):
            yield f"{where} must be {' or '.join(kinds)}, not {value!r}"

    def smallest(self, kinds: list[str]) -> Any:
        """Return a value of the first of these kinds with no more in it than must be."""
        kind = kinds[0]
        if kind.startswith("Array of "):
            return [self.smallest([kind.removeprefix("Array of ")])]
        if kind in _SMALLEST:
            return _SMALLEST[kind]
        if "subtypes" in self.types[kind]:
            return self.smallest(self.types[kind]["subtypes"][:1])
        value = {}
        for field in self.types[kind].get("fields", ()):
            if field["required"]:
                said = _ALWAYS.search(field["description"])
                value[field["name"]] = said[1] if said else self.smallest(field["types"])
        return value

    def _typed_problems(self, value: dict[str, Any], kind: str, where: str) -> Iterator[str]:
        fields = {field["name"]: field for field in self.types[kind].get("fields", ())}
        yield from self._object_problems(value, fields, where)
        if kind == "InlineKeyboardButton" and len(value.keys() - _ALWAYS_A_BUTTON) != 1:
            yield f"{where} must do exactly one thing, not {sorted(value)}"

    def _object_problems(
        self, values: Mapping[str, Any], fields: Mapping[str, Any], where: str
    ) -> Iterator[str]:
        for name in values.keys() - fields.keys():
            yield f"{where}.{name} is unknown"
        for name, field in fields.items():
            if name not in values:
                if field["required"]:
                    yield f"{where}.{name} is missing"
                continue
            yield from self.value_problems(values[name], field["types"], f"{where}.{name}")
            if isinstance(values[name], str):
                mode = values.get("parse_mode")
                yield from _text_problems(values[name], field, mode, f"{where}.{name}")

    def _whole(self, kinds: list[str]) -> Iterator[str]:
        """Yield the types with fields among some, those of unions included."""
        for kind in kinds:
            known = self.types.get(kind, {})
            yield from (
                self._whole(known["subtypes"])
                if "subtypes" in known
                else ([kind] if known else [])
            )


@cache
def contract() -> Contract | None:
    """Return the contract; None where its file is absent."""
    return Contract() if FILE.is_file() else None


def _decoded(text: str, field: dict[str, Any] | None) -> Any:
    if field is None or _TEXTS & set(field["types"]):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text_problems(
    text: str, field: dict[str, Any], mode: str | None, where: str
) -> Iterator[str]:
    limit = _LIMIT.search(field["description"])
    if mode is not None and limit and limit[4]:
        if mode != "HTML":
            yield f"{where} is written in {mode}"
        try:
            text, _ = parse_html(text)
        except UnreadableMarkup as error:
            yield f"{where}: {error}"
    if limit:
        length = len(text.encode()) if limit[3] == "bytes" else utf16_length(text)
        if not int(limit[1]) <= length <= int(limit[2]):
            yield f"{where} has {length} {limit[3]}, not {limit[1]} to {limit[2]}"
    if _RAW_MARKUP.search(text):
        yield f"{where} would show raw markup: {text!r}"
