"""Buttons: whatever a changed Telegram client sends back, it is answered and does no harm."""

import re
import sqlite3
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram.ext import CallbackQueryHandler

from bot import texts
from bot.app import App
from bot.chat import buttons
from tests.support.telegram.chatting import AGREE, ANNA, BEN, Chat, chatting
from tests.support.telegram.fake_telegram import Call

FREE = frozenset(
    {
        "agree",
        "decline",
        "withdraw",
        "reset",
        "forget",
        "mood",
        "settings",
        "set",
        "add",
        "drop",
        "ask",
        "connect",
        "history",
        "plan",
        "half",
        "zone",
    }
)
"""Kinds of buttons that name nothing that one user alone has."""

MALFORMED = """
agree: agree:x agree:-1 agree:99 agree:2:2 decline:1 withdraw:1 reset:1 forget forget:
forget:maybe forget:yes:no right right: right:x right:-1 right:0 right:1:2
right:99999999999999999999 right:1.5 wrong: wrong:1e3 back:٣ correct:1 correct:1:joyous
correct:happy:1 correct::happy correct:1:happy:x face face: face:-99 face:-1 face:100 face:x
face:² face:1: mood mood: mood:joyous mood:HAPPY mode:1 mode:1:dance mode:x:lift
mode:99999999999999999999:lift remode:1:dance remode:1 more: more:01 more:+1 another:1:1 another:x
page:1 page:1:x page:1:-1 page:1:100000000000000000000 files: files:x vote:1:0 vote:1:0:sideways
vote:1:x:up vote:x:0:up vote:1:-1:up vote:1:0:up:up vote:1:99999999999999999999:up stars:1:0
stars:1:6 stars:1:-1 stars:1:x stars:x:5 stars:1 felt:1 felt:1:joyous felt:x:happy undo undo:
undo:1 undo:vote:1:x undo:vote:1:x:up undo:stars:1:6 undo:stars:1:x undo:felt:x undo:felt:1:1
undo:other:1 settings settings: settings:nothing settings:favourite_artists:x
settings:favourite_artists:-1 settings:overview:1 set set:mode set:mode:dance set:length:x
set:length:0 set:length:4 set:length:51 set:length:1_0 set:explicit:maybe set:keeps:
set:years:1999-1990 set:years:0000-0001 set:years:x set:all set:all:other set:other:1 add
add:favourite_artists add:favourite_artists:x add:favourite_artists:99999999999999999999 add:x:1
drop:favourite_artists:x drop:x:1 ask ask:x ask:overview save save: save:x connect:1 history
history:x history:-1 history:99999999999999999999 history:1000 again again:x plan plan:510
plan:510:7 plan:510: plan:510:00 plan:510:10 plan:1440:0 plan:-1:0 plan:x:0 plan:510:x half:510:8
half:2000:0 half:510 unplan unplan:x unplan:-1 unplan:99999999999999999999 zone: zone:Nowhere
zone:../../etc/passwd zone:Europe/Berlin:x frobnicate frobnicate:1 :1 : happy 👍
"""
"""What no button of this bot sends."""


def told(calls: list[Call]) -> list[Any]:
    """Return what pops up where a button was pressed."""
    return [c.parameters.get("text") for c in calls if c.method == "answerCallbackQuery"]


def rows(chat: Chat) -> list[str]:
    """Return all that is in the database."""
    connection: sqlite3.Connection = chat.records._stores.people.db.conn
    held: list[str] = chat.records._thread.submit(lambda: list(connection.iterdump())).result()
    return held


def verbs(application: App) -> list[str]:
    """Return the kinds of buttons that have a handler."""
    return [
        handler.pattern.pattern.strip("^$").partition("(")[0]
        for group in application.handlers.values()
        for handler in group
        if isinstance(handler, CallbackQueryHandler) and isinstance(handler.pattern, re.Pattern)
    ]


async def used(chat: Chat) -> None:
    """Let Anna have a reading, a playlist and a check-in, so that there is something to harm."""
    await chat.press(AGREE)
    await chat.photo()
    await chat.press("plan:510:01234")
    await chat.press(AGREE, BEN)


async def test_malformed_buttons_are_told_to_be_unknown_and_change_nothing(chat: Chat) -> None:
    await used(chat)
    before = rows(chat)
    for data in MALFORMED.split():
        start = time.monotonic()
        calls = await chat.press(data)
        assert told(calls) == [texts.UNKNOWN_BUTTON], data
        assert len(calls) == 1, data
        assert time.monotonic() - start < 1, data
        assert rows(chat) == before, data


async def test_each_kind_of_button_has_a_handler_and_a_form(chat: Chat) -> None:
    assert sorted(verbs(chat.application)) == sorted(buttons.FORMS)


async def test_a_press_without_data_is_answered(chat: Chat) -> None:
    for content in ({}, {"game_short_name": "chess"}):
        person = {"id": ANNA, "is_bot": False, "first_name": "A"}
        chat_of = {"id": ANNA, "type": "private", "first_name": "A"}
        message = {"message_id": 7, "date": 1_700_000_000, "chat": chat_of, "text": "…"}
        query = {"id": "1", "chat_instance": "1", "from": person, "message": message}
        calls = await chat.process({"callback_query": {**query, **content}})
        assert told(calls) == [texts.UNKNOWN_BUTTON]


_WORDS = """
1 2 0 -1 up down none yes no any all usual happy lift match 01234 510 7 2 vote stars felt overview
years mode length favourite_artists banned_genres Europe/Berlin 1990-1999 ٣ ² 1e9 0x10 0
99999999999999999999 -99 ../x NaN
"""

_FIELDS = st.one_of(
    st.integers(-3, 12).map(str),
    st.integers().map(str),
    st.sampled_from(_WORDS.split()),
    st.text(max_size=12).filter(lambda text: ":" not in text),
    st.just(""),
)


@st.composite
def pressed(draw: st.DrawFn, verb: str) -> str:
    """Draw what a changed client may send under a kind of button."""
    data = ":".join([verb, *draw(st.lists(_FIELDS, max_size=4))])
    return data.encode(errors="ignore")[:64].decode(errors="ignore")


@pytest.mark.parametrize("verb", sorted(buttons.FORMS))
@settings(max_examples=3, deadline=None)
@given(data=st.data())
async def test_whatever_a_button_sends_is_answered_and_harms_nobody(
    verb: str, data: st.DataObject
) -> None:
    """Ben has nothing yet, so whatever he names is Anna's or nobody's."""
    sent = data.draw(st.lists(pressed(verb), min_size=5, max_size=25))

    async with chatting() as chat:
        await used(chat)
        before = rows(chat)
        for each in sent:
            is_sound = not buttons.is_unknown(each)
            if is_sound and verb in FREE:
                continue  # a button that anybody may press
            start = time.monotonic()
            calls = await chat.press(each, BEN)
            assert len(told(calls)) == 1, each
            assert texts.APOLOGY not in [call.parameters.get("text") for call in calls], each
            assert time.monotonic() - start < 1, each
            assert rows(chat) == before, each


@given(st.text(max_size=80))
@settings(deadline=None)
def test_only_what_a_button_can_be_made_of_is_understood(data: str) -> None:
    if not buttons.is_unknown(data):
        press = buttons.unpack(data)
        assert buttons.pack(press.verb, *press.values) == data


@pytest.mark.parametrize("verb", sorted(buttons.FORMS))
@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_what_is_understood_is_written_in_one_way_alone(verb: str, data: st.DataObject) -> None:
    sent = data.draw(pressed(verb))
    if not buttons.is_unknown(sent):
        press = buttons.unpack(sent)
        assert buttons.pack(press.verb, *press.values) == sent


@pytest.mark.parametrize(
    "data",
    [
        "agree",
        "agree:1",
        "vote:12:3:none",
        "undo:stars:4:0",
        "face:2:not happy,sad",
        "settings:banned_artists:3",
        "set:years:1990-1999",
        "add:banned_artists:-9223372036854775808",
        "half:0:0123456",
        "zone:America/Argentina/Buenos_Aires",
    ],
)
def test_buttons_of_earlier_messages_are_still_understood(data: str) -> None:
    assert not buttons.is_unknown(data)
