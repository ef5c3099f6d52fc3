from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import texts
from bot.chat.html_text import MESSAGE_CHARS, visible_chars
from bot.chat.playlist_view import playlist_keyboard, playlist_text
from bot.chat.selfie.messages import reading_caption
from recommender.listeners.published import UNWRITTEN
from recommender.listeners.saved import SavedPlaylist, ShownTrack
from recommender.ranking.relaxed import Relaxed
from recommender.taste.preferences import LONGEST
from tests.support.telegram.chatting import a_reading
from vision import percent


def a_playlist(
    title: str = "Clouds", artist: str = "Ann", count: int = 20, invented: bool = False
) -> SavedPlaylist:
    """Return a playlist of tracks that are all called the same."""
    tracks = tuple(
        ShownTrack(
            position=position,
            track_id="0" * 22,
            title=title,
            artist=artist,
            url="https://open.spotify.com/track/" + "0" * 22,
            reason="as calm as you asked",
            vote=None,
            invented=invented,
        )
        for position in range(count)
    )
    return SavedPlaylist(
        id=1,
        user_id=1,
        emotion="sad",
        mode="lift",
        reading_id=None,
        created=datetime(2026, 11, 20, tzinfo=UTC),
        stars=None,
        tracks=tracks,
    )


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_any_title_fits_telegram_and_stays_text(title: str, artist: str) -> None:
    text = playlist_text(a_playlist(title, artist), url="https://a.test/?b=1&c=2")
    assert visible_chars(text) <= MESSAGE_CHARS
    assert text.count("<a ") == 21
    assert text.count("<") == text.count(">")


def test_markup_in_a_title_is_shown_not_obeyed() -> None:
    text = playlist_text(a_playlist("<b>_*[x](y)&amp;"), url=None)
    assert "<b>_" not in text
    assert "<b>_*[x](y)&amp;" in unescape(text)


def test_twenty_long_titles_keep_their_reasons() -> None:
    text = playlist_text(a_playlist("T" * 60, "A" * 40), url="https://a.test")
    assert text.count("as calm as you asked") == 20


def test_too_many_tracks_lose_their_reasons_rather_than_their_message() -> None:
    text = playlist_text(a_playlist("T" * 60, "A" * 30, count=35), url=None)
    assert "as calm as you asked" not in text
    assert visible_chars(text) <= MESSAGE_CHARS


@pytest.mark.parametrize("letter", ["T", "🎵"])
def test_the_longest_playlist_fits_one_message(letter: str) -> None:
    longest = a_playlist(letter * 80, letter * 80, count=LONGEST, invented=True)
    sentences = " ".join(str(Relaxed(kind, 50, 50, 99)) for kind in ("mood", "repeats", "length"))
    text = playlist_text(longest, url="https://a.test", notice=sentences)
    assert sentences in text
    assert text.count(" · " + letter) == LONGEST
    assert visible_chars(text) <= MESSAGE_CHARS


def test_invented_tracks_are_marked_and_lead_nowhere() -> None:
    text = playlist_text(a_playlist(invented=True), url=None)
    assert text.count("(invented)") == 20
    assert "open.spotify.com" not in text


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(0.0, "< 1 %"), (0.004, "< 1 %"), (0.006, "1 %"), (0.72, "72 %"), (0.996, "> 99 %")],
)
def test_nothing_estimated_is_0_or_100_percent(probability: float, shown: str) -> None:
    assert percent(probability) == shown


def test_an_unsure_reading_names_its_two_best_guesses() -> None:
    reading = a_reading("fear", 0.3)
    probabilities = reading.probabilities | {"sad": 0.25}
    text = reading_caption(a_reading("fear", 0.3, probabilities=probabilities))
    assert text.startswith("I'm not sure: <b>afraid</b> (30 %) or <b>sad</b> (25 %)?")


def test_a_page_of_votes_fits_a_phone() -> None:
    keyboard = playlist_keyboard(a_playlist(), page=1, place=UNWRITTEN).inline_keyboard
    labels = [[button.text for button in row] for row in keyboard]
    assert labels[0] == ["👍 11", "👎 11", "👍 12", "👎 12"]
    assert labels[5] == ["‹", "11 to 20 of 20", "›"]
    assert labels[6] == ["Match", "• Lift •", "Calm"]
    assert labels[7] == ["More like this", "Another one"]


@pytest.mark.parametrize(
    ("confidence", "words"),
    [(0.5, "My best guess."), (0.65, "I'm fairly sure."), (0.85, "I'm quite sure.")],
)
def test_how_sure_a_reading_is_is_said_in_words(confidence: float, words: str) -> None:
    assert reading_caption(a_reading("sad", confidence)).endswith(f"😢 {words}")


def test_every_text_fits_one_message() -> None:
    said = [value for value in vars(texts).values() if isinstance(value, str)]
    assert max(visible_chars(text) for text in said) <= MESSAGE_CHARS


@pytest.mark.parametrize(
    ("covered", "told"), [("mouth", "take this lightly"), ("eyes", "the rest of your face")]
)
def test_what_is_covered_is_said_in_place_of_eyes_not_found(covered: str, told: str) -> None:
    reading = replace(a_reading("happy", 0.8), covered=covered, eyes_found="estimated")
    text = reading_caption(reading)
    assert told in text
    assert "estimated" not in text
