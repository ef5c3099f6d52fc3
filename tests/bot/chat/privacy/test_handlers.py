"""What I keep of a user: shown, handed out and deleted, without a table forgotten."""

import asyncio
import csv
import io
import json
import re
import threading
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest

from bot import texts
from bot.linking.connections import Connections
from bot.playlists import forgetting
from bot.storage import export
from bot.storage.inbox_table import NewUpdate, SetAside
from bot.storage.people import CONSENT_VERSION, People
from bot.storage.questions import Question
from bot.storage.records import PERSONAL_TABLES, Records, Stores
from bot.timetable import read_slots
from recommender.errors import SpotifyUnreachable
from recommender.services.spotify.authorizations import PendingAuthorization
from recommender.services.spotify.contents import Playlist
from recommender.services.spotify.intents import PlaylistDraft
from recommender.services.spotify.tokens import Profile, Tokens
from tests.support.telegram.chatting import AGREE, ANNA, BEN, NOW, Chat, a_reading, with_chat
from tests.support.telegram.fake_telegram import Call
from vision import Explanation

ABOUT_NOBODY = {
    "forgotten": "sealed numbers, which name nobody without the owner's key",
    "_sqlite_migrations": "what the tables look like",
    "gone_tracks": "tracks that Spotify does not play",
    "pools": "what all listeners have in common, learned anew when one of them is forgotten",
    "sqlite_sequence": "SQLite's own counters",
}
"""Tables that hold no row about a user, and what they hold."""

SECRETS = ("the-access-token", "the-refresh-token", "the-verifier", "the-state", "the-code")
TOKENS = Tokens(SECRETS[0], SECRETS[1], NOW + timedelta(hours=1), "", NOW)


async def fill(chat: Chat, user_id: int) -> None:
    """Put a row about a user into every table."""
    await chat.press(AGREE, user_id)
    for _ in range(2):
        *_, picture, _, _ = await chat.photo(user_id=user_id)
        await chat.press(picture.data("Right"), user_id)
    await chat.say("/feedback 1 +", user_id)
    (rated,) = await chat.say("/feedback 5", user_id)
    await chat.press(rated.data("😊 happy"), user_id)

    def store(stores: Stores) -> None:
        stores.people.questions.ask(user_id, Question("years", 1), NOW)
        stores.people.inbox.add([NewUpdate(1000 + user_id, user_id, "words")], NOW)
        stores.people.inbox.set_aside(SetAside(user_id, "TypeError", "words"), NOW)
        stores.music.preferences.change(user_id, NOW, length=30, banned_artists=("=1+1",))
        stores.music.shifts.reset(user_id)
        last = stores.music.last_playlist(user_id)
        assert last is not None
        stores.music.publications.note(last.id, f"https://open.spotify.com/playlist/{user_id}")
        stores.schedules.set_zone(user_id, "Europe/Berlin", NOW)
        stores.schedules.add(user_id, read_slots("08:30"), NOW)
        ways = stores.spotify.authorizations
        pending = PendingAuthorization(user_id, SECRETS[2], code=SECRETS[4])
        ways.use_app(user_id, f"{user_id:032}")
        stores.spotify.cool_down(f"{user_id:032}", NOW + timedelta(hours=1))
        ways.begin(pending, f"{SECRETS[3]}{user_id}", NOW)
        ways.arrive(pending, "123456", NOW)
        stores.spotify.connect(user_id, Profile("spotify-id", "Anna"), TOKENS)
        stores.spotify.notices.note_end(user_id)
        stores.spotify.playlists.intend(user_id, PlaylistDraft("Sad", "Today", ("a:b",)), NOW)

    await chat.records.run(store)


async def rows(chat: Chat, user_id: int) -> dict[str, int]:
    """Count the rows about a user in every table."""
    tables = await chat.records.run(lambda s: s.about(user_id))
    return {table.name: len(table.rows) for table in tables}


def opened(sent: Call) -> dict[str, bytes]:
    """Return the files in the ZIP that was sent."""
    ((name, packed),) = sent.uploads.items()
    assert name == "mirrortape-2026-11-20.zip"
    with zipfile.ZipFile(io.BytesIO(packed)) as zipped:
        return {entry: zipped.read(entry) for entry in zipped.namelist()}


# -- no table is forgotten --


async def test_every_table_is_somebodys_or_nobodys(chat: Chat) -> None:
    sql = "select name from sqlite_master where type = 'table'"
    there = await chat.records.run(lambda s: {r["name"] for r in s.people.db.query(sql)})
    theirs = [each.table for each in PERSONAL_TABLES]
    assert sorted(there) == sorted([*theirs, *ABOUT_NOBODY])


def test_every_table_is_told_in_words() -> None:
    assert set(texts.KEPT_ROWS) == {each.table for each in PERSONAL_TABLES}


async def test_what_is_named_of_a_table_is_there(chat: Chat) -> None:
    for table in await chat.records.run(lambda s: s.about(ANNA)):
        assert {*table.secrets, *table.structured} <= set(table.columns)


# -- /export --


async def test_export_holds_every_row_of_this_user_and_no_other(chat: Chat) -> None:
    for user_id in (ANNA, BEN):
        await fill(chat, user_id)
    assert all((await rows(chat, ANNA)).values())

    (sent,) = await chat.say("/export")

    kept = await rows(chat, ANNA)
    files = opened(sent)
    assert set(files) == {export.ALL, export.EXPLAINED, *(f"{name}.csv" for name in kept)}
    told = json.loads(files[export.ALL])
    assert {name: len(found) for name, found in told["tables"].items()} == kept
    others = [row for found in told["tables"].values() for row in found]
    assert {row.get("user_id", ANNA) for row in others} == {ANNA}
    assert {row["playlist_id"] for row in told["tables"]["shown"]} == {1, 2}
    assert told["tables"]["readings"][0]["probabilities"]["happy"] == pytest.approx(0.72)
    for name, count in kept.items():
        table = list(csv.DictReader(io.StringIO(files[f"{name}.csv"].decode("utf-8-sig"))))
        assert len(table) == count
        assert f"{name}.csv, rows: {count}\n".encode() in files[export.EXPLAINED]


async def test_secrets_are_named_but_not_handed_out(chat: Chat) -> None:
    await fill(chat, ANNA)
    files = opened((await chat.say("/export"))[0])
    for content in files.values():
        assert not any(secret.encode() in content for secret in SECRETS)
        assert b"gAAAAA" not in content  # how all that is encrypted begins
        assert not re.search(rb"\b[0-9a-f]{64}\b", content)
    (account,) = json.loads(files[export.ALL])["tables"]["spotify_accounts"]
    assert account["tokens_encrypted"] == texts.WITHHELD
    assert account["display_name"] == "Anna"


def test_no_cell_is_a_formula() -> None:
    table = export.Table(
        "shown", ["a", "b"], [{"a": "=cmd|' /C calc'!A0", "b": -0.5}, {"a": "@x\n=1", "b": None}]
    )
    with zipfile.ZipFile(io.BytesIO(export.archive([table], ANNA, NOW))) as zipped:
        text = zipped.read("shown.csv").decode("utf-8-sig")
        told = json.loads(zipped.read(export.ALL))
    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["'=cmd|' /C calc'!A0", "-0.5"],
        ["'@x =1", ""],
    ]
    assert told["tables"]["shown"][0]["a"] == "=cmd|' /C calc'!A0"


async def test_export_of_somebody_unknown_is_empty_but_whole(chat: Chat) -> None:
    files = opened((await chat.say("/export"))[0])
    assert not any(json.loads(files[export.ALL])["tables"].values())


# -- /privacy --


async def test_privacy_names_the_version_agreed_to_and_takes_it_back(chat: Chat) -> None:
    (shown,) = await chat.say("/privacy")
    assert texts.LACKS_CONSENT in shown.text
    assert shown.buttons == []
    await chat.press(AGREE)
    (shown,) = await chat.say("/privacy")
    assert f"on 20 November 2026 to this, version {CONSENT_VERSION}" in shown.text
    _, told = await chat.press(shown.data(texts.WITHDRAW))
    assert told.text == texts.WITHDRAWN
    (shown,) = await chat.say("/privacy")
    assert texts.LACKS_CONSENT in shown.text
    await chat.photo()
    assert chat.worker.photos == []


async def test_an_outdated_consent_is_shown_as_such_and_asked_for_again(chat: Chat) -> None:
    await chat.press(AGREE)
    await chat.records.run(lambda s: s.people.db.execute("update people set consent_version = 0"))
    (shown,) = await chat.say("/privacy")
    assert "to version 0 of this. It has changed since" in shown.text
    assert shown.data(texts.WITHDRAW)
    (asked,) = await chat.photo()
    assert asked.text == texts.ASK_CONSENT


# -- /forget --


async def test_forget_deletes_every_row_of_this_user_and_no_other(chat: Chat) -> None:
    for user_id in (ANNA, BEN):
        await fill(chat, user_id)
    before = await rows(chat, BEN)
    (asked,) = await chat.say("/forget")
    kept = await rows(chat, ANNA)
    _, told = await chat.press(asked.data("Keep it"))
    assert told.text == texts.KEPT
    assert await rows(chat, ANNA) == kept

    _, done = await chat.press(asked.data("Delete everything"))

    assert done.text == texts.FORGOTTEN
    assert not any((await rows(chat, ANNA)).values())
    assert await rows(chat, BEN) == before


class Hanging:
    """A Spotify that answers nothing for as long as it is held."""

    redirect_uri = "http://127.0.0.1:8080/callback"

    def __init__(self) -> None:
        self.asked, self.released = threading.Event(), threading.Event()

    def close(self) -> None:
        self.released.set()

    def create_playlist(self, *_: str) -> Playlist:
        self.asked.set()
        self.released.wait(10)
        raise SpotifyUnreachable


def test_forgetting_waits_for_no_spotify_and_leaves_nothing_once_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forgetting, "WAIT_S", 0.05)
    spotify = Hanging()

    async def story(chat: Chat) -> None:
        await chat.records.run(
            lambda s: s.spotify.connect(ANNA, Profile("spotify-id", "Anna"), TOKENS)
        )
        making = asyncio.create_task(chat.say("/mood sad"))
        await asyncio.to_thread(spotify.asked.wait, 10)
        assert (await rows(chat, ANNA))["spotify_intents"] == 1

        _, told = await chat.press("forget:yes")

        assert told.text == texts.FORGOTTEN
        assert not making.done()
        assert not any((await rows(chat, ANNA)).values())
        spotify.released.set()
        await making
        await chat.services.connections.settle()
        assert not any((await rows(chat, ANNA)).values())

    def connect_by(records: Records) -> Connections:
        return Connections(records, spotify, lambda: NOW)

    asyncio.run(with_chat(story, connect_by=connect_by))


@pytest.mark.parametrize("button", ["forget:yes", "withdraw"])
async def test_a_photo_under_way_leaves_nothing_after_forgetting_or_withdrawing(
    chat: Chat, button: str
) -> None:
    class SlowWorker:
        async def explain(self, photos: Sequence[bytes], face: int | None) -> Explanation:
            started.set()
            with suppress(asyncio.CancelledError):  # a reading that comes in the last moment
                await asyncio.sleep(60)
            return Explanation(a_reading(), b"picture")

    started = asyncio.Event()

    await chat.press(AGREE)
    chat.worker.explain = SlowWorker().explain
    reading = asyncio.create_task(chat.photo())
    await started.wait()
    await chat.press(button)
    await reading
    assert not any((await rows(chat, ANNA)).values())
    assert "deleteMessage" in [call.method for call in chat.telegram.calls]  # its status


@pytest.mark.parametrize("button", ["forget:yes", "withdraw"])
async def test_a_photo_let_in_a_moment_before_is_read_no_further(
    chat: Chat, button: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, pressed = threading.Event(), threading.Event()
    has_consent = People.has_consent

    def look_slowly(self: People, user_id: int) -> bool:
        has = has_consent(self, user_id)
        asked.set()
        pressed.wait(10)
        return has

    async def read_for_ever(photos: Sequence[bytes], face: int | None) -> Explanation:
        await asyncio.sleep(3600)
        raise AssertionError

    await chat.press(AGREE)
    chat.worker.explain = read_for_ever
    monkeypatch.setattr(People, "has_consent", look_slowly)
    reading = asyncio.create_task(chat.photo())
    await asyncio.to_thread(asked.wait, 10)
    withdrawing = asyncio.create_task(chat.press(button))
    await asyncio.sleep(0.05)  # until it waits for the database
    pressed.set()
    await withdrawing
    await asyncio.wait_for(reading, 10)


async def test_what_is_said_before_forgetting_is_not_kept_in_the_inbox(chat: Chat) -> None:
    update = NewUpdate(1, ANNA, "words")
    await chat.records.run(lambda s: s.people.inbox.add([update], NOW))
    await chat.press("forget:yes")
    (row,) = await chat.records.run(lambda s: list(s.people.db.table("inbox").rows))
    assert (row["user_id"], row["payload"]) == (None, None)
    assert await chat.records.run(lambda s: s.people.inbox.unhandled(NOW)) == []
