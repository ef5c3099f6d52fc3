"""No text that somebody sends costs a regular expression more than time linear in its length.

The expressions are found where they lie, and attacked by what they are made of: each repetition in
one is given what it repeats, thousands of times, and then something on which it fails.
"""

import ast
import importlib
import pkgutil
import re
import string
from collections.abc import Callable, Iterator
from itertools import product
from time import process_time, thread_time
from types import ModuleType
from typing import Any

import pytest

import bot
import recommender
from tests.support.contracts import ROOT
from tests.support.spotify.spotify_chat import spotify_chat
from tests.support.spotify.spotify_world import World
from tests.support.telegram.chatting import AGREE

MESSAGE_CHARS = 4096
"""What Telegram lets somebody send at once."""

LONGEST = 4 * MESSAGE_CHARS
"""What the expressions are given: there a square shows even if each step takes a nanosecond."""

MOST_S = 0.05
"""What an expression may take for that; the slowest take a tenth of it, most a hundredth."""

LENGTHS = (16, 20, 24, 32, 64, 128, 256, 512, 1024, 2048, MESSAGE_CHARS, LONGEST)
"""Short texts come first: where time grows like a cube, or doubles with each character, a long one
would never end."""

OUR_OWN_TEXT = {
    "bot.sandbox.telegram.entities._TOKEN": "the bot's markup, in which users' words are escaped",
    "bot.sandbox.telegram.entities._TAG": "one tag of the bot's markup, not a whole message",
    "bot.sandbox.telegram.entities._ATTRIBUTE": "what stands inside one tag of the bot's markup",
}
"""Expressions that see none of what users write, and why."""

MADE_WHERE_NEEDED = {
    ("bot/cli/env_file.py", "compile"): "holds the name of a setting; reads `.env`"
}
"""Calls that are not made when a module is imported, and why."""

_NEEDS_A_MODULE = {"compile", "search", "match", "fullmatch", "split", "findall", "finditer"} | {
    "sub",
    "subn",
}


def _modules() -> Iterator[ModuleType]:
    for package in (bot, recommender):
        yield package
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def _patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif isinstance(value, dict):
        for each in value.items():
            yield from _patterns_in(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _patterns_in(each)


def _expressions() -> dict[str, re.Pattern[str]]:
    """Return every compiled expression of a module, by where it was first met."""
    found: dict[re.Pattern[str], str] = {}
    for module in _modules():
        for name, value in vars(module).items():
            for number, pattern in enumerate(_patterns_in(value)):
                place = f"{module.__name__}.{name}" + (f"[{number}]" if number else "")
                found.setdefault(pattern, place)
    return {place: pattern for pattern, place in found.items()}


EXPRESSIONS = _expressions()

ANSWERED_WITHIN_S = 2.0
"""Processor time for a whole message. Reading one like these took 21 seconds, or for ever."""


# -- attacks --


def _one_of(members: list[tuple[Any, Any]]) -> str:
    """Return a character that a set in brackets matches."""
    is_negated = any(str(kind) == "NEGATE" for kind, _ in members)
    inside = {
        c
        for c in string.printable + "é٣’"
        if any(_is_member(c, str(kind), value) for kind, value in members)
    }
    if is_negated:
        return next(c for c in "a \n1;<" if c not in inside)
    first = members[0][1]
    return min(inside) if inside else chr(first[0] if isinstance(first, tuple) else first)


def _is_member(c: str, kind: str, value: Any) -> bool:
    match kind:
        case "LITERAL":
            return ord(c) == value
        case "RANGE":
            return bool(value[0] <= ord(c) <= value[1])
        case "CATEGORY":
            return bool(re.fullmatch(_CATEGORIES[str(value)], c))
    return False


_CATEGORIES = {
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def _matched(nodes: Any) -> str:
    """Return a text that a parsed expression matches, with every option taken once."""
    text = ""
    for kind, value in nodes:
        match str(kind):
            case "LITERAL":
                text += chr(value)
            case "NOT_LITERAL":
                text += "a" if value != ord("a") else "b"
            case "ANY":
                text += "a"
            case "IN":
                text += _one_of(value)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                text += _matched(value[2]) * max(value[0], 1)
            case "SUBPATTERN":
                text += _matched(value[3])
            case "ATOMIC_GROUP":
                text += _matched(value)
            case "BRANCH":
                text += _matched(value[1][0])
    return text


def _repetitions(nodes: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield what leads to each unlimited repetition, and what it repeats."""
    for kind, value in nodes:
        match str(kind):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                _, most, body = value
                if most > 1000:
                    yield before, _matched(body)
                    yield from ((before, each) for each in _others(body))
                yield from _repetitions(body, before)
            case "SUBPATTERN":
                yield from _repetitions(value[3], before)
            case "BRANCH":
                for branch in value[1]:
                    yield from _repetitions(branch, before)
        before += _matched([(kind, value)])


def _others(body: Any) -> Iterator[str]:
    """Yield more of what a repetition of one set takes: spaces, letters, digits, openers."""
    if len(body) == 1 and str(body[0][0]) == "IN":
        yield from (c for c in " a1(<.-\n" if _in_set(c, body[0][1]))


def _in_set(c: str, members: list[tuple[Any, Any]]) -> bool:
    is_negated = any(str(kind) == "NEGATE" for kind, _ in members)
    return is_negated != any(_is_member(c, str(kind), value) for kind, value in members)


def _attacks(pattern: re.Pattern[str]) -> Iterator[Callable[[int], str]]:
    """Yield texts of any length that make an expression try again and again."""
    parsed = re._parser.parse(pattern.pattern, pattern.flags)  # type: ignore[attr-defined]
    bodies = {("", fragment) for fragment in (" ", "\n", "a", "1", "(", "<", "a.", " - ", "' ")}
    bodies |= set(_repetitions(parsed)) | {("", _matched(parsed) or "a")}
    for (before, body), ending in product(sorted(bodies), ("", "x", "!", "\n ", "\0")):
        if not body:
            continue
        once = before + body
        yield lambda n, a=before, b=body, end=ending: (a + b * n)[: n - 1] + end
        if before:
            yield lambda n, a=once, end=ending: (a * n)[: n - 1] + end
            yield (
                lambda n, a=once, b=body, end=ending: (
                    (a * n)[: n // 2] + (b * n)[: n // 2 - 1] + end
                )
            )


def _seconds(pattern: re.Pattern[str], text: str) -> float:
    """Return the processor time of a search for all matches and of a match of the whole."""
    began = thread_time()
    for _ in pattern.finditer(text):
        pass
    pattern.fullmatch(text)
    return thread_time() - began


def _slowest(pattern: re.Pattern[str]) -> tuple[float, str]:
    """Return the most time that an attack takes, and the beginning of its text."""
    slowest = (0.0, "")
    for attack in _attacks(pattern):
        for length in LENGTHS:
            text = attack(length)
            seconds = _seconds(pattern, text)
            if seconds > MOST_S:  # by chance?
                seconds = min(seconds, _seconds(pattern, text), _seconds(pattern, text))
            slowest = max(slowest, (seconds, f"{text[:40]!r} … {text[-20:]!r}, {length} long"))
            if seconds > MOST_S:
                return slowest
    return slowest


# -- tests --


@pytest.mark.parametrize("place", sorted(EXPRESSIONS.keys() - OUR_OWN_TEXT))
def test_an_expression_takes_linear_time(place: str) -> None:
    seconds, text = _slowest(EXPRESSIONS[place])
    assert seconds < MOST_S, f"{place} took {seconds:.3f} s for {text}"


@pytest.mark.parametrize(
    "quadratic", [r"[ \t]*[\r\n]+", r"\s*(\d{4})?\s*x?\s*", r"<[^>]*>", r"(a+)+$", r"\w*\d\w*;"]
)
def test_an_expression_that_takes_longer_is_found(quadratic: str) -> None:
    seconds, _ = _slowest(re.compile(quadratic))
    assert seconds > MOST_S


def test_the_list_of_what_sees_only_our_text_is_up_to_date() -> None:
    assert OUR_OWN_TEXT.keys() <= EXPRESSIONS.keys()
    assert len(EXPRESSIONS) > 25


def test_every_expression_is_compiled_where_it_is_found() -> None:
    """One that is made inside a function would be missed above."""
    inside = set[tuple[str, str]]()
    for path in sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("recommender/**/*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {a.asname or a.name for a in _imported(tree) if a.name in _NEEDS_A_MODULE}
        assert not names, f"{path.name} imports {names} from re"
        at_import = {
            id(node)
            for statement in tree.body
            if isinstance(statement, ast.Assign | ast.AnnAssign)
            for node in ast.walk(statement)
        }
        inside |= {
            (path.relative_to(ROOT).as_posix(), node.func.attr)
            for node in ast.walk(tree)
            if _is_call_of_re(node) and not (node.func.attr == "compile" and id(node) in at_import)
        }
    assert inside == MADE_WHERE_NEEDED.keys()


@pytest.mark.parametrize("awaited", ["nothing", "years", "favourite_artists", "zone"])
@pytest.mark.parametrize(
    "text",
    [
        "a.b/ " * 200 + " " * 3095 + "x",
        "1990" + " " * 4000 + "x",
        "123456" + " " * 4000 + "x",
        "a," * 2048,
        "http://127.0.0.1:8080/callback?code=\n" * 100 + "x",
        "/mood " + "not happy, " * 370,
        "/schedule " + "9 " * 2040,
        "/connect " + "a.b/ " * 800,
        "/feedback " + "3 + " * 1000,
    ],
    ids=lambda text: text[:12],
)
async def test_no_message_keeps_the_bot_busy(world: World, text: str, awaited: str) -> None:
    async with spotify_chat(world) as chat:
        await chat.press(AGREE)
        if awaited == "zone":
            await chat.say("/schedule zone")
        elif awaited != "nothing":
            await chat.press(f"ask:{awaited}")
        began = process_time()
        calls = await chat.say(text[:MESSAGE_CHARS])
        assert process_time() - began < ANSWERED_WITHIN_S
        assert calls


def _imported(tree: ast.Module) -> Iterator[ast.alias]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            yield from node.names


def _is_call_of_re(node: Any) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in _NEEDS_A_MODULE
    )
