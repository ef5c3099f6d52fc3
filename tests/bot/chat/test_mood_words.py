from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import texts
from bot.chat.mood_words import MOST, WEIGHT, Heard, Term, hear, is_story, unpack
from recommender.mood.targets import EMOTIONS


def told(text: str) -> list[str]:
    return [str(term) for term in hear(text).terms]


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("rough day", "sad"),
        ("feeling kind of down today", "sad"),
        ("I'm so happy!", "happy"),
        ("HAPPY", "happy"),
        ("nervous about tomorrow", "fear"),
        ("so fed up with this", "angry"),
        ("over the moon 🎉", "happy"),
        ("😢", "sad"),
        ("ew, gross", "disgust"),
        ("did not expect that", "surprise"),
        ("feeling ok", "neutral"),
        ("I am great today", "happy"),
        ("not happy", "sad"),
        ("I don’t feel so good", "sad"),
        ("not angry, just sad", "sad"),
        ("not sad but angry", "angry"),
    ],
)
def test_words_name_an_emotion(text: str, emotion: str) -> None:
    assert hear(text).emotion == emotion


@pytest.mark.parametrize(("emotion", "adjective"), texts.ADJECTIVES.items())
def test_the_bots_own_words_for_people_are_heard(emotion: str, adjective: str) -> None:
    assert hear(adjective).emotion == emotion


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello there",
        "what can you do?",
        "play some Björk",
        "this is great",  # of the music, perhaps
        "turn it down",
        "not sad",  # but what then?
        "happy and sad",
        "1234 !!! ...",
        "sadly",
    ],
)
def test_what_names_no_emotion_or_two_is_not_guessed(text: str) -> None:
    assert hear(text).emotion is None


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("I'm not happy", ["not happy"]),
        ("never felt so happy", ["not happy"]),  # it knows no irony
        ("I am not at all that happy", ["happy"]),  # too far away
        ("no, happy", ["happy"]),
        ("no longer sad", ["not sad"]),
        ("I can't stop crying", ["crying"]),
        ("nothing makes me happy", ["not happy"]),
        ("not only sad but angry", ["sad", "angry"]),
        ("isn't sad or angry", ["not sad", "not angry"]),
        ("sad, sad, SAD", ["sad"]),
        ("a good friend of a bad man", []),
        ("a bad morning", ["bad"]),
        ("can't wait", ["can't wait"]),
    ],
)
def test_what_counts_is_told_word_for_word(text: str, terms: list[str]) -> None:
    assert told(text) == terms


def test_one_word_is_a_likelihood_of_three_to_one() -> None:
    evidence = hear("lonely").evidence
    assert list(evidence) == list(EMOTIONS)
    assert evidence.pop("sad") == pytest.approx(log(3))
    assert set(evidence.values()) == {0.0}
    evidence = hear("not angry").evidence
    assert evidence["angry"] == pytest.approx(-log(3))


def test_words_multiply_but_only_so_far() -> None:
    two = hear("sad and lonely").evidence["sad"]
    many = hear("sad lonely hurt upset crying heartbroken").evidence["sad"]
    assert exp(two) == pytest.approx(9)
    assert many == two == MOST


def test_not_happy_speaks_for_sad_by_half_a_word() -> None:
    evidence = hear("not happy").evidence
    assert evidence["happy"] == -WEIGHT
    assert evidence["sad"] == WEIGHT / 2


@given(st.text(max_size=200))
def test_any_text_is_heard_within_bounds(text: str) -> None:
    heard = hear(text)
    assert all(abs(value) <= MOST for value in heard.evidence.values())
    assert heard.emotion in (*EMOTIONS, None)


@given(st.text(alphabet="sadhpyngrlo ,.'not", max_size=80), st.integers(0, 60))
def test_what_is_packed_fits_and_comes_back(text: str, limit: int) -> None:
    heard = hear(text)
    packed = heard.packed(limit)
    assert len(packed.encode()) <= limit
    assert unpack(packed).terms == heard.terms[: len(unpack(packed).terms)]


def test_what_is_packed_comes_back_whole_where_there_is_room() -> None:
    heard = hear("rough day, not happy 😢")
    assert (
        unpack(heard.packed(60))
        == heard
        == Heard((Term("rough"), Term("happy", True), Term("😢")))
    )
    assert unpack("") == Heard()
    assert unpack("sad,frobnicated").terms == (Term("sad"),)


def test_a_long_message_is_a_story() -> None:
    assert not is_story("feeling kind of down today")
    assert is_story("and then " * 20)
