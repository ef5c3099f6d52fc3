"""A request from the bot in any encoding: its fields and uploads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.telegram.entities import (
    Entity,
    UnreadableMarkup,
    clean,
    find_entities,
    parse_html,
    trim,
)
from bot.sandbox.telegram.refusals import Json, Refusal, check_keyboard


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a request."""

    data: bytes
    name: str
    mime: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request's fields, as text or JSON values, and its uploads by field name."""

    fields: Mapping[str, object]
    uploads: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field as text; empty if it is absent."""
        value = self.fields.get(name)
        return "" if value is None else clean(str(value))

    def whole(self, name: str, default: int = 0) -> int:
        """Return a field as an integer."""
        value = self.fields.get(name)
        if value is None or value == "":
            return default
        try:
            return int(str(value))
        except ValueError:
            raise Refusal(f"{name} must be a whole number") from None

    def flag(self, name: str) -> bool:
        """Return a field as a boolean, as Telegram parses it."""
        return self.text(name).lower() in ("true", "yes", "1", "on")

    def parsed(self, name: str) -> Any:
        """Return a JSON field's value; None if it is absent."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return parse_json(value)
        except ValueError:
            raise Refusal(f"can't parse {name} JSON object") from None

    def chat_id(self) -> int:
        """Return the chat that the request is about."""
        chat_id = self.text("chat_id")
        if not chat_id:
            raise Refusal("chat_id is empty")
        try:
            return int(chat_id)
        except ValueError:
            raise Refusal("chat not found") from None  # an @name: there are no channels here

    def reply_to(self) -> tuple[int, bool]:
        """Return the id of the message replied to (0 for none), and whether it may be missing."""
        parameters = self.parsed("reply_parameters") or {}
        if not isinstance(parameters, dict):
            raise Refusal("can't parse reply parameters JSON object")
        is_optional = bool(parameters.get("allow_sending_without_reply"))
        return Call(parameters).whole("message_id"), is_optional

    def keyboard(self) -> Json:
        """Return `reply_markup` as part of a message; empty if there is no keyboard."""
        markup = check_keyboard(self.parsed("reply_markup"))
        return {"reply_markup": markup} if markup else {}

    def formatted(self, name: str, entities_name: str) -> tuple[str, list[Entity]]:
        """Return a text and its entities, from HTML, from given entities, or plain."""
        mode = self.text("parse_mode").lower()
        text = self.text(name)
        entities: list[Entity] = []
        if mode == "html":
            try:
                text, entities = parse_html(text)
            except UnreadableMarkup as error:
                raise Refusal(f"can't parse entities: {error}") from None
        elif mode in ("markdown", "markdownv2"):
            raise Refusal("can't parse entities: the local Telegram reads HTML only")
        elif mode not in ("", "none"):
            raise Refusal("unsupported parse_mode")
        else:
            entities = self._given_entities(entities_name)
        text, entities = trim(text, entities)
        return text, find_entities(text, entities)

    def _given_entities(self, name: str) -> list[Entity]:
        given = self.parsed(name) or []
        if not isinstance(given, list):
            raise Refusal("can't parse MessageEntities JSON array")
        for entity in given:
            is_entity = isinstance(entity, dict) and isinstance(entity.get("type"), str)
            if not is_entity or not all(
                isinstance(entity.get(key), int) and entity[key] >= 0
                for key in ("offset", "length")
            ):
                raise Refusal("can't parse MessageEntity: an object with type, offset and length")
        return given


def parse_json(text: str | bytes) -> Any:
    """Parse a JSON text.

    Raises:
        ValueError: It is not valid JSON, or holds NaN or Infinity.
        Refusal: A string contains lone surrogates.
    """
    value = json.loads(text)
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise Refusal("strings must be encoded in UTF-8") from None
    return value
