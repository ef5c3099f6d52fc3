"""Compares what goes over the wire with Spotify's OpenAPI file.

openapi-core checks routes, query, bodies and answers against their schemas. The file lets objects
hold more than it names, so that nothing is misspelled there: names that it lacks, or calls
deprecated, are looked for here.
"""

from collections.abc import Iterable, Iterator, MutableSequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import yaml
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BASE = "https://api.spotify.com/v1"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request to the Web API and its answer, as they were sent.

    Args:
        path: Below /v1.
        query: As in the address.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes
    answer_type: str


def recording(app: ASGIApp, exchanges: MutableSequence[Exchange]) -> ASGIApp:
    """Return an application that notes what passes through it to /v1 and back."""

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        body, answer, head = bytearray(), bytearray(), {}

        async def hear() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            head.update(message)
            answer.extend(message.get("body", b""))
            is_whole = message["type"] == "http.response.body" and not message.get("more_body")
            if is_api and is_whole:  # noted first: whoever gets the answer may look at once
                types = dict(head["headers"]).get(b"content-type", b"application/json")
                exchanges.append(
                    Exchange(
                        method=scope["method"],
                        path=path,
                        query=scope["query_string"].decode(),
                        headers={key.decode(): value.decode() for key, value in scope["headers"]},
                        body=bytes(body),
                        status=head["status"],
                        answer=bytes(answer),
                        answer_type=types.decode(),
                    )
                )
            await send(message)

        _, is_api, path = scope["path"].partition("/v1")
        await app(scope, hear, say)

    return recorded


class Contract:
    """Routes and schemas of an API.

    Args:
        path: The OpenAPI file.
    """

    def __init__(self, path: Path) -> None:
        self._spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        for operations in self._spec["paths"].values():
            for operation in operations.values():  # openapi-core knows no OAuth
                operation.pop("security", None)
        # Its discriminators name no schema, so that they would decide for none.
        for schema in _objects(self._spec["components"]["schemas"]):
            schema.pop("discriminator", None)
        del self._spec["components"]["securitySchemes"]
        self._api = OpenAPI.from_dict(self._spec)

    def request_problems(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with a request: route, query, body."""
        request = _request(exchange)
        told = self._api.unmarshal_request(RequestsOpenAPIRequest(request))
        if told.errors:
            return _told(told.errors)
        template = self._operation(exchange)
        known = {self._resolved(each)["name"] for each in template.get("parameters", ())}
        found = [f"?{name} is unknown" for name, _ in _pairs(request) if name not in known]
        content = self._resolved(template.get("requestBody", {})).get("content", {})
        if "application/json" in content and told.body is not None:
            schema = content["application/json"]["schema"]
            found += self._strangers(told.body, schema, "body")
        elif exchange.body and not content:
            found.append("a body where none is expected")
        return found

    def answer_problems(self, exchange: Exchange) -> list[str]:
        """Return what is wrong with an answer: status, and fields missing, unknown, of no type."""
        response = requests.Response()
        response.status_code = exchange.status
        response._content = exchange.answer
        response.headers["Content-Type"] = exchange.answer_type
        told = self._api.unmarshal_response(
            RequestsOpenAPIRequest(_request(exchange)), RequestsOpenAPIResponse(response)
        )
        if told.errors:
            return _told(told.errors)
        if told.data is None:
            return []
        answers = self._operation(exchange)["responses"]
        content = self._resolved(answers[str(exchange.status)])["content"]
        schema = content["application/json"]["schema"]
        return list(self._strangers(response.json(), schema, "$"))

    def _operation(self, exchange: Exchange) -> dict[str, Any]:
        steps = exchange.path.strip("/").split("/")
        for template, operations in self._spec["paths"].items():
            names = template.strip("/").split("/")
            if len(names) == len(steps) and all(
                name == step or name.startswith("{")
                for name, step in zip(names, steps, strict=True)
            ):
                found: dict[str, Any] = operations[exchange.method.lower()]
                return found
        raise KeyError(exchange.path)

    def _strangers(self, value: object, schema: dict[str, Any], where: str) -> Iterator[str]:
        """Yield the names in a value that its schema lacks or calls deprecated."""
        schema = self._resolved(schema)
        if isinstance(value, list):
            for index, entry in enumerate(value):
                yield from self._strangers(entry, schema.get("items", {}), f"{where}[{index}]")
        elif isinstance(value, dict) and (fields := self._fields(schema)):
            for name, inner in value.items():
                if name not in fields:
                    yield f"{where}.{name} is unknown"
                elif self._resolved(fields[name]).get("deprecated"):
                    yield f"{where}.{name} is deprecated"
                else:
                    yield from self._strangers(inner, fields[name], f"{where}.{name}")

    def _fields(self, schema: dict[str, Any]) -> dict[str, Any]:
        # Of alternatives the first is meant: a track, not an episode.
        parts = [*schema.get("allOf", ()), *schema.get("oneOf", ())[:1]]
        fields: dict[str, Any] = {}
        for part in parts:
            fields |= self._fields(self._resolved(part))
        return fields | schema.get("properties", {})

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self._spec
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node


def _request(exchange: Exchange) -> requests.PreparedRequest:
    address = f"{BASE}{exchange.path}{'?' if exchange.query else ''}{exchange.query}"
    kept = {k: v for k, v in exchange.headers.items() if k in ("authorization", "content-type")}
    return requests.Request(
        exchange.method, address, headers=kept, data=exchange.body or None
    ).prepare()


def _told(errors: Iterable[Exception]) -> list[str]:
    """Return each error with the reasons that lie behind it."""
    return ["; ".join([str(error), *(str(each) for each in _behind(error))]) for error in errors]


def _behind(error: BaseException) -> Iterator[object]:
    while error.__cause__ is not None:
        error = error.__cause__
        yield from (
            f"{'.'.join(map(str, each.absolute_path))}: {each.message}"
            for each in getattr(error, "schema_errors", ())
        )


def _pairs(request: requests.PreparedRequest) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(str(request.url)).query)


def _objects(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from _objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _objects(inner)
