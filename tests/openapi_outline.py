"""Reads as much of an OpenAPI file as tests need, without a YAML library.

The file is block-style YAML. What matters here is its outline: nested keys, lists of plain words
and references. Long quoted texts run over several lines; they only occur as values of keys that
nobody asks for, and their lines are kept out by their indentation.
"""

import re
from pathlib import Path
from typing import Any

_KEY = re.compile(r"( *)(?P<dash>- )?'?(?P<key>[^\s:'\"]+)'?:(?: (?P<value>.*))?$")
_ENTRY = re.compile(r"( *)- (?P<value>[\w$#/'.-]+)$")


def read_outline(path: Path) -> dict[str, Any]:
    """Return nested dictionaries; a list becomes a dictionary from its position or word."""
    root: dict[str, Any] = {}
    stack: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    open_quote = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if open_quote:
            if line.rstrip().endswith(open_quote) and not line.rstrip().endswith(open_quote * 2):
                open_quote = ""
            continue
        if entry := _ENTRY.match(line):
            indent = len(entry.group(1)) + 1  # deeper than a key in the same column
            _parent(stack, indent)[entry.group("value").strip("'")] = True
        elif key := _KEY.match(line):
            indent = len(key.group(1)) + (1 if key.group("dash") else 0)
            parent = _parent(stack, indent)
            if key.group("dash"):  # a list of mappings: number them
                numbered: dict[str, Any] = {}
                parent[str(len(parent))] = numbered
                stack.append((indent, numbered))
                parent, indent = numbered, indent + 1
            value = key.group("value") or ""
            open_quote = _left_open(value)
            if value:
                parent[key.group("key")] = value.strip("'")
            else:
                child: dict[str, Any] = {}
                parent[key.group("key")] = child
                stack.append((indent, child))
    return root


def _parent(stack: list[tuple[int, dict[str, Any]]], indent: int) -> dict[str, Any]:
    while stack[-1][0] >= indent:
        stack.pop()
    return stack[-1][1]


def _left_open(value: str) -> str:
    for quote in "'\"":
        if value.startswith(quote) and (len(value) == 1 or not value.endswith(quote)):
            return quote
    return ""


class Contract:
    """Routes and schemas of an API.

    Args:
        path: The OpenAPI file.
    """

    def __init__(self, path: Path) -> None:
        self._outline = read_outline(path)

    def allows(self, method: str, path: str) -> bool:
        """Return whether the API has this route."""
        for template, methods in self._outline["paths"].items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", template)
            if re.fullmatch(pattern, path) and method.lower() in methods:
                return True
        return False

    def response_schema(self, method: str, template: str, status: int) -> dict[str, Any]:
        """Return the schema of a JSON answer."""
        answer = self._outline["paths"][template][method.lower()]["responses"][str(status)]
        return self._resolved(self._resolved(answer)["content"]["application/json"]["schema"])

    def schema(self, name: str) -> dict[str, Any]:
        """Return a schema by its name."""
        found: dict[str, Any] = self._outline["components"]["schemas"][name]
        return found

    def problems(self, value: object, schema: dict[str, Any], where: str = "$") -> list[str]:
        """Return what is wrong with a value: fields missing, unknown, deprecated, of no type."""
        schema = self._resolved(schema)
        kinds = {
            "object": dict,
            "array": list,
            "string": str,
            "integer": int,
            "boolean": bool,
        }
        declared = schema.get("type")
        if declared is None and self._fields(schema):
            declared = "object"
        if value is None:
            return [] if schema.get("nullable") == "true" else [f"{where} is null"]
        if declared in kinds and not isinstance(value, kinds[declared]):
            return [f"{where} is no {declared}"]
        if isinstance(value, list):
            inner = schema.get("items")
            if inner is None:
                return []
            return [
                p for i, v in enumerate(value) for p in self.problems(v, inner, f"{where}[{i}]")
            ]
        if not isinstance(value, dict):
            return []
        fields = self._fields(schema)
        found = [f"{where}.{name} is missing" for name in self._required(schema) - value.keys()]
        for name, inner in value.items():
            if name not in fields:
                found.append(f"{where}.{name} is unknown")
            elif fields[name].get("deprecated") == "true":
                found.append(f"{where}.{name} is deprecated")
            else:
                found += self.problems(inner, fields[name], f"{where}.{name}")
        return found

    def _fields(self, schema: dict[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for part in self._parts(schema):
            fields |= self._fields(part)
        return fields | schema.get("properties", {})

    def _required(self, schema: dict[str, Any]) -> set[str]:
        required = set(schema.get("required", {}))
        for part in self._parts(schema):
            required |= self._required(part)
        return required

    def _parts(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        # Of alternatives the first is meant: a track, not an episode.
        alternatives = list(schema.get("oneOf", {}).values())[:1]
        return [self._resolved(p) for p in [*schema.get("allOf", {}).values(), *alternatives]]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self._outline
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node
