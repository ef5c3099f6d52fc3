"""Whoever writes about suicide is told where to find people, before anything else is done."""

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import texts
from bot.chat.crisis import HELPLINES, need_in
from tests.support.telegram.chatting import AGREE, ANNA, JPEG, Chat, chatting, with_chat

CLEAR = [
    "I want to die",
    "i wanna die",
    "I WANT TO DIE!!!",
    "I just really want to dieeee",
    "i want to k1ll myself",
    "im gonna kill myself",
    "I don't know if I want to die",
    "Sad today. I’m going to kill myself",
    "thinking about suicide again",
    "I feel suicidal",
    "i'm suicidal",
    "I've been having suicidal thoughts",
    "I want to end my life",
    "I want to end it all",
    "I don't want to live anymore",
    "i dont want to be alive",
    "I wish I was dead",
    "I wish I'd never been born",
    "everyone would be better off without me",
    "they'd be better off without me",
    "I'd be better off dead",
    "no reason to live",
    "I'm tired of living",
    "want to unalive myself",
    "I am thinking of s*icide",
    "I want to hurt myself",
    "I keep cutting myself",
    "I feel like killing myself",
    "i tried to kill myself",
    "how to kill myself",
    "/mood I want to die",
    "I do not want to live in this world",
]
ABOUT_SOMEBODY = [
    "my friend wants to die",
    "My brother tried to kill himself",
    "she says she wants to kill herself",
    "my mum is suicidal",
    "someone I know talks about suicide",
]
PERHAPS = [
    "I can't do this anymore",
    "I don't want to be here anymore",
    "kms",
    "I don't want to die",
    "I'm not suicidal",
    "this exam makes me want to die",
    "I can't go on",
    "I want to disappear",
]
HARMLESS = [
    "",
    "this song is to die for",
    "I'm dying of laughter",
    "I want to die laughing",
    "dying to hear this",
    "I'm dead lol",
    "I'm dead 💀",
    "bored to death",
    "I killed it tonight",
    "I want to kill it tonight",
    "this traffic kills me",
    "I would rather die than listen to this",
    "I want to die my hair blue",
    "drop-dead gorgeous",
    "Suicide Squad",
    "Suicide Silence, Suicidal Tendencies",
    "Suicidal Thoughts",
    "thinking about Suicide Squad",
    "Killing Me Softly",
    "Live and Let Die",
    "Die With a Smile",
    "I want to die with a smile",
    "Stayin' Alive",
    "suicide prevention day",
    "I don't want to live in London",
    "I can't live without music",
    "do you want to die?",
    "I would die for you",
    "I'm going to die of embarrassment",
    "he killed it",
    "sad",
    "I feel so down today",
    "I want to live",
    "not happy, hopeless",
    "my phone is dying",
    "cut myself shaving",
    "I want to dance until I die",
]


@pytest.mark.parametrize("text", CLEAR)
def test_a_clear_phrase_is_known(text: str) -> None:
    assert need_in(text) == "own"


@pytest.mark.parametrize("text", ABOUT_SOMEBODY)
def test_so_is_one_about_somebody_else(text: str) -> None:
    assert need_in(text) == "other"


@pytest.mark.parametrize("text", PERHAPS)
def test_one_that_may_mean_less_is_told_apart(text: str) -> None:
    assert need_in(text) == "perhaps"


@pytest.mark.parametrize("text", HARMLESS)
def test_a_figure_of_speech_or_a_title_is_left_alone(text: str) -> None:
    assert need_in(text) is None


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    need_in(text)
    assert need_in(f"{text}\nI want to die") is not None


async def test_the_answer_comes_before_anything_else_and_needs_no_consent(chat: Chat) -> None:
    (answer,) = await chat.say("I want to die")
    assert answer.text == texts.CRISIS["own"]
    assert "findahelpline.com" in answer.text
    assert "112" in answer.text
    assert answer.buttons[0]["url"] == HELPLINES
    assert await chat.records.run(lambda s: s.music.last_playlist(ANNA)) is None
    (again,) = await chat.say("/mood sad, I want to kill myself")
    assert again.text == texts.CRISIS["own"]
    (other,) = await chat.say("my friend wants to die")
    assert other.text == texts.CRISIS["other"]


async def test_a_photo_with_such_words_is_not_read(chat: Chat) -> None:
    def photo(**caption: str) -> dict[str, Any]:
        return {"photo": [chat.file(JPEG)], **caption}

    (before,) = await chat.message(photo(caption="I want to die"))
    assert before.text == texts.CRISIS["own"]
    await chat.press(AGREE)
    (alone,) = await chat.message(photo(caption="I want to die"))
    assert alone.text == texts.CRISIS["own"]
    (album,) = await chat.album(photo(), photo(caption="I want to die"), photo())
    assert album.text == texts.CRISIS["own"]
    assert chat.worker.photos == []
    assert "20 tracks" in (await chat.photo())[-1].text


@pytest.mark.parametrize("awaited", ["ask:favourite_artists", "ask:years"])
async def test_it_comes_while_something_else_is_asked(chat: Chat, awaited: str) -> None:
    await chat.press(awaited)
    (answer,) = await chat.say("I want to die")
    assert answer.text == texts.CRISIS["own"]


async def test_a_stranger_is_answered_too_and_a_group_is_not() -> None:
    async with chatting(allowed_ids=frozenset({"999"})) as chat:
        (answer,) = await chat.say("I want to die")
        assert answer.text == texts.CRISIS["own"]
        group = {"id": -5, "type": "group", "title": "G"}
        assert await chat.message({"text": "I want to die"}, chat=group) == []


async def test_what_may_mean_less_gets_a_line_and_the_usual_answer(chat: Chat) -> None:
    line, answer = await chat.say("I can't do this anymore")
    assert line.text == texts.CRISIS_LINE
    assert answer.text == texts.NOT_A_PHOTO["text"]
    _, told = await chat.press(line.data(texts.CRISIS_TALK))
    assert told.text == texts.CRISIS["own"]


def test_nothing_of_it_is_logged_or_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def story(chat: Chat) -> None:
        def everything(stores: Any) -> str:
            return "\n".join(stores.people.db.conn.iterdump())

        before = await chat.records.run(everything)
        await chat.say("I want to die")
        await chat.say("I can't do this anymore, I am nobody")
        assert await chat.records.run(everything) == before

    asyncio.run(with_chat(story))
    ours = [record for record in caplog.records if record.name.startswith(("bot", "recommender"))]
    assert not any("want to die" in record.getMessage() for record in ours)
