"""Whichever call of a handler fails once, the inbox retries and the outcome is the usual one.

The stories are in `tests.support.stories`, the fault injection in `tests.support.interrupted`.
Here a fixed sample of the faults of each story is tried; `make chaos` tries all.
"""

import asyncio
import re
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.updates.guests import Guests
from tests.support import interrupted
from tests.support.interrupted import (
    Fault,
    FaultNotReached,
    Outcome,
    Scene,
    differences,
    sampled,
    without_pauses,
)
from tests.support.spotify.spotify_world import Server, World
from tests.support.stories import CONNECTED, STORIES, Asked
from tests.support.telegram import handlers
from tests.support.telegram.chatting import ANNA, BEN, Chat

SAMPLE = 2
"""How many faults of each story are tried here."""

TRIES = 3
"""How often a story runs at most until it makes the call that should fail."""

IN_FULL = "help wanted"
"""The story whose faults are all tried, since every other story makes its calls too."""

NAMES = [(handler, name) for handler, told in STORIES.items() for name in told]


@dataclass(frozen=True, slots=True)
class ExpectedDifference:
    """Faults after which the outcome differs from the usual one.

    Args:
        story: The names of the stories, as a pattern.
        call: The calls that fail, and how, as a pattern.
        why: Why.
    """

    story: str
    call: str
    why: str

    def covers(self, name: str, fault: Fault) -> bool:
        """Return whether a fault of a story is one of these."""
        call = f"{fault.call} {fault.how}"
        return bool(re.fullmatch(self.story, name) and re.fullmatch(self.call, call))


EXPECTED_DIFFERENCES = (
    ExpectedDifference(
        ".*",
        "worker read lost",
        "What a photo did to the worker it may do again: its user is asked for another.",
    ),
    ExpectedDifference(
        "paste the way back.*|type the digits|reconnect .*",
        "spotify (POST /api/token|GET /v1/me) .*",
        "A code buys tokens once, so whether it did or not, the way begins anew.",
    ),
    ExpectedDifference(
        "mood with a token that ended",
        "spotify POST /api/token unanswered",
        "A refresh token may buy only once; without the answer its user must connect anew.",
    ),
)
"""What the user has to do again, by design."""


def tell(told: Asked, server: Server, folder: Path, fault: Fault | None = None) -> Outcome:
    """Run a story with a new bot and what the story needs."""

    async def story(scene: Scene) -> None:
        if told.spotify == CONNECTED:
            await scene.connected(ANNA)
        await told.story(scene)

    async def run(folder: Path) -> Outcome:
        return await interrupted.tell(
            story,
            fault,
            world=World(server) if told.spotify else None,
            folder=folder if told.keeps_copies else None,
            guests=Guests(frozenset({str(BEN)})) if told.is_strangers else None,
        )

    for number in range(TRIES):
        (attempt := folder / str(number)).mkdir()
        with without_pauses(), suppress(FaultNotReached):
            return asyncio.run(run(attempt))
    raise AssertionError(f"{fault} never came about")


def try_each(
    handler: str, name: str, server: Server, folders: pytest.TempPathFactory, most: int | None
) -> Counter[str]:
    """Run a story without and with faults, at most so many, and compare the outcomes.

    Returns:
        How often a user saw more than usual, and what.
    """
    story, found, extra = STORIES[handler][name], [], Counter[str]()
    handlers.reached.clear()
    usual = tell(story, server, folders.mktemp("usual"))
    assert handler in handlers.reached
    assert usual.has_answer != story.is_silent
    faults = list(usual.calls.faults())
    if most is not None and name != IN_FULL:
        faults = sampled(faults, most, zlib.crc32(name.encode()))
    for fault in faults:
        told = tell(story, server, folders.mktemp("failed"), fault)
        assert told.has_answer or story.is_silent, f"{fault}: no answer"
        if not any(each.covers(name, fault) for each in EXPECTED_DIFFERENCES):
            found += [f"{fault}: {each}" for each in differences(usual, told)]
        found += [f"{fault}: a photo lies in {each}" for each in told.leaks]
        extra += told.extra
    assert found == []
    return extra


async def test_every_handler_has_a_story(chat: Chat) -> None:
    assert sorted(handlers.names(chat.application)) == sorted(STORIES)


@pytest.mark.parametrize(("handler", "name"), NAMES)
def test_what_fails_once_ends_as_usual(
    handler: str, name: str, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try_each(handler, name, server, tmp_path_factory, SAMPLE)


@pytest.mark.chaos
@pytest.mark.parametrize(("handler", "name"), NAMES)
def test_whatever_fails_once_ends_as_usual(
    handler: str, name: str, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    extra = try_each(handler, name, server, tmp_path_factory, None)
    print(f"{name}: {dict(extra)}")
