import threading
from dataclasses import replace
from datetime import timedelta
from html import escape
from typing import Any

import numpy as np
import pytest

from bot import texts
from bot.chat.settings import pages
from bot.storage.questions import WAITS_FOR
from recommender.catalogue.names import Artists
from recommender.catalogue.table import TrackTable
from recommender.taste.preferences import USUAL, Preferences
from tests.support.songs import random_tracks, table_of
from tests.support.telegram.chatting import ANNA, BEN, NOW, Chat, chatting
from tests.support.telegram.fake_telegram import Call


def by(*artists: str) -> TrackTable:
    """Return a catalogue with a track by each of these."""
    tracks = random_tracks(len(artists), artists=len(artists))
    return table_of(
        [replace(track, artist=artist) for track, artist in zip(tracks, artists, strict=True)]
    )


async def settled(chat: Chat, user_id: int = ANNA) -> Preferences:
    return await chat.records.run(lambda s: s.music.preferences.load(user_id))


async def press(chat: Chat, shown: Call, label: str) -> Call:
    """Press a button by its label and return the message as it is then."""
    calls = await chat.press(shown.data(label))
    assert [calls[0].method, calls[-1].method] == ["answerCallbackQuery", "editMessageText"]
    return calls[-1]


async def open_page(chat: Chat, label: str) -> Call:
    (overview,) = await chat.say("/settings")
    return await press(chat, overview, label)


def an_artist(chat: Chat) -> str:
    """Return an artist of the catalogue whose name is the same in HTML."""
    artists = (chat.services.table.track(row).artist for row in range(100))
    return next(artist for artist in artists if escape(artist) == artist)


@pytest.mark.parametrize(
    ("label", "changed"),
    [
        ("Lift", {"mode": "lift"}),
        ("50", {"length": 50}),
        (texts.SWITCH_EXPLICIT[True], {"allows_explicit": False}),
        (texts.SWITCH_KEEPS[False], {"keeps_playlists": True}),
    ],
)
async def test_a_button_changes_a_setting_and_the_next_playlist(
    chat: Chat, label: str, changed: dict[str, Any]
) -> None:
    (overview,) = await chat.say("/settings")
    after = await press(chat, overview, label)
    assert await settled(chat) == Preferences(**changed)
    assert after.text != overview.text
    usual = await press(chat, after, texts.USUAL_BUTTON)
    assert usual.text == overview.text
    assert await settled(chat) == USUAL
    await press(chat, overview, label)  # an old button still works
    _, playlist = await chat.say("/mood sad")
    assert f"{changed.get('length', 20)} tracks" in playlist.text
    assert texts.MODE_LABELS[changed.get("mode", "match")] in playlist.text


async def test_many_names_are_looked_up_beside_the_event_loop(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def named(self: Artists, key: int) -> None:
        threads.add(threading.get_ident())

    monkeypatch.setattr(Artists, "named", named)

    await chat.press("ask:banned_artists")
    await chat.say(", ".join(f"artist {n}" for n in range(90)))
    assert threads
    assert threading.get_ident() not in threads


async def test_what_is_chosen_is_marked(chat: Chat) -> None:
    (overview,) = await chat.say("/settings")
    labels = [button["text"] for button in overview.buttons]
    assert {"• Match •", "• 20 •", "Lift", "50"} <= set(labels)
    assert texts.USUAL_BUTTON not in labels


async def test_a_text_of_any_length_is_answered_where_years_were_asked_for(chat: Chat) -> None:
    await chat.press("ask:years")
    (answer,) = await chat.say("<" * 4096)
    assert len(answer.text) < 500


async def test_years_by_button_and_by_words(chat: Chat) -> None:
    page = await open_page(chat, texts.YEARS_BUTTON)
    assert texts.YEARS_UNKNOWN in page.text  # invented tracks never came out
    page = await press(chat, page, "1990s")
    assert "• 1990s •" in [button["text"] for button in page.buttons]
    assert "1990 to 1999" in page.text
    asked = await press(chat, page, texts.TYPE_YEARS)
    assert asked.text == texts.ASK_YEARS
    (refused,) = await chat.say("the nineties")
    assert "1990-1999" in refused.text
    answered, removed = await chat.say("-1984")
    assert removed.method == "deleteMessage"
    assert "1984 or earlier" in answered.text
    assert (await settled(chat)).last_year == 1984
    await press(chat, answered, texts.ANY_YEAR)
    assert await settled(chat) == USUAL


async def test_an_artist_is_typed_banned_and_freed_again(chat: Chat) -> None:
    artist = an_artist(chat)
    page = await open_page(chat, texts.LIST_BUTTONS["banned_artists"])
    assert texts.EMPTY_LIST in page.text
    asked = await press(chat, page, texts.TYPE_NAME["artist"])
    assert asked.text == texts.ASK_NAME["artist"]
    listed, _ = await chat.say(f"  {artist.upper()} ")
    assert f"• {artist}" in listed.text  # as the catalogue spells it
    assert (await settled(chat)).banned_artists == (artist,)
    _, hello = await chat.say("/mood sad")
    assert artist not in hello.text
    freed = await press(chat, listed, f"✕ {artist}")
    assert texts.EMPTY_LIST in freed.text
    assert await settled(chat) == USUAL


async def test_an_unknown_name_is_met_with_names_like_it(chat: Chat) -> None:
    artist = an_artist(chat)
    page = await open_page(chat, texts.LIST_BUTTONS["favourite_artists"])
    await press(chat, page, texts.TYPE_NAME["artist"])
    (unsure,) = await chat.say(f"{artist}x")
    assert f"<b>{artist}x</b>" in unsure.text
    (lost,) = await chat.say("<b>_*[x](y)")
    assert "&lt;b&gt;_*[x](y)" in lost.text
    assert [button["text"] for button in lost.buttons] == [texts.STOP_TYPING]
    page = await press(chat, unsure, artist)
    assert (await settled(chat)).favourite_artists == (artist,)
    (taken,) = await chat.say("hello")  # nothing is asked any more
    assert taken.text == texts.NOT_A_PHOTO["text"]


async def test_of_several_names_at_once_the_known_ones_count_and_another_is_asked_about() -> None:
    table = by("Earth", "Fire", "Ärger")

    async with chatting(table=table) as chat:
        page = await open_page(chat, texts.LIST_BUTTONS["favourite_artists"])
        await chat.press(page.data(texts.TYPE_NAME["artist"]))
        listed, unsure = await chat.say("earth, Wind & Fires; EARTH")
        assert "• Earth" in listed.text
        assert "<b>Wind &amp; Fires</b>" in unsure.text
        listed, removed = await chat.say("Fire\narger")  # still asked
        assert listed.text.endswith("• Earth\n• Fire\n• Ärger")
        assert removed.method == "deleteMessage"
        (text,) = await chat.say("Earth")
        assert text.text == texts.NOT_A_PHOTO["text"]
        await chat.press(page.data(texts.TYPE_NAME["artist"]))
        (unsure,) = await chat.say(" , ")
        assert "Send the name again" in unsure.text
        assert (await settled(chat)).favourite_artists == ("Earth", "Fire", "Ärger")


@pytest.mark.parametrize(("known", "kind"), [(0, "all"), (400, "some")])
async def test_who_wants_nothing_explicit_is_told_what_is_unknown(known: int, kind: str) -> None:
    whole = table_of(random_tracks(1200))
    table = replace(whole, explicit_known=np.arange(1200) < known)

    async with chatting(table=table) as chat:
        (before,) = await chat.say("/settings")
        assert "1,200" not in before.text
        after = await press(chat, before, texts.SWITCH_EXPLICIT[True])
        told = texts.EXPLICIT_UNKNOWN[kind].format(unchecked=f"{1200 - known:,}", tracks="1,200")
        assert told in after.text
        _, playlist = await chat.say("/mood sad")
        is_told = "my catalogue doesn't say which are" in playlist.text
        assert is_told == (known == 0)


async def test_all_unknown_names_are_told_and_a_flood_of_names_is_refused() -> None:
    async with chatting(table=by("Earth", "Fire")) as chat:
        page = await open_page(chat, texts.LIST_BUTTONS["favourite_artists"])
        await chat.press(page.data(texts.TYPE_NAME["artist"]))
        listed, *unsure = await chat.say("Uno, Earth, Zwei, <Drei>, Vier, Fünf, Uno")
        assert "• Earth" in listed.text
        told = [call.text for call in unsure]
        assert len(told) == 4
        for name, text in zip(("Uno", "Zwei", "&lt;Drei&gt;"), told, strict=False):
            assert f"<b>{name}</b>" in text
        assert "<b>Vier</b>, <b>Fünf</b>" in told[3]
        (flood,) = await chat.say(",".join(f"Artist {number}" for number in range(200)))
        assert flood.text == texts.TOO_MANY_NAMES.format(most=100)
        *_, rest = await chat.say(",".join(f"{number:040}&" for number in range(100)))
        assert "and 67 more" in rest.text


async def test_genres_are_offered_and_a_favourite_cannot_be_banned_too(chat: Chat) -> None:
    page = await open_page(chat, texts.LIST_BUTTONS["favourite_genres"])
    page = await press(chat, page, "+ soul")
    assert "+ soul" not in [button["text"] for button in page.buttons]
    banned = await open_page(chat, texts.LIST_BUTTONS["banned_genres"])
    toast, _ = await chat.press(banned.data("+ soul"))
    assert toast.parameters["text"] == texts.SWAPPED
    assert await settled(chat) == Preferences(banned_genres=("soul",))
    (overview,) = await chat.say("/settings")
    assert texts.LIST_BUTTONS["banned_genres"] + " (1)" in str(overview.buttons)


async def test_a_long_list_is_paged_and_full_at_a_hundred() -> None:
    table = by(*(f"Artist {number}" for number in range(102)))
    many = tuple(f"Artist {number}" for number in range(100))

    async with chatting(table=table) as chat:
        await chat.records.run(
            lambda s: s.music.preferences.change(ANNA, NOW, banned_artists=many)
        )
        page = await open_page(chat, texts.LIST_BUTTONS["banned_artists"] + " (100)")
        page = await press(chat, page, "›")
        assert "• Artist 8\n" in page.text
        page = await press(chat, await press(chat, page, "‹"), "‹")
        assert "13 / 13" in [button["text"] for button in page.buttons]
        (full,) = await chat.press(f"add:banned_artists:{Artists(table).key('Artist 100')}")
        assert "100" in full.parameters["text"]
        await chat.press("ask:banned_artists")
        (refused,) = await chat.say("Artist 101")
        assert "100 banned artists at most" in refused.text


@pytest.mark.parametrize("words", ["/help", "/cancel", "/settings"])
async def test_a_command_ends_the_waiting_for_an_answer(chat: Chat, words: str) -> None:
    await chat.press("ask:banned_genres")
    (said,) = await chat.say(words)
    assert (said.text == texts.CANCELLED) == (words == "/cancel")
    (text,) = await chat.say("soul")
    assert text.text == texts.NOT_A_PHOTO["text"]
    assert await settled(chat) == USUAL


async def test_never_mind_a_photo_and_time_end_it_too() -> None:
    now = NOW

    async with chatting(clock=lambda: now) as chat:
        (asked,) = (await chat.press("ask:banned_genres"))[1:]
        await press(chat, asked, texts.STOP_TYPING)
        assert len(await chat.say("soul")) == 1
        await chat.press("ask:banned_genres")
        await chat.photo()
        await chat.say("soul")
        await chat.press("ask:banned_genres")
        now += WAITS_FOR + timedelta(seconds=1)
        await chat.say("soul")
        assert await settled(chat) == USUAL


async def test_one_users_answer_is_not_anothers(chat: Chat) -> None:
    await chat.press("ask:banned_genres", ANNA)
    await chat.say("soul", BEN)
    assert await settled(chat, BEN) == USUAL
    await chat.say("soul", ANNA)
    assert (await settled(chat, ANNA)).banned_genres == ("soul",)


@pytest.mark.parametrize(
    "data",
    [
        "set:length:9999",
        "set:mode:sing",
        "set:explicit:maybe",
        "set:years:1999-1990",
        "set:tune:1",
        "settings:tunes",
        "add:favourite_artists:1",
        "add:tunes:1",
        "drop:tunes:1",
        "ask:tunes",
    ],
)
async def test_a_button_that_no_version_made_changes_nothing(chat: Chat, data: str) -> None:
    (toast,) = await chat.press(data)
    is_form = data == "add:favourite_artists:1"  # of no artist that the catalogue has
    assert toast.parameters["text"] == (texts.GONE if is_form else texts.UNKNOWN_BUTTON)
    assert await settled(chat) == USUAL


def test_the_longest_names_fit_their_buttons_and_message() -> None:
    longest = tuple(f"{number}{'🎵' * 300}" for number in range(100))
    text, keyboard = pages.names("banned_artists", longest, Artists(by("Ann")))
    assert len(text.encode("utf-16-le")) // 2 <= 4096
    assert all(len(b.callback_data or "") <= 64 for row in keyboard.inline_keyboard for b in row)
    text, _ = pages.overview(Preferences(banned_artists=longest), unchecked=0, tracks=9)
    assert len(text) < 1000
