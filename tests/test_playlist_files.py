"""A playlist as M3U8 and CSV: whatever is in a title, a file stays what it is."""

import asyncio
import csv
import re
from datetime import UTC, datetime
from html import unescape
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import texts
from recommender.playlist_files import COLUMNS, csv_table, file_name, m3u8
from recommender.saved import SavedPlaylist, ShownTrack
from tests.chatting import ANNA, BEN, Chat, with_chat

FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
"""What a cell must not begin with, as OWASP lists it for CSV injection."""


def a_track(position: int = 0, title: str = "Song", artist: str = "Band", **more) -> ShownTrack:
    track_id = f"{position:022}"
    url = f"https://open.spotify.com/track/{track_id}"
    values = {"reason": "close to your mood", "vote": None, "invented": False} | more
    return ShownTrack(position, track_id, title, artist, url, **values)


def a_playlist(*tracks: ShownTrack, emotion: str = "sad", mode: str = "lift") -> SavedPlaylist:
    return SavedPlaylist(
        3, ANNA, emotion, mode, None, datetime(2026, 11, 20, tzinfo=UTC), None, tracks
    )


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_player_gets_the_length_the_name_and_the_address_of_each_track() -> None:
    saved = a_playlist(a_track(0, "Café", "Sigur Rós"), a_track(1, invented=True))
    assert m3u8(saved, "Mirrortape: sad · lift", {f"{0:022}": 215}).decode() == (
        "#EXTM3U\n"
        "#PLAYLIST:Mirrortape: sad · lift\n"
        "#EXTINF:215,Sigur Rós - Café\n"
        "https://open.spotify.com/track/0000000000000000000000\n"
        "#EXTINF:-1,Band - Song\n"
        "# invented: 0000000000000000000001\n"
    )


def test_a_spreadsheet_gets_a_row_for_each_track() -> None:
    saved = a_playlist(
        a_track(0, 'Say "Hi", twice', vote=True),
        a_track(1, vote=False, invented=True),
        a_track(2, reason="first\nsecond"),
    )
    content = csv_table(saved, {f"{0:022}": 215})
    assert content.startswith(b"\xef\xbb\xbf")  # else a spreadsheet guesses the encoding
    told = rows(content)
    assert tuple(told[0]) == COLUMNS
    assert [tuple(row.values()) for row in told] == [
        (
            "1",
            'Say "Hi", twice',
            "Band",
            "https://open.spotify.com/track/0000000000000000000000",
            "215",
            "like",
            "close to your mood",
        ),
        ("2", "Song", "Band", "", "", "dislike", "close to your mood"),
        (
            "3",
            "Song",
            "Band",
            "https://open.spotify.com/track/0000000000000000000002",
            "",
            "",
            "first second",
        ),
    ]


ANYTHING = st.text(min_size=1, max_size=30)


@given(title=ANYTHING, artist=ANYTHING)
@example(title='=HYPERLINK("https://evil.test","Song")', artist="@SUM(1+9)*cmd|' /C calc'!A0")
@example(title="\t=1+1", artist="\r\n-2+3")
@example(title="＝1+1", artist="\u2028#EXTM3U")
@example(title="x\nhttps://evil.test/", artist="#EXTM3U")
def test_no_title_breaks_out_of_its_place(title: str, artist: str) -> None:
    saved = a_playlist(a_track(0, title, artist), a_track(1))
    lines = m3u8(saved, "name", {}).decode().splitlines()
    assert len(lines) == 2 + 2 * 2
    assert [line for line in lines if not line.startswith("#")] == [
        track.url for track in saved.tracks
    ]
    told = rows(csv_table(saved, {}))
    assert [row["position"] for row in told] == ["1", "2"]
    assert not any(cell[:1] in FORMULA_STARTS for row in told for cell in row.values() if cell)
    assert not any("\n" in cell for row in told for cell in row.values())


@given(title=st.from_regex(r"[A-Za-z][A-Za-z ,\"';é]{0,20}[a-z]", fullmatch=True))
def test_an_ordinary_title_comes_back_as_it_was(title: str) -> None:
    assert rows(csv_table(a_playlist(a_track(0, title)), {}))[0]["title"] == title


def test_the_name_of_a_file_says_what_is_in_it() -> None:
    saved = a_playlist(emotion="happy", mode="match")
    assert file_name(saved, "csv") == "mirrortape-happy-match-2026-11-20.csv"


# -- in the chat --


def test_the_button_under_a_playlist_sends_both_files() -> None:
    async def story(chat: Chat) -> None:
        _, shown = await chat.say("/mood sad")
        toast, sent = await chat.press(shown.data("Get as a file"))
        assert toast.method == "answerCallbackQuery"
        assert sent.method == "sendMediaGroup"
        day = "2026-11-20"
        player, sheet = sent.uploads
        assert (player, sheet) == (
            f"mirrortape-sad-match-{day}.m3u8",
            f"mirrortape-sad-match-{day}.csv",
        )
        captions = [media.get("caption") for media in sent.parameters["media"]]
        assert captions == [None, f"{texts.AS_FILES} {texts.FILES_OF_INVENTED}"]
        titles = re.findall(r"^\d+\. (.*?) · ", unescape(shown.text), re.MULTILINE)
        told = rows(sent.uploads[sheet])
        assert [row["title"] for row in told] == titles
        assert all(int(row["seconds"]) > 30 for row in told)
        assert sent.uploads[player].decode().count("#EXTINF:") == 20

    asyncio.run(with_chat(story))


@pytest.mark.parametrize("how", ["another user", "unknown"])
def test_nobody_gets_a_playlist_that_is_not_theirs(how: str) -> None:
    async def story(chat: Chat) -> None:
        _, shown = await chat.say("/mood sad")
        data = shown.data("Get as a file") if how == "another user" else "files:999"
        (toast,) = await chat.press(data, BEN)
        assert toast.parameters["text"] == texts.GONE

    asyncio.run(with_chat(story))
