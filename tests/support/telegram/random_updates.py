"""Random updates, made from the contract file of Telegram's Bot API.

They have the right fields of the right types, with odd values among them: dates that are 0, empty
lists, emoji, long texts. Most come from people who may use the bot, in their own chats.
"""

import random
import re
from typing import Any

from tests.support.telegram.telegram_contract import Contract

DATE = 1_700_000_000
DEEPEST = 5
"""Beyond this many objects in each other, only what must be there is drawn."""

KINDS = ("message",) * 12 + ("callback_query",) * 3 + ("message_reaction",) * 2
"""What the bot asks for, as often as it comes."""

_ALWAYS = re.compile(r'[Aa]lways (?:[“"](\w+)[”"]|(0)\b)')
_QUOTED = re.compile(r'[“"]([^“”"]+)[”"]')
_CHOSEN = {"type", "status", "emoji", "source"}
"""Fields whose descriptions list what they can be."""

_TEXTS = (
    "hello",
    "/mood sad",
    "/start abc",
    "/settings",
    "/history",
    "/schedule 08:30",
    "sad",
    "",
    "🎵 e\u0301 \u202eabc",
    "<b>&amp;",
    "%s {user_id} \\ ' \" \u0000",
    "x" * 4096,
    "https://open.spotify.com/playlist/1",
)
_PRESSES = ("agree:2", "decline", "page:1:1", "history:0", "right:1", "gone", "🎵:1")
_NUMBERS = (0, 1, 2, 5, 77, 640, -1) * 20 + (2**31, 2**52 - 1, -1_001_234_567_890)
_FLOATS = (0, 0.5, -90.0, 48.1, 179.999999)


class Updates:
    """Draws updates, always the same ones for a seed.

    Args:
        contract: Says what an update can hold.
        guests: Ids of people who may use the bot.
        seed: Decides what is drawn.
    """

    def __init__(self, contract: Contract, guests: tuple[int, ...], seed: int) -> None:
        self._types = contract.types
        self._guests = guests
        self._random = random.Random(seed)  # noqa: S311 - nobody is to be surprised
        fields = self._types["Update"]["fields"]
        self._kinds = {f["name"]: f["types"] for f in fields if f["name"] != "update_id"}

    def draw(self, update_id: int) -> dict[str, Any]:
        """Return an update; every fourth is of a kind that the bot does not ask for."""
        among = KINDS if self._random.random() < 0.75 else tuple(self._kinds)
        kind = self._random.choice(among)
        content = self._value(self._kinds[kind], 0)
        if kind == "callback_query":  # which holds either of two things
            content.pop("game_short_name", None)
            content["data"] = self._random.choice(_PRESSES)
        self._settle(content)
        return {"update_id": update_id, kind: content}

    def _settle(self, content: dict[str, Any]) -> None:
        """Let most updates come from somebody in their own chat."""
        if self._random.random() < 0.1:
            return
        is_guest = self._random.random() < 0.85
        user_id = (
            self._random.choice(self._guests) if is_guest else self._random.randint(500, 9**9)
        )
        chat = {"id": user_id, "type": "private", "first_name": "A"}
        for name in ("from", "user"):
            if isinstance(content.get(name), dict):
                content[name]["id"] = user_id
        if "from" not in content and "user" not in content and "message_id" in content:
            content["from"] = {"id": user_id, "is_bot": False, "first_name": "A"}
        for each in (content, content.get("message")):
            if isinstance(each, dict) and "chat" in each:
                each["chat"] = chat

    def _value(self, kinds: list[str], depth: int, field: str = "", about: str = "") -> Any:
        kind = self._random.choice(kinds)
        if depth >= DEEPEST:  # what holds itself must come to an end
            kind = next((each for each in kinds if each not in self._types), kind)
        if kind.startswith("Array of "):
            count = self._random.choice((0, 1, 1, 2)) if depth < DEEPEST else 0
            inner = [kind.removeprefix("Array of ")]
            return [self._value(inner, depth + 1, field, about) for _ in range(count)]
        match kind:
            case "Integer" if field == "id" or field.endswith("_id"):
                return self._random.choice((1, 2, 3, 77, 2**52 - 1))
            case "Integer" if field.endswith("date"):
                return 0 if self._random.random() < 0.2 else DATE
            case "Integer":
                return self._random.choice(_NUMBERS)
            case "Float":
                return self._random.choice(_FLOATS)
            case "Boolean" | "True":
                return kind == "True" or self._random.random() < 0.5
            case "String":
                return self._string(field, about)
        if "subtypes" in self._types[kind]:
            return self._value(self._types[kind]["subtypes"], depth)
        return self._object(kind, depth)

    def _string(self, field: str, about: str) -> str:
        if field == "id" or field.endswith("_id"):
            return f"id-{self._random.randint(1, 9)}"
        if field in _CHOSEN and (known := _QUOTED.findall(about)):
            return self._random.choice(known)
        return self._random.choice(_TEXTS)

    def _object(self, kind: str, depth: int) -> dict[str, Any]:
        drawn: dict[str, Any] = {}
        share = 0 if depth >= DEEPEST else 0.12 / (1 + depth // 2)
        for field in self._types[kind].get("fields", ()):
            if field["required"] or self._random.random() < share:
                name, about = field["name"], field["description"]
                always = _ALWAYS.search(about)
                if always:
                    drawn[name] = always[1] or int(always[2])
                else:
                    drawn[name] = self._value(field["types"], depth + 1, name, about)
        for text, entities in (("text", "entities"), ("caption", "caption_entities")):
            self._mark_within(drawn, text, entities)
        return drawn

    def _mark_within(self, drawn: dict[str, Any], text: str, entities: str) -> None:
        """Let entities lie within their text, and a command have one, as Telegram does."""
        if entities not in drawn and not str(drawn.get(text, "")).startswith("/"):
            return
        length = len(drawn.get(text) or "")
        if not length:
            drawn.pop(entities, None)
            return
        for each in drawn.get(entities, ()):
            each["offset"] = self._random.randrange(length)
            each["length"] = self._random.randint(1, length - each["offset"])
        if drawn[text].startswith("/"):
            command = {"type": "bot_command", "offset": 0, "length": len(drawn[text].split()[0])}
            drawn[entities] = [command]
