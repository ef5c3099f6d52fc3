import re
from collections.abc import Mapping
from typing import Any

import pytest

from bot import texts
from bot.chat import keyboards, playlist_view
from bot.linking.playlist_writer import FindReplacements, WrittenPlaylist, leave
from bot.storage.records import Records, Stores
from recommender.errors import (
    ConnectionExpired,
    NotConnected,
    QuotaExceeded,
    RecommenderError,
    TooFewTracks,
)
from recommender.mood.targets import EMOTIONS, MODES
from recommender.services.spotify.intents import PlaylistDraft
from tests.support.telegram.chatting import AGREE, ANNA, BEN, NOW, Chat, chatting
from tests.support.telegram.messages import titles


class FakeConnections:
    """Takes playlists as Spotify would, or refuses as told."""

    redirect_uri = "http://127.0.0.1:8080/callback"
    shows_digits = False

    def __init__(self, refusal: RecommenderError | None = None) -> None:
        self.refusal = refusal
        self.written: list[PlaylistDraft] = []
        self.connected: set[int] = {ANNA}
        self._records: Records | None = None
        self.oauth = self.writer = self  # one fake for all three

    def keeping(self, records: Records) -> "FakeConnections":
        """Find in these records what is to be written."""
        self._records = records
        return self

    async def begin(self, user_id: int) -> str:
        return f"https://accounts.test/authorize?state={user_id}"

    async def finish(self, query: Mapping[str, str]) -> int:
        return ANNA

    async def app_of(self, user_id: int) -> str:
        return ""

    async def is_connected(self, user_id: int) -> bool:
        return user_id in self.connected

    async def disconnect(self, user_id: int) -> None:
        self.connected.discard(user_id)

    async def forget(self, user_id: int) -> None:
        self.connected.discard(user_id)

    async def write(
        self, user_id: int, draft: PlaylistDraft, find_replacements: FindReplacements = leave
    ) -> WrittenPlaylist | None:
        await self._records.run(lambda s: s.spotify.playlists.intend(user_id, draft, NOW))
        return await self.write_pending(user_id, find_replacements)

    async def write_pending(
        self, user_id: int, find_replacements: FindReplacements = leave, *, only: int | None = None
    ) -> WrittenPlaylist | None:
        if self.refusal:
            raise self.refusal
        intent = await self._records.run(lambda s: s.spotify.playlists.intent(user_id))
        if intent is None:
            return None
        draft = intent.draft

        def finish(stores: Stores) -> None:
            stores.spotify.playlists.fulfil(user_id, draft)
            stores.music.publications.note(draft.saved_id, "https://open.test/p1")

        await self._records.run(finish)
        self.written.append(draft)
        return WrittenPlaylist(
            "p1",
            "https://open.test/p1",
            draft.name,
            created=True,
            saved_id=draft.saved_id,
        )


@pytest.mark.parametrize("emotion", EMOTIONS)
async def test_a_named_mood_makes_a_playlist_with_a_reason_for_each_track(
    chat: Chat, emotion: str
) -> None:
    _, playlist = await chat.say(f"/mood {emotion}")
    assert f"{emotion.capitalize()} · Match" in playlist.text
    assert len(titles(playlist)) == 20
    assert len(re.findall(r"<i>[^<]+</i>$", playlist.text, re.MULTILINE)) >= 20


@pytest.mark.parametrize("words", ["/mood", "/mood blissful"])
async def test_an_unnamed_mood_is_asked_for(chat: Chat, words: str) -> None:
    (asked,) = await chat.say(words)
    assert len(asked.buttons) == len(EMOTIONS)
    *_, playlist = await chat.press(asked.data("😮 surprise"), message_id=5)
    assert "Surprise · Match" in playlist.text
    assert playlist.parameters["message_id"] == 5


async def test_playlist_asks_again_with_other_tracks_in_the_last_mode(chat: Chat) -> None:
    (none_yet,) = await chat.say("/playlist")
    assert none_yet.text == texts.NO_MOOD_YET
    _, first = await chat.say("/mood sad")
    *_, lifted = await chat.press(first.data("Lift"))
    _, again = await chat.say("/playlist")
    assert "Sad · Lift" in again.text
    assert not set(titles(again)) & set(titles(lifted))


@pytest.mark.parametrize("mode", MODES)
async def test_a_mode_button_under_the_picture_rewrites_that_readings_playlist(
    chat: Chat, mode: str
) -> None:
    await chat.press(AGREE)
    *_, picture, _, playlist = await chat.photo()
    chosen = {"match": "• Match •"}.get(mode, texts.MODE_LABELS[mode])
    calls = await chat.press(picture.data(chosen))
    assert f"Happy · {texts.MODE_LABELS[mode]}" in calls[-1].text
    assert calls[-1].parameters["message_id"] == playlist.parameters["message_id"]
    assert not any(call.method == "sendMessage" for call in calls)


async def test_switching_modes_does_not_use_up_the_tracks_that_fit(chat: Chat) -> None:
    _, shown = await chat.say("/mood surprise")
    for label in ("Lift", "Calm", "Match", "Calm", "Match"):
        *_, shown = await chat.press(shown.data(label))
    assert "that was left" not in shown.text


@pytest.mark.parametrize("is_read", [True, False])
async def test_an_older_playlist_written_anew_may_keep_its_tracks(
    chat: Chat, *, is_read: bool
) -> None:
    if is_read:
        await chat.press(AGREE)
        *_, buttons, _, older = await chat.photo()
    else:
        _, older = await chat.say("/mood happy")
        buttons = older
    _, newer = await chat.say("/mood sad")
    *_, again = await chat.press(buttons.data("• Match •"))
    assert set(titles(again)) & set(titles(older))
    assert not set(titles(again)) & set(titles(newer))


async def test_a_playlist_whose_message_was_deleted_is_found_in_the_one_sent_anew(
    chat: Chat,
) -> None:
    await chat.press(AGREE)
    *_, picture, _, shown = await chat.photo()
    chat.telegram.deleted.add(shown.parameters["message_id"])
    *_, sent_anew = await chat.press(picture.data("Calm"))
    assert (sent_anew.method, len(titles(sent_anew))) == ("sendMessage", 20)
    *_, rewritten = await chat.press(picture.data("Lift"))
    assert (rewritten.method, len(titles(rewritten))) == ("editMessageText", 20)
    (rated,) = await chat.react(rewritten.parameters["message_id"], "❤")
    assert rated.text == texts.RATED.format(stars=5)
    last = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
    assert (last.mode, last.stars) == ("lift", 5)


async def test_a_mood_chosen_by_button_brings_other_tracks_than_the_last_time(chat: Chat) -> None:
    heard: set[str] = set()
    for message_id in (701, 702, 703):
        await chat.press("mood:happy", message_id=message_id)
        last = await chat.records.run(lambda s: s.music.last_playlist(ANNA))
        assert last is not None
        assert heard.isdisjoint(track.track_id for track in last.tracks)
        heard |= {track.track_id for track in last.tracks}


@pytest.mark.parametrize(("word", "emotion"), [("SAD", "Sad"), ("disgusted", "Disgust")])
async def test_moods_are_understood_as_the_bot_says_them(
    chat: Chat, word: str, emotion: str
) -> None:
    _, playlist = await chat.say(f"/mood {word}")
    assert f"{emotion} · Match" in playlist.text


async def test_paging_shows_every_track_once(chat: Chat) -> None:
    _, playlist = await chat.say("/mood happy")
    seen: list[str] = []
    shown = playlist
    for _ in range(2):
        seen += [b["callback_data"] for b in shown.buttons if b["text"].startswith("👍")]
        _, shown = await chat.press(shown.data("›"))
    assert len(set(seen)) == len(seen) == 20
    (gone,) = await chat.press(playlist.data("›"), BEN)
    assert gone.parameters["text"] == texts.GONE


def test_callback_data_fits_telegrams_64_bytes() -> None:
    for row in keyboards.emotions("correct", 2**63 - 1).inline_keyboard:
        for button in row:
            assert len(str(button.callback_data).encode()) <= 64


async def test_a_connected_listener_gets_the_playlist_in_spotify() -> None:
    connections = FakeConnections()

    async with chatting(connect_by=connections.keeping) as chat:
        _, playlist = await chat.say("/mood sad")
        (draft,) = connections.written
        assert len(draft.uris) == len(set(draft.uris)) == 20
        assert "https://open.test/p1" in playlist.text
        assert playlist_view.OPEN_IN_SPOTIFY in [b["text"] for b in playlist.buttons]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (ConnectionExpired("invalid_grant"), "connect again"),
        (QuotaExceeded("spent", retry_after_s=7200), "until about 20 November, 14:00 UTC"),
    ],
)
async def test_what_spotify_refuses_is_still_a_playlist_in_the_chat(
    refusal: RecommenderError, words: str
) -> None:
    async with chatting(connect_by=FakeConnections(refusal).keeping) as chat:
        _, playlist = await chat.say("/mood sad")
        assert words in playlist.text
        assert len(titles(playlist)) == 20


async def test_connecting_writes_the_playlist_that_waited() -> None:
    connections = FakeConnections(NotConnected("no account"))
    connections.connected.clear()

    async with chatting(connect_by=connections.keeping) as chat:
        await chat.say("/mood sad")
        (offer,) = await chat.say("/connect")
        assert offer.buttons[0]["url"].startswith("https://accounts.test/")
        connections.refusal = None
        await chat.connecting.connected(chat.application.bot, ANNA)
        assert len(connections.written) == 1
        assert "https://open.test/p1" in chat.telegram.calls[-1].text


async def test_saving_offers_to_connect_first_and_writes_once_connected() -> None:
    connections = FakeConnections(NotConnected("no account"))
    connections.connected.clear()

    async with chatting(connect_by=connections.keeping) as chat:
        _, playlist = await chat.say("/mood sad")
        save = playlist.data("Save to my Spotify")
        toast, offer = await chat.press(save)
        assert toast.method == "answerCallbackQuery"
        assert offer.buttons[0]["url"].startswith("https://accounts.test/")
        connections.refusal = None
        _, saved = await chat.press(save, message_id=playlist.parameters["message_id"])
        assert playlist_view.OPEN_IN_SPOTIFY in [button["text"] for button in saved.buttons]
        assert len(connections.written) == 1


# -- settings --


async def settle(chat: Chat, **settings: Any) -> None:
    """Store settings of Anna's."""
    await chat.records.run(lambda stores: stores.music.preferences.change(ANNA, NOW, **settings))


@pytest.mark.parametrize("length", [5, 50])
async def test_a_playlist_follows_the_settings(chat: Chat, length: int) -> None:
    banned = ("disco", "soul", "synthwave")

    await settle(chat, length=length, mode="calm", banned_genres=banned)
    _, playlist = await chat.say("/mood happy")
    assert "Happy · Calm" in playlist.text
    assert len(titles(playlist)) == length
    genres = await chat.records.run(
        lambda s: [row["genre"] for row in s.music.db.query("select genre from shown")]
    )
    assert len(genres) == length
    assert not {genre.partition(", ")[0] for genre in genres} & set(banned)
    _, others = await chat.say("/mood happy", BEN)
    assert "Happy · Match" in others.text
    assert len(titles(others)) == 20


async def test_a_photo_is_answered_in_the_mode_of_the_settings(chat: Chat) -> None:
    await settle(chat, mode="lift")
    await chat.press(AGREE)
    *_, picture, _, playlist = await chat.photo()
    assert "• Lift •" in [button["text"] for button in picture.buttons]
    assert "Happy · Lift" in playlist.text


async def test_filters_that_leave_too_few_are_told_and_nothing_is_stored(chat: Chat) -> None:
    await settle(chat, first_year=1994, banned_artists=("<b>Ada",))
    _, told, removed = await chat.say("/mood happy")
    assert told.text == (
        "Your filters leave me too little music. No track is left for 20 places. The filter "
        "that costs most: the years from 1994 (this catalogue knows no years). Allow other "
        "years, and 2,400 are left."
    )
    assert removed.method == "deleteMessage"
    assert await chat.records.run(lambda s: s.music.last_playlist(ANNA)) is None
    await settle(chat, first_year=None)
    _, playlist = await chat.say("/mood happy")
    assert len(titles(playlist)) == 20


async def test_a_mode_that_finds_too_few_leaves_the_playlist_that_is_shown(chat: Chat) -> None:
    _, playlist = await chat.say("/mood happy")
    await settle(chat, last_year=1950)
    *_, told = await chat.press(playlist.data("Calm"))
    assert told.method == "sendMessage"
    assert "too little music" in told.text


def test_names_in_what_is_told_are_no_markup() -> None:
    error = TooFewTracks("the ban on <b>Ada & Co.", 1, 20, ("artists",), 30)
    assert texts.explain_music_error(error).endswith("the ban on &lt;b&gt;Ada &amp; Co.")


async def test_what_was_relaxed_is_told_with_the_playlist(chat: Chat) -> None:
    names = "dream pop, indie folk, soul, synthwave, garage rock, bossa nova, disco, hip hop"
    all_but_ambient = (*names.split(", "), "post-metal")
    await settle(chat, length=50, banned_genres=all_but_ambient)
    for _ in range(6):
        _, playlist = await chat.say("/mood happy")
    assert re.search(
        r"^\d+ of 50 tracks are some way off the mood, \d+ points", playlist.text, re.M
    )
    assert re.search(r"\d+ of 50 tracks are from your latest playlists\.", playlist.text)
    assert len(titles(playlist)) == 50


# -- Spotify --


async def test_disconnect_says_what_happened() -> None:
    async with chatting(connect_by=FakeConnections().keeping) as chat:
        (done,) = await chat.say("/disconnect")
        assert done.text == texts.DISCONNECTED
        (nothing,) = await chat.say("/disconnect")
        assert nothing.text == texts.NOT_CONNECTED


async def test_without_a_spotify_app_connect_says_so(chat: Chat) -> None:
    (answer,) = await chat.say("/connect")
    assert answer.text == texts.CONNECT_UNAVAILABLE
