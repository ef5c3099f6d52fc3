"""A playlist as a list of links and as CSV: whatever is in a title, a file stays what it is."""

import csv
import re
from datetime import UTC, datetime
from html import unescape
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import texts
from recommender.listeners.playlist_files import COLUMNS, csv_table, file_name, link_list
from recommender.listeners.saved import SavedPlaylist, ShownTrack
from tests.support.telegram.chatting import ANNA, BEN, Chat

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


def test_the_list_of_links_holds_each_track_and_where_it_opens() -> None:
    saved = a_playlist(a_track(0, "Café", "Sigur Rós"), a_track(1, invented=True))
    assert link_list(saved, "Mirrortape: sad · lift").decode() == (
        "Mirrortape: sad · lift\n"
        "\n"
        "1. Sigur Rós - Café\n"
        "    https://open.spotify.com/track/0000000000000000000000\n"
        "2. Band - Song\n"
        "    (invented)\n"
    )


def test_the_table_has_a_row_for_each_track_under_names_that_importers_know() -> None:
    saved = a_playlist(
        a_track(0, 'Say "Hi", twice', vote=True),
        a_track(1, vote=False, invented=True),
        a_track(2, reason="first\nsecond"),
    )
    content = csv_table(saved, {f"{0:022}": 215})
    assert content.startswith(b"\xef\xbb\xbf")  # else a spreadsheet guesses the encoding
    told = rows(content)
    assert tuple(told[0]) == COLUMNS
    assert COLUMNS[:4] == ("Track URI", "Track Name", "Artist Name(s)", "Duration (ms)")
    uri, link = "spotify:track:", "https://open.spotify.com/track/"
    first, third = f"{0:022}", f"{2:022}"
    why = "close to your mood"
    assert [tuple(row.values()) for row in told] == [
        (uri + first, 'Say "Hi", twice', "Band", "215000", "1", link + first, "like", why),
        ("", "Song", "Band", "", "2", "", "dislike", why),
        (uri + third, "Song", "Band", "", "3", link + third, "", "first second"),
    ]


ANYTHING = st.text(min_size=1, max_size=30)


@given(title=ANYTHING, artist=ANYTHING)
@example(title='=HYPERLINK("https://evil.test","Song")', artist="@SUM(1+9)*cmd|' /C calc'!A0")
@example(title="\t=1+1", artist="\r\n-2+3")
@example(title="＝1+1", artist="\u2028=1")
@example(title="x\nhttps://evil.test/", artist="#")
def test_no_title_breaks_out_of_its_place(title: str, artist: str) -> None:
    saved = a_playlist(a_track(0, title, artist), a_track(1))
    lines = link_list(saved, "name").decode().splitlines()
    assert len(lines) == 2 + 2 * 2
    assert lines[3::2] == [f"    {track.url}" for track in saved.tracks]
    told = rows(csv_table(saved, {}))
    assert [row["Position"] for row in told] == ["1", "2"]
    assert not any(cell[:1] in FORMULA_STARTS for row in told for cell in row.values() if cell)
    assert not any("\n" in cell for row in told for cell in row.values())


@given(title=st.from_regex(r"[A-Za-z][A-Za-z ,\"';é]{0,20}[a-z]", fullmatch=True))
def test_an_ordinary_title_comes_back_as_it_was(title: str) -> None:
    assert rows(csv_table(a_playlist(a_track(0, title)), {}))[0]["Track Name"] == title


def test_the_name_of_a_file_says_what_is_in_it() -> None:
    saved = a_playlist(emotion="happy", mode="match")
    assert file_name(saved, "csv") == "mirrortape-happy-match-2026-11-20.csv"


# -- in the chat --


async def test_the_button_under_a_playlist_sends_both_files(chat: Chat) -> None:
    _, shown = await chat.say("/mood sad")
    toast, sent = await chat.press(shown.data("Get as a file"))
    assert toast.method == "answerCallbackQuery"
    assert sent.method == "sendMediaGroup"
    day = "2026-11-20"
    links, sheet = sent.uploads
    assert (links, sheet) == (
        f"mirrortape-sad-match-{day}.txt",
        f"mirrortape-sad-match-{day}.csv",
    )
    captions = [media.get("caption") for media in sent.parameters["media"]]
    assert captions == [None, f"{texts.AS_FILES} {texts.FILES_OF_INVENTED}"]
    titles = re.findall(r"^\d+\. (.*?) · ", unescape(shown.text), re.MULTILINE)
    told = rows(sent.uploads[sheet])
    assert [row["Track Name"] for row in told] == titles
    assert all(int(row["Duration (ms)"]) > 30_000 for row in told)
    assert sent.uploads[links].decode().count("(invented)") == 20


@pytest.mark.parametrize("how", ["another user", "unknown"])
async def test_nobody_gets_a_playlist_that_is_not_theirs(chat: Chat, how: str) -> None:
    _, shown = await chat.say("/mood sad")
    data = shown.data("Get as a file") if how == "another user" else "files:999"
    (toast,) = await chat.press(data, BEN)
    assert toast.parameters["text"] == texts.GONE
