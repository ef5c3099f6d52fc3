"""A Telegram that records its calls and answers as the real one does."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from telegram.error import NetworkError
from telegram.request import BaseRequest, RequestData

from tests.support.telegram.telegram_contract import contract

BOT = {"id": 999, "is_bot": True, "first_name": "Mirrortape", "username": "mirrortape_bot"}


@dataclass
class Call:
    """One call of the Bot API: its method, its decoded parameters, and the files with it."""

    method: str
    parameters: dict[str, Any]
    uploads: dict[str, bytes] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What the user gets to read."""
        media = self.parameters.get("media") or {}
        return str(
            self.parameters.get("text") or self.parameters.get("caption") or media["caption"]
        )

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """All buttons under the message, row after row."""
        markup = self.parameters.get("reply_markup") or {"inline_keyboard": []}
        return [button for row in markup["inline_keyboard"] for button in row]

    def data(self, label: str) -> str:
        """What the button with this label sends back."""
        return next(b["callback_data"] for b in self.buttons if b["text"] == label)


@dataclass
class FakeTelegram(BaseRequest):
    """Records the calls; `files` holds what `getFile` can find, `refusals` what is refused.

    The users in `blocked_by` have blocked the bot, the messages in `deleted` are gone from their
    chats; while `is_down`, nothing reaches Telegram.
    `before` is called with each request and may raise instead of an answer; `give`
    answers getUpdates in the place of `updates`.
    With `after_sending`, that is raised once Telegram has taken a message, as when a kill or a
    broken line comes before its answer.
    What `getWebhookInfo` tells is what was set, and what is in `webhook`.
    What is not as the Bot API wants it is noted in `problems`, where its contract is at hand.
    """

    calls: list[Call] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    updates: list[dict[str, Any]] = field(default_factory=list)
    blocked_by: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    is_down: bool = False
    before: Callable[[Call], Awaitable[None]] | None = None
    give: Callable[[Call], Awaitable[list[dict[str, Any]]]] | None = None
    after_sending: BaseException | None = None
    webhook: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)

    @property
    def read_timeout(self) -> float | None:
        return 5.0

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, **_: Any
    ) -> tuple[int, bytes]:
        if "/file/bot" in url:
            return 200, self.files[url.rsplit("/", 1)[1]]
        name = url.rsplit("/", 1)[1]
        parameters = request_data.json_parameters if request_data else {}
        uploads = (request_data.multipart_data or {}) if request_data else {}
        api = contract()
        if api is not None:
            self.problems += api.call_problems(name, parameters, uploads)
        call = Call(
            name,
            {key: _decoded(value) for key, value in parameters.items()},
            {filename: content for filename, content, _ in uploads.values()},
        )
        if self.before is not None:
            await self.before(call)
        if self.is_down:
            raise NetworkError("no route to Telegram")
        if call.parameters.get("chat_id") in self.blocked_by:
            refusal = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked"}
            return 403, json.dumps(refusal).encode()
        refused = self.refusals.get(name)
        if name.startswith("edit") and call.parameters.get("message_id") in self.deleted:
            refused = "Bad Request: message to edit not found"
        if refused:
            refusal = {"ok": False, "error_code": 400, "description": refused}
            return 400, json.dumps(refusal).encode()
        if name == "getUpdates":
            await asyncio.sleep(0.01)  # as the real one holds a quiet poll open
        elif name != "getMe":
            self.calls.append(call)
        if name == "sendMessage" and self.after_sending is not None:
            raise self.after_sending
        if name == "getUpdates" and self.give is not None:
            result: Any = await self.give(call)
        else:
            result = self._result(call)
        return 200, json.dumps({"ok": True, "result": result}).encode()

    def _result(self, call: Call) -> Any:
        if call.method == "getMe":
            return BOT
        if call.method == "getUpdates":
            fetched, self.updates = self.updates, []
            return fetched
        if call.method == "getWebhookInfo":
            url = next(
                (c.parameters["url"] for c in self.calls[::-1] if c.method == "setWebhook"), ""
            )
            info = {"url": url, "has_custom_certificate": False, "pending_update_count": 1}
            return info | self.webhook
        if call.method == "getFile":
            file_id = call.parameters["file_id"]
            return {"file_id": file_id, "file_unique_id": file_id, "file_path": file_id}
        if call.method == "sendMediaGroup":
            return [self._message(call) for _ in call.parameters["media"]]
        if call.method.startswith(("send", "edit")) and call.method != "sendChatAction":
            return self._message(call)
        return True

    def _message(self, call: Call) -> dict[str, Any]:
        return {
            "message_id": call.parameters.get("message_id") or next(self._ids),
            "date": 0,
            "chat": {"id": call.parameters["chat_id"], "type": "private"},
            "text": "…",
        }


class Failing:
    """Raises some errors, one after the other, at requests for one user; notes when they came.

    Given to `FakeTelegram.before`.
    """

    def __init__(self, user_id: int, *errors: Exception) -> None:
        self._errors = iter(errors)
        self._user_id = user_id
        self.came_s: list[float] = []

    async def __call__(self, call: Call) -> None:
        if call.parameters.get("chat_id") == self._user_id:
            self.came_s.append(time.monotonic())
            for error in self._errors:
                raise error


def _decoded(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
