"""/history as a user meets it: a picture of the moods, and the last playlists with links."""

import asyncio
import re
import subprocess
import sys
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from telegram.error import InvalidToken

from bot import texts
from bot.chat.html_text import visible_chars
from recommender.listeners.history import past_moods
from tests.support.contracts import ROOT
from tests.support.spotify.spotify_chat import spotify_chat
from tests.support.spotify.spotify_world import Server, World
from tests.support.telegram.chatting import (
    AGREE,
    ANNA,
    BEN,
    NOW,
    Chat,
    a_reading,
    chatting,
    with_chat,
)
from tests.support.telegram.fake_telegram import Call

PNG = b"\x89PNG"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Any:
        return self.now


async def history(chat: Chat, user_id: int = ANNA) -> tuple[Call, Call]:
    """Ask for the history; return the picture and the list of playlists."""
    action, picture, playlists = await chat.say("/history", user_id)
    assert action.method == "sendChatAction"
    assert picture.method == "sendPhoto"
    (content,) = picture.uploads.values()
    assert content.startswith(PNG)
    return picture, playlists


ALL_LOADED = """
import asyncio, gc, sys
from bot.runtime.serving import loaded

class Nothing:
    async def start(self): ...
    def close(self): ...

async def serve():
    assert "matplotlib" not in sys.modules
    async with loaded(Nothing(), Nothing()):
        print("bot.chat.history.mood_picture" in sys.modules, gc.get_freeze_count() > 50_000)

asyncio.run(serve())
"""


def test_what_draws_is_loaded_before_anybody_is_served_and_keeps_nobody_waiting_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALL_LOADED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True\n"


async def test_where_there_is_no_past_it_says_how_to_begin(chat: Chat) -> None:
    (answer,) = await chat.say("/history")
    assert answer.text == texts.NO_HISTORY
    await chat.press(answer.data("😢 sad"))
    await history(chat)


async def test_one_reading_is_a_picture_and_a_list(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.photo()
    await chat.say("/feedback 4")
    picture, playlists = await history(chat)
    assert picture.text == "One mood in these weeks."
    assert picture.buttons == []
    (line,) = re.findall(r"^1\..*$", playlists.text, re.MULTILINE)
    assert line == "1. 😊 <b>Happy · Match</b>, 20 Nov, 12:00 · ★★★★☆"
    assert " and 19 more" in playlists.text
    *_, again = await chat.press(playlists.data("1"))
    assert again.text.startswith("<b>😊 Happy · Match</b>\n20 tracks")
    assert again.buttons[0]["text"] == "👍 1"


async def test_a_server_that_shows_no_sign_of_work_does_not_keep_the_picture_back(
    chat: Chat,
) -> None:
    async def no_actions(call: Call) -> None:
        if call.method == "sendChatAction":
            raise InvalidToken("Not Found: method not found")

    await chat.press(AGREE)
    await chat.photo()
    chat.telegram.before = no_actions
    *_, picture, playlists = await chat.say("/history")
    assert picture.method == "sendPhoto"
    assert "1. " in playlists.text


async def test_a_corrected_reading_counts_as_its_user_says(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.photo()
    await chat.press("correct:1:sad")
    (past,) = await chat.records.run(lambda s: past_moods(s.music, ANNA))
    assert max(past.mood, key=past.mood.__getitem__) == "sad"


async def test_a_mood_chosen_by_name_counts_once_however_many_playlists_it_gets() -> None:
    clock = Clock()

    async with chatting(clock=clock) as chat:
        _, sad = await chat.say("/mood sad")
        await chat.press(sad.data("Lift"))
        await chat.say("/playlist")
        clock.now += timedelta(minutes=50)
        await chat.say("/playlist")
        await chat.say("/mood happy")
        clock.now += timedelta(hours=3)
        await chat.say("/mood happy")
        moods = await chat.records.run(lambda s: past_moods(s.music, ANNA))
        assert [max(past.mood, key=past.mood.__getitem__) for past in moods] == [
            "sad",
            "happy",
            "happy",
        ]
        picture, _ = await history(chat)
        assert picture.text == "3 moods in these weeks. Most often you were happy 😊."


async def test_five_hundred_readings_have_pages_that_turn() -> None:
    clock = Clock()

    async with chatting(clock=clock) as chat:
        probabilities = a_reading("fear").probabilities

        def store(stores: Any) -> None:
            for number in range(500):
                moment = NOW - timedelta(hours=4 * number)
                stores.music.add_reading(ANNA, probabilities, "haar", moment)

        await chat.records.run(store)
        _, picture = await chat.say("/history")
        assert picture.method == "sendPhoto"
        assert "There are 500 in all." in picture.text
        assert [button["text"] for button in picture.buttons] == ["‹ Earlier"]
        _, edited = await chat.press(picture.data("‹ Earlier"))
        assert edited.method == "editMessageMedia"
        assert [button["text"] for button in edited.buttons] == ["‹ Earlier", "Later ›"]
        _, last = await chat.press(edited.data("‹ Earlier"))
        assert [button["text"] for button in last.buttons] == ["Later ›"]
        _, beyond = await chat.press("history:99")
        assert beyond.text == texts.NO_MOOD_SHOWN


async def test_how_playlists_felt_is_drawn_and_counted(chat: Chat) -> None:
    await chat.say("/mood sad")
    plain, _ = await history(chat)
    await chat.press("felt:1:happy")
    picture, _ = await history(chat)
    assert picture.text == "One mood in these weeks. After the music you felt brighter."
    ((before,), (after,)) = plain.uploads.values(), picture.uploads.values()
    assert Image.open(BytesIO(after)).height > Image.open(BytesIO(before)).height
    await chat.say("/mood happy")
    await chat.press("felt:2:happy")
    picture, _ = await history(chat)
    assert picture.text == (
        "2 moods in these weeks. After the music you felt brighter 1 of 2 times."
    )


async def test_long_names_emoji_and_markup_stay_what_they_are(chat: Chat) -> None:
    for emotion in ("sad", "happy", "angry", "fear", "neutral", "surprise"):
        await chat.say(f"/mood {emotion}")
    await chat.records.run(
        lambda s: s.music.db.execute(
            "update shown set title = ?, artist = ?, invented = 0",
            ["1 < 2 & _*x 🎧" * 60, "🦄 & <co>" * 60],
        )
    )
    _, playlists = await history(chat)
    assert [button["text"] for button in playlists.buttons] == ["1", "2", "3", "4", "5"]
    assert visible_chars(playlists.text) < 1000
    assert "1 &lt; 2 &amp; _*x 🎧" in playlists.text
    assert "Surprise" in playlists.text.splitlines()[1]
    assert "Sad" not in playlists.text


async def test_days_and_times_go_by_the_users_clock(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.say("/schedule zone Auckland")
    await chat.say("/mood sad")
    _, playlists = await history(chat)
    assert "21 Nov, 01:00" in playlists.text


async def test_nobody_sees_the_past_of_another(chat: Chat) -> None:
    await chat.say("/mood sad")
    _, playlists = await history(chat)
    (toast,) = await chat.press(playlists.data("1"), BEN)
    assert toast.parameters["text"] == texts.GONE
    (toast,) = await chat.press("history:0", BEN)
    assert toast.parameters["text"] == texts.GONE
    (answer,) = await chat.say("/history", BEN)
    assert answer.text == texts.NO_HISTORY


async def test_after_forgetting_there_is_no_past(chat: Chat) -> None:
    await chat.say("/mood sad")
    await chat.records.run(lambda s: s.music.publications.note(1, "https://spotify.test/1"))
    await chat.press("forget:yes")
    (answer,) = await chat.say("/history")
    assert answer.text == texts.NO_HISTORY
    assert await chat.records.run(lambda s: s.music.db.table("standing").count) == 0


async def test_the_bot_answers_others_while_a_picture_is_drawn(chat: Chat) -> None:
    await chat.say("/mood sad")
    drawing = asyncio.create_task(chat.say("/history"))
    while not any(call.method == "sendChatAction" for call in chat.telegram.calls):
        await asyncio.sleep(0)
    (answer,) = (call for call in await chat.say("/help", BEN) if "text" in call.parameters)
    assert answer.text == texts.HELP
    assert not drawing.done()
    await drawing


def test_buttons_work_after_a_restart(tmp_path: Path) -> None:
    buttons: dict[str, str] = {}

    async def before(chat: Chat) -> None:
        await chat.say("/mood sad")
        await chat.records.run(
            lambda s: s.music.add_reading(
                ANNA, a_reading().probabilities, "haar", NOW - timedelta(weeks=8)
            )
        )
        picture, playlists = await history(chat)
        buttons.update(earlier=picture.data("‹ Earlier"), again=playlists.data("1"))

    async def after(chat: Chat) -> None:
        _, edited = await chat.press(buttons["earlier"])
        assert edited.method == "editMessageMedia"
        *_, again = await chat.press(buttons["again"])
        assert again.text.startswith("<b>😢 Sad · Match</b>")

    for story in (before, after):
        asyncio.run(with_chat(story, database=tmp_path / "mirrortape.db"))


async def test_what_stands_in_spotify_is_linked_and_only_that(server: Server) -> None:
    world = World(server)

    async with spotify_chat(world) as chat:
        await chat.say("/mood sad")
        await chat.say("/mood happy")
        (playlist,) = world.local.playlists()
        _, playlists = await history(chat)
        happy, sad = re.findall(r"^\d\..*$", playlists.text, re.MULTILINE)
        assert f'/playlist/{playlist.id}">Happy · Match</a>' in happy
        assert "<a " not in sad  # the same playlist was written anew
        *_, again = await chat.press(playlists.data("1"))
        assert any(button.get("url", "").endswith(playlist.id) for button in again.buttons)
