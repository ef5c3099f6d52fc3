"""Another playlist for the same mood, and one that is like another."""

import asyncio
from dataclasses import replace

from bot import texts
from recommender.listeners.saved import SavedPlaylist
from tests.support.songs import random_tracks, table_of
from tests.support.telegram.chatting import ANNA, NOW, Chat, with_chat
from tests.support.telegram.messages import titles

TABLE = table_of(
    [
        replace(
            track,
            genre="jazz" if number % 2 else "rock",
            acousticness=0.2,
            danceability=0.6,
            mode=1,
            loudness_db=-7.0,
            instrumentalness=0.0,
            speechiness=0.06,
        )
        for number, track in enumerate(random_tracks(1500))
    ]
)


async def last(chat: Chat) -> SavedPlaylist:
    saved = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
    assert saved is not None
    return saved


async def jazz(chat: Chat) -> int:
    """Return how many tracks of the last playlist are jazz."""
    ids = {track.track_id for track in (await last(chat)).tracks}
    return sum(TABLE.track(int(row)).genre == "jazz" for row in TABLE.rows(ids))


async def test_another_one_has_other_tracks_for_the_same_mood_and_mode(chat: Chat) -> None:
    _, sad = await chat.say("/mood sad")
    _, sad = await chat.press(sad.data("Lift"))
    await chat.say("/mood happy")  # an older playlist's button is about that one
    toast, status, another = await chat.press(sad.data("Another one"))
    assert toast.method == "answerCallbackQuery"
    assert status.text == texts.STATUS_CHOOSING
    assert "Sad · Lift" in another.text
    assert not set(titles(another)) & set(titles(sad))


def test_more_like_this_gives_more_like_it_and_rates_nothing() -> None:
    found = {"More like this": 0, "Another one": 0}

    async def story(chat: Chat) -> None:
        for label in found:
            await chat.press("forget:yes")
            change = chat.services.records.run
            await change(lambda s: s.music.preferences.change(ANNA, NOW, banned_genres=("rock",)))
            _, playlist = await chat.say("/mood neutral")
            assert await jazz(chat) == 20
            await change(lambda s: s.music.preferences.change(ANNA, NOW, banned_genres=()))
            for _ in range(5):
                await chat.press(playlist.data(label))
                found[label] += await jazz(chat)
            first = await chat.records.run(lambda s: s.music.taste(ANNA))
            assert first.opinions == ()

    asyncio.run(with_chat(story, table=TABLE))
    assert found["More like this"] > found["Another one"] + 10


async def test_a_playlist_that_is_gone_has_no_other_like_it(chat: Chat) -> None:
    for data in ("more:1", "another:1"):
        (toast,) = await chat.press(data)
        assert toast.parameters["text"] == texts.GONE
