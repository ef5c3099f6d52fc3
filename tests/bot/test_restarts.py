"""Whatever a user was in the middle of goes on after a restart."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bot import texts
from tests.support.telegram.chatting import AGREE, ANNA, Chat, with_chat

Part = Callable[[Chat], Coroutine[Any, Any, None]]


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Part, Part], None]:
    """Returns what tells the first part of a story, restarts the bot, and tells the second."""

    def run(before: Part, after: Part) -> None:
        for part in (before, after):
            asyncio.run(with_chat(part, database=tmp_path / "mirrortape.db"))

    return run


def test_a_name_that_was_asked_for_is_taken(tell: Callable[[Part, Part], None]) -> None:
    async def before(chat: Chat) -> None:
        await chat.press("ask:banned_genres")

    async def after(chat: Chat) -> None:
        listed, *_ = await chat.say("soul")
        assert "• soul" in listed.text

    tell(before, after)


def test_buttons_and_reactions_of_before_do_what_they_say(
    tell: Callable[[Part, Part], None],
) -> None:
    data: dict[str, str] = {}
    shown_in = 0

    async def before(chat: Chat) -> None:
        nonlocal shown_in
        await chat.press(AGREE)
        *_, picture, _, playlist = await chat.photo()
        (rated,) = await chat.say("/feedback 2")
        (overview,) = await chat.say("/settings")
        for call in (picture, playlist, rated, overview):
            data.update({button["text"]: button["callback_data"] for button in call.buttons})
        shown_in = playlist.parameters["message_id"]

    async def after(chat: Chat) -> None:
        assert "👍 3 ✓" in str((await chat.press(data["👍 3"]))[-1].buttons)
        assert "<b>sad</b> 😢 now" in (await chat.press(data["😢 sad"]))[-1].text
        assert (await chat.press(data[texts.UNDO]))[-1].text == texts.ASK_STARS
        assert (await chat.react(shown_in, "❤"))[-1].text == texts.RATED.format(stars=5)
        for label in ("More like this", "Another one"):
            assert (await chat.press(data[label]))[-1].text.startswith("<b>😊 Happy")
        assert "Mode: <b>Lift</b>" in (await chat.press("set:mode:lift"))[-1].text
        await chat.press(data["Not quite"])
        saved = await chat.records.run(lambda s: s.music.playlist(1, ANNA))
        assert (saved.stars, saved.tracks[2].vote) == (5, True)

    tell(before, after)


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_whoever_was_asked_whether_to_forget_may_still_answer(
    tell: Callable[[Part, Part], None], answer: str
) -> None:
    async def before(chat: Chat) -> None:
        await chat.say("/mood sad")
        await chat.say("/forget")

    async def after(chat: Chat) -> None:
        await chat.press(f"forget:{answer}")
        last = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
        assert (last is None) == (answer == "yes")

    tell(before, after)
