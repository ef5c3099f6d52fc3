import asyncio

import pytest

from bot import texts
from tests.chatting import ANNA, Chat, with_chat
from tests.test_playlists import titles


def test_a_disliked_track_never_comes_again() -> None:
    async def story(chat: Chat) -> None:
        _, playlist = await chat.say("/mood happy")
        disliked = titles(playlist)[0]
        toast, edit = await chat.press(playlist.data("👎 1"))
        assert toast.parameters["text"] == texts.VOTED[False]
        assert "👎 1 ✓" in [button["text"] for button in edit.buttons]
        for _ in range(3):
            _, again = await chat.say("/playlist")
            assert disliked not in titles(again)

    asyncio.run(with_chat(story))


def test_the_same_button_again_takes_the_vote_back() -> None:
    async def story(chat: Chat) -> None:
        _, playlist = await chat.say("/mood happy")
        _, voted = await chat.press(playlist.data("👍 1"))
        toast, edit = await chat.press(voted.data("👍 1 ✓"))
        assert toast.parameters["text"] == texts.VOTED[None]
        assert "👍 1 ✓" not in [button["text"] for button in edit.buttons]

    asyncio.run(with_chat(story))


def test_feedback_alone_shows_the_last_playlist_and_the_stars() -> None:
    async def story(chat: Chat) -> None:
        (none_yet,) = await chat.say("/feedback")
        assert none_yet.text == texts.NO_PLAYLIST_YET
        _, playlist = await chat.say("/mood happy")
        shown, ask = await chat.say("/feedback")
        assert titles(shown) == titles(playlist)
        _, rated = await chat.press(ask.data("4 ★"))
        assert rated.text == texts.RATED.format(stars=4)

    asyncio.run(with_chat(story))


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("5", texts.RATED.format(stars=5)),
        ("3 +", texts.VOTED[True]),
        ("20 -", texts.VOTED[False]),
        ("21 -", texts.NO_SUCH_TRACK.format(count=20)),
        ("0 +", texts.NO_SUCH_TRACK.format(count=20)),
        ("6", texts.FEEDBACK_USAGE),
        ("three +", texts.FEEDBACK_USAGE),
        ("² +", texts.FEEDBACK_USAGE),
        ("3 + +", texts.FEEDBACK_USAGE),
    ],
)
def test_feedback_by_words(words: str, answer: str) -> None:
    async def story(chat: Chat) -> None:
        await chat.say("/mood happy")
        (said,) = await chat.say(f"/feedback {words}")
        assert said.text.endswith(answer)

    asyncio.run(with_chat(story))


def test_votes_by_words_and_by_button_are_the_same_votes() -> None:
    async def story(chat: Chat) -> None:
        await chat.say("/mood happy")
        await chat.say("/feedback 2 +")
        saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
        assert [track.vote for track in saved.tracks[:3]] == [None, True, None]

    asyncio.run(with_chat(story))


def test_a_double_tap_is_one_vote() -> None:
    async def story(chat: Chat) -> None:
        _, playlist = await chat.say("/mood happy")
        like = playlist.data("👍 1")
        await asyncio.gather(chat.press(like), chat.press(like))
        saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
        assert saved.tracks[0].vote is True

    asyncio.run(with_chat(story))
