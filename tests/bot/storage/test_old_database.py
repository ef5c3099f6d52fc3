"""A database of an earlier version opens, migrates, and everything in it still works.

`data/before_one_table.sql` is a dump of what that version stored for one user of invented tracks:
a reading, a playlist that was published, one that waits for Spotify, votes, a rating, a check-in.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet

from bot import texts
from bot.chat.playlist_view import OPEN_IN_SPOTIFY
from tests.support.spotify.spotify_chat import run_job, spotify_chat
from tests.support.spotify.spotify_world import World
from tests.support.telegram.chatting import ANNA, chatting

DUMP = Path(__file__).with_name("data") / "before_one_table.sql"
CIPHER = MultiFernet([Fernet(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFG=")])

SHOWS_READING, SHOWS_WAITING = 2, 9
"""The messages with the playlist of the reading, and with the one that waits."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mirrortape.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(DUMP.read_text())
    return path


async def test_what_an_earlier_version_stored_still_works(database: Path) -> None:
    async with chatting(database=database, cipher=CIPHER) as chat:
        (settings,) = await chat.say("/settings")
        assert texts.LENGTH.format(length=10) in settings.text
        (schedule,) = await chat.say("/schedule")
        assert "08:30 weekdays" in schedule.text
        (rated, *_) = await chat.react(SHOWS_READING, "❤")
        assert rated.text == texts.RATED.format(stars=5)
        *_, rewritten = await chat.press("mode:1:calm")  # under the picture of the reading
        assert rewritten.parameters["message_id"] == SHOWS_READING
        assert "Happy · Calm" in rewritten.text


async def test_the_message_of_a_reading_is_carried_over(database: Path) -> None:
    """Still earlier versions knew it only from the table that was dropped."""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("delete from shown_messages where message_id = ?", [SHOWS_READING])
    async with chatting(database=database, cipher=CIPHER) as chat:
        shown = await chat.records.run(lambda s: s.people.shown.message_of_reading(ANNA, 1))
        assert shown == SHOWS_READING


async def test_a_playlist_that_waited_is_published_and_shown(database: Path, world: World) -> None:
    world.clock.advance(hours=3)
    async with spotify_chat(world, database=database, cipher=CIPHER) as chat:
        await run_job(chat, "write")
        shown = [each for each in chat.telegram.calls if each.method == "editMessageText"]
        assert [each.parameters["message_id"] for each in shown] == [SHOWS_WAITING]
        assert OPEN_IN_SPOTIFY in {button["text"] for button in shown[0].buttons}
