"""That the check of what the bot sends finds what Telegram would refuse or show wrongly."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bot import texts
from bot.app import publish_commands
from bot.chat.connect import messages
from bot.sandbox.telegram.entities import parse_html
from tests.support.songs import random_tracks, table_of
from tests.support.telegram.chatting import AGREE, Chat, chatting
from tests.support.telegram.telegram_contract import Contract


def keyboard(**button: Any) -> str:
    return json.dumps({"inline_keyboard": [[button]]})


NAME = "<b>_*[x](y)"
HELLO = {"chat_id": "1", "text": "<b>Hi</b>", "parse_mode": "HTML"}


@pytest.mark.parametrize(
    "parameters",
    [
        HELLO,
        {**HELLO, "text": f"<b>{'x' * 4096}</b>"},
        {**HELLO, "reply_markup": keyboard(text="<b>_*[x](y)", callback_data="x" * 64)},
        {**HELLO, "link_preview_options": '{"is_disabled": true}'},
    ],
)
def test_what_telegram_takes_has_no_problem(bot_api: Contract, parameters: dict[str, str]) -> None:
    assert bot_api.call_problems("sendMessage", parameters) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"txt": "x"}, "sendMessage.txt is unknown"),
        ({"text": ""}, "sendMessage.text has 0 characters, not 1 to 4096"),
        ({"text": "🎵" * 2049}, "sendMessage.text has 4098 characters, not 1 to 4096"),
        ({"text": "<b>x"}, "Can't find end tag"),
        ({"text": "a &amp;amp; b"}, "raw markup"),
        ({"parse_mode": "MarkdownV2"}, "is written in MarkdownV2"),
        ({"disable_notification": "3"}, "must be Boolean, not 3"),
        ({"link_preview_options": '{"disabled": true}'}, "options.disabled is unknown"),
        ({"link_preview_options": "[]"}, "must not be an array"),
        ({"reply_parameters": "{}"}, "reply_parameters.message_id is missing"),
        ({"reply_markup": keyboard(text="x", callback_data="é" * 33)}, "has 66 bytes"),
        ({"reply_markup": keyboard(text="&lt;b&gt;", url="https://a.b")}, "raw markup"),
        ({"reply_markup": keyboard(text="x")}, "exactly one thing"),
        ({"reply_markup": keyboard(text="x", url="https://a.b", pay=True)}, "exactly one thing"),
    ],
)
def test_what_telegram_would_refuse_or_show_raw_is_found(
    bot_api: Contract, changes: dict[str, str], problem: str
) -> None:
    found = bot_api.call_problems("sendMessage", HELLO | changes)
    assert len(found) == 1
    assert problem in found[0]


def test_uploads_count_as_parameters_and_toasts_are_never_markup(bot_api: Contract) -> None:
    assert bot_api.call_problems("sendPhoto", {"chat_id": "1"}, {"photo"}) == []
    assert bot_api.call_problems("sendPhoto", {"chat_id": "1"}) == ["sendPhoto.photo is missing"]
    toast = {"callback_query_id": "1", "text": "<b>x</b>"}
    assert "raw markup" in bot_api.call_problems("answerCallbackQuery", toast)[0]
    assert bot_api.call_problems("sendTune", {}) == ["sendTune is no method"]


async def test_a_name_full_of_markup_is_shown_letter_for_letter() -> None:
    table = table_of([replace(track, artist=NAME, name=NAME) for track in random_tracks(30)])

    async with chatting(table=table) as chat:
        _, playlist = await chat.say("/mood happy")
        (voted,) = await chat.say("/feedback 1 +")
        await chat.press("ask:favourite_artists")
        listed, _ = await chat.say(NAME)
        (overview,) = await chat.say("/settings")
        await chat.press("ask:favourite_artists")
        (unknown,) = await chat.say(f"{NAME}{NAME}")
        for said in (playlist, voted, listed, overview, unknown):
            assert NAME in parse_html(said.text)[0]
        assert NAME in parse_html(messages.connected(NAME))[0]
        assert f"✕ {NAME}" in [button["text"] for button in listed.buttons]


@pytest.mark.parametrize("command", ["", *texts.COMMANDS])
async def test_markup_in_what_people_write_is_never_obeyed_nor_shown_as_code(
    chat: Chat, command: str
) -> None:
    await chat.press(AGREE)
    await chat.say("/mood sad")
    for words in (NAME, f"1 {NAME}", f"08:30 {NAME}", f"{NAME} &amp; </b>"):
        for call in await chat.say(f"/{command} {words}" if command else words):
            if call.parameters.get("parse_mode") == "HTML":
                text = parse_html(call.text)[0]
                assert ("_*" in text) == (NAME in text)


async def test_the_menu_of_commands_is_as_telegram_wants_it(chat: Chat) -> None:
    await publish_commands(chat.application)
    assert len(chat.telegram.calls[-1].parameters["commands"]) == len(texts.COMMANDS)
