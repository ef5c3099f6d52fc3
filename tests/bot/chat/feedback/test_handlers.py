import asyncio
from datetime import timedelta
from html import unescape

import pytest

from bot import texts
from bot.playlists.selection import Selector
from recommender.listeners.mood_pairs import MoodPair
from recommender.listeners.saved import SavedPlaylist
from tests.support.telegram.chatting import (
    AGREE,
    ANNA,
    BEN,
    NOW,
    Chat,
    a_reading,
    chatting,
)
from tests.support.telegram.messages import titles


async def test_a_disliked_track_never_comes_again(chat: Chat) -> None:
    _, playlist = await chat.say("/mood happy")
    disliked = titles(playlist)[0]
    toast, edit = await chat.press(playlist.data("👎 1"))
    assert toast.parameters["text"] == texts.VOTED[False]
    assert "👎 1 ✓" in [button["text"] for button in edit.buttons]
    for _ in range(3):
        _, again = await chat.say("/playlist")
        assert disliked not in titles(again)


async def test_the_same_button_again_takes_the_vote_back(chat: Chat) -> None:
    _, playlist = await chat.say("/mood happy")
    _, voted = await chat.press(playlist.data("👍 1"))
    toast, edit = await chat.press(voted.data("👍 1 ✓"))
    assert toast.parameters["text"] == texts.VOTED[None]
    assert "👍 1 ✓" not in [button["text"] for button in edit.buttons]


async def test_feedback_alone_shows_the_last_playlist_and_the_stars(chat: Chat) -> None:
    (none_yet,) = await chat.say("/feedback")
    assert none_yet.text == texts.NO_PLAYLIST_YET
    _, playlist = await chat.say("/mood happy")
    shown, ask = await chat.say("/feedback")
    assert titles(shown) == titles(playlist)
    _, rated = await chat.press(ask.data("4 ★"))
    assert rated.text == texts.RATED.format(stars=4)
    _, ask = await chat.say("/feedback")
    assert "• 4 ★ •" in [button["text"] for button in ask.buttons]


async def test_how_it_felt_before_and_after_is_a_pair_with_its_times() -> None:
    now = NOW

    async with chatting(clock=lambda: now) as chat:
        await chat.press(AGREE)
        chat.worker.outcome = a_reading("sad", 0.8)
        await chat.photo()
        now += timedelta(minutes=40)
        (rated,) = await chat.say("/feedback 4")
        _, felt = await chat.press(rated.data("😊 happy"))
        assert "<b>sad</b> 😢 before, <b>happy</b> 😊 now" in felt.text

        (pair,) = await pairs(chat)
        assert (pair.mode, pair.emotion_before, pair.after) == ("match", "sad", "happy")
        assert pair.before["sad"] == pytest.approx(0.8)
        assert (pair.before_utc, pair.after_utc) == (NOW, now)

        _, asked = await chat.press(felt.data(texts.UNDO))
        assert await pairs(chat) == []
        now += timedelta(minutes=1)
        await chat.press(asked.data("😐 neutral"))
        await chat.say("/mood angry")  # a mood that was chosen has no reading
        (rated,) = await chat.say("/feedback 1")
        await chat.press(rated.data("😠 angry"))
        first, second = await pairs(chat)
        assert (first.after, first.after_utc) == ("neutral", now)
        assert (second.before, second.before_utc) == ({"angry": 1.0}, now)


async def test_undo_puts_back_what_was_there_before(chat: Chat) -> None:
    await chat.say("/mood happy")
    await chat.say("/feedback 2")
    (rated,) = await chat.say("/feedback 5")
    _, asked = await chat.press(rated.data(texts.UNDO))
    assert (asked.text, (await last(chat)).stars) == (texts.ASK_STARS, 2)
    (first,) = await chat.say("/feedback 3 +")
    (second,) = await chat.say("/feedback 3 -")
    await chat.press(second.data(texts.UNDO))
    assert (await last(chat)).tracks[2].vote is True
    _, none = await chat.press(first.data(texts.UNDO))
    assert none.text.endswith(texts.VOTED[None])
    assert (await last(chat)).tracks[2].vote is None


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_undo_touches_no_track_but_the_one_voted_on(
    chat: Chat, *, is_replaced: bool
) -> None:
    await chat.say("/mood happy")
    saved = await last(chat)
    (first,) = await chat.say("/feedback 19 +")
    (voted,) = await chat.say("/feedback 20 -")
    (again,) = await chat.say("/feedback 20 +")
    gone = [saved.tracks[place] for place in (18, 19)]
    choosing = Selector(chat.services)
    if not is_replaced:
        known = {id_.decode() for id_ in chat.services.table.ids}
        await chat.records.run(lambda s: s.music.gone.add(known, NOW))
    await choosing.replace(ANNA, saved.id, [track.track_id for track in gone])
    assert len((await last(chat)).tracks) == (20 if is_replaced else 18)
    for said in (first, voted, again):
        (toast,) = await chat.press(said.data(texts.UNDO))
        assert toast.parameters["text"] == texts.GONE
    assert all(track.vote is None for track in (await last(chat)).tracks)


async def test_undo_finds_its_track_where_it_moved_to(chat: Chat) -> None:
    await chat.say("/mood happy")
    saved = await last(chat)
    (voted,) = await chat.say("/feedback 20 +")
    known = {id_.decode() for id_ in chat.services.table.ids}
    await chat.records.run(lambda s: s.music.gone.add(known, NOW))
    await Selector(chat.services).replace(ANNA, saved.id, [saved.tracks[0].track_id])
    assert (await last(chat)).tracks[18].vote is True
    _, undone = await chat.press(voted.data(texts.UNDO))
    assert saved.tracks[19].title in unescape(undone.text)
    assert (await last(chat)).tracks[18].vote is None


async def test_nothing_is_said_of_what_is_gone(chat: Chat) -> None:
    for data in ("felt:1:sad", "undo:stars:1:0", "stars:1:3", "vote:1:1:up"):
        (toast,) = await chat.press(data)
        assert toast.parameters["text"] == texts.GONE


@pytest.mark.parametrize(("emoji", "stars"), [("❤", 5), ("👍", 4), ("👎", 2), ("💩", 1)])
async def test_a_reaction_on_a_playlist_rates_it(chat: Chat, emoji: str, stars: int) -> None:
    await chat.say("/mood happy")
    message_id = await shown_in(chat)
    (rated,) = await chat.react(message_id, emoji)
    assert rated.text == texts.RATED.format(stars=stars)
    assert (await last(chat)).stars == stars
    assert await chat.react(message_id, "🤔", before=[emoji]) == []  # says nothing of liking
    assert (await last(chat)).stars is None


async def test_a_reaction_on_a_track_votes(chat: Chat) -> None:
    await chat.say("/mood happy")
    await chat.say("/feedback 3 +")
    message_id = await shown_in(chat)
    assert await chat.react(message_id, "👎", "💔") == []
    assert (await last(chat)).tracks[2].vote is False
    await chat.react(message_id, before=["👎"])
    assert (await last(chat)).tracks[2].vote is None


async def test_a_reaction_elsewhere_of_another_kind_or_of_another_user_changes_nothing(
    chat: Chat,
) -> None:
    await chat.say("/mood happy")
    message_id = await shown_in(chat)
    assert await chat.react(message_id + 1000, "👎") == []
    assert await chat.react(message_id, "🤔") == []
    assert await chat.react(message_id, "👎", user_id=BEN) == []
    assert (await last(chat)).stars is None
    await chat.press("forget:yes")
    assert await chat.react(message_id, "👍") == []


async def test_a_strangers_reaction_is_passed_over() -> None:
    async with chatting(allowed_ids=frozenset({str(ANNA)})) as chat:
        assert await chat.react(1, "👍", user_id=BEN) == []


async def last(chat: Chat) -> SavedPlaylist:
    saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
    assert saved is not None
    return saved


async def pairs(chat: Chat) -> list[MoodPair]:
    return await chat.records.run(lambda s: s.music.mood_pairs(ANNA))


async def shown_in(chat: Chat) -> int:
    """Return the newest message that shows a playlist or a track."""
    sql = "select max(message_id) as id from shown_messages"
    return await chat.records.run(lambda s: next(s.people.db.query(sql))["id"])


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
async def test_feedback_by_words(chat: Chat, words: str, answer: str) -> None:
    await chat.say("/mood happy")
    (said,) = await chat.say(f"/feedback {words}")
    assert said.text.endswith(answer)


async def test_votes_by_words_and_by_button_are_the_same_votes(chat: Chat) -> None:
    await chat.say("/mood happy")
    await chat.say("/feedback 2 +")
    saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
    assert [track.vote for track in saved.tracks[:3]] == [None, True, None]


async def test_a_double_tap_is_one_vote(chat: Chat) -> None:
    _, playlist = await chat.say("/mood happy")
    like = playlist.data("👍 1")
    await asyncio.gather(chat.press(like), chat.press(like))
    saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
    assert saved.tracks[0].vote is True
