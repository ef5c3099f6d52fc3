"""What the bot says about the words that it understood as a mood, as Telegram's HTML."""

from html import escape

from bot import texts
from bot.chat.mood_words import Heard, Term, Wish

MAX_WORDS = 8
"""How many of the user's words are repeated, to keep a caption short."""


def counted(heard: Heard) -> str:
    """Return which of the user's words counted, and for which emotion."""
    return _counted([_counted_as(term) for term in heard.terms[:MAX_WORDS]])


def heard_mood(wish: Wish, emotion: str) -> str:
    """Return the answer to words that name a mood, a mode or both."""
    feeling = f"<b>{texts.ADJECTIVES[emotion]}</b>"
    if wish.strength < 1:
        feeling = texts.A_BIT.format(feeling=feeling)
    if wish.mode is not None:
        feeling = texts.IN_MODE.format(feeling=feeling, mode=texts.MODE_LABELS[wish.mode])
    words = [_counted_as(term) for term in wish.heard.terms[:MAX_WORDS]]
    if wish.mode_word:
        word = f"<i>{wish.mode_word}</i>"
        if wish.mode_word != wish.mode:
            word = texts.COUNTED_FOR.format(word=word, emotion=wish.mode)
        words.append(word)
    return texts.HEARD_MOOD.format(counted=_counted(words), emotion=feeling)


def heard_no_mood(heard: Heard) -> str:
    """Return the question about words that name no mood, or several."""
    return texts.HEARD_NO_MOOD.format(counted=counted(heard))


def _counted(words: list[str]) -> str:
    return texts.COUNTED_WORDS.format(words=", ".join(words))


def _counted_as(term: Term) -> str:
    word = f"<i>{escape(str(term))}</i>"
    if str(term) == term.emotion:
        return word
    return (texts.COUNTED_AGAINST if term.is_negated else texts.COUNTED_FOR).format(
        word=word, emotion=term.emotion
    )
